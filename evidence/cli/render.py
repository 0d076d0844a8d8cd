"""`evidence render`: regenerate summaries and fill pages from evidence, or only compare."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Final

import click

from evidence import layout
from evidence.cli.answer import add_written, json_option
from evidence.cli.boundary import complain, without_a_run
from evidence.cli.pages import render_pages
from evidence.cli.say import echo
from evidence.cli.streams import heard
from evidence.errors import ExitCode
from evidence.markers.page import is_page
from evidence.publish.index import INDEX, Reports, index_differs, update_index
from evidence.publish.summaries import Rendered, render_all
from evidence.text.escape import visible
from evidence.verification.named import expand, packs_below, refuse_empty, what_is_there

_RUNS: Final = Path(layout.RUNS)


@click.command()
@click.argument("packs", nargs=-1, metavar="[PACK|PAGE...]", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where anything differs.")
@json_option
@without_a_run()
def command(packs: tuple[Path, ...], check: bool) -> None:
    """Regenerate the summaries of PACKs, or of every pack below runs/ with its index.

    Digests are checked first: a broken pack is not rendered (exit 1), all others are.

    Of a PAGE, a file in markdown or HTML, only what stands between its markers is written:
    <!-- evidence runs/M43 train.loss_end -->2.31<!-- /evidence -->
    """
    pages = tuple(path for path in packs if is_page(path))
    packs = tuple(path for path in packs if path not in pages)
    if packs or not pages:
        _render_packs(packs, check=check)
    if pages:
        render_pages(pages, check=check)


def _render_packs(packs: tuple[Path, ...], *, check: bool) -> None:
    if not packs and _RUNS.is_dir() and not packs_below(_RUNS):
        echo(f"No packs below runs/. {what_is_there(_RUNS)}")
        return
    refuse_empty(packs)
    found = expand(packs or (_RUNS,))
    rendered = render_all(found, check=check)
    lines = [
        f"{visible(pack.as_posix())}: {_line_of(one, check=check)}"
        for pack, one in zip(found, rendered, strict=True)
    ]
    stale = check and any(one.changed for one in rendered)
    if not check:
        for pack, one in zip(found, rendered, strict=True):
            add_written(*(pack / name for name in one.changed if one.error is None))
    # Last, because its verdicts see what was written; a broken pack is in it as such.
    known = {
        pack: one.report
        for pack, one in zip(found, rendered, strict=True)
        if one.report is not None
    }
    try:
        for folder in (path for path in packs or (_RUNS,) if path.is_dir() and path not in found):
            changed = _index(folder, known, check=check)
            add_written(*((folder / INDEX,) if changed and not check else ()))
            lines.append(
                f"{(folder / INDEX).as_posix()}: {_verb(check=check) if changed else 'same'}"
            )
            stale = (check and changed) or stale
    finally:  # after the work, which is done whether anybody listens or not
        with nullcontext() if check else heard(lines[-1]):
            echo("\n".join(lines))
    errors = [one.error for one in rendered if one.error]
    errors.sort(key=lambda error: error.exit_code == ExitCode.REFUSED)  # the gravest is the last
    for error in errors[:-1]:
        complain(error)
    if errors:
        raise errors[-1]
    if stale:
        raise click.exceptions.Exit(int(ExitCode.FINDINGS))


def _line_of(one: Rendered, *, check: bool) -> str:
    if one.error is not None:
        return "not rendered"
    return f"{_verb(check=check)}: {', '.join(one.changed)}" if one.changed else "same"


def _index(runs: Path, known: Reports, *, check: bool) -> bool:
    """Write or compare the index of a folder of packs; returns whether it differed."""
    return index_differs(runs, known) if check else update_index(runs, known)


def _verb(*, check: bool) -> str:
    return "differs" if check else "written"
