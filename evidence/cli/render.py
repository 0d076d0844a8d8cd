"""`evidence render`: regenerate summaries from evidence, or only compare."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from evidence import layout
from evidence.cli.boundary import complain, without_a_run
from evidence.errors import ExitCode
from evidence.publish.index import INDEX, Reports, index_differs, update_index
from evidence.publish.summaries import Rendered, render_all
from evidence.text.escape import visible
from evidence.verification.named import expand, packs_below, refuse_empty, what_is_there

_RUNS: Final = Path(layout.RUNS)


@click.command()
@click.argument("packs", nargs=-1, metavar="[PACK...]", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a summary differs.")
@without_a_run()
def command(packs: tuple[Path, ...], check: bool) -> None:
    """Regenerate the summaries of PACKs, or of every pack below runs/ with its index.

    Digests are checked first: a broken pack is not rendered (exit 1), all others are.
    """
    if not packs and _RUNS.is_dir() and not packs_below(_RUNS):
        click.echo(f"No packs below runs/. {what_is_there(_RUNS)}")
        return
    refuse_empty(packs)
    found = expand(packs or (_RUNS,))
    rendered = render_all(found, check=check)
    for pack, one in zip(found, rendered, strict=True):
        click.echo(f"{visible(pack.as_posix())}: {_line_of(one, check=check)}")
    stale = check and any(one.changed for one in rendered)
    # Last, because its verdicts see what was written; a broken pack is in it as such.
    known = {
        pack: one.report
        for pack, one in zip(found, rendered, strict=True)
        if one.report is not None
    }
    for folder in (path for path in packs or (_RUNS,) if path.is_dir() and path not in found):
        stale = _index(folder, known, check=check) or stale
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
    verb = "differs" if check else "written"
    return f"{verb}: {', '.join(one.changed)}" if one.changed else "same"


def _index(runs: Path, known: Reports, *, check: bool) -> bool:
    """Write or compare the index of a folder of packs; returns whether it is stale."""
    changed = index_differs(runs, known) if check else update_index(runs, known)
    verb = "differs" if check else "written"
    click.echo(f"{(runs / INDEX).as_posix()}: {verb if changed else 'same'}")
    return check and changed
