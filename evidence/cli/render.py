"""`evidence render`: regenerate summaries from evidence, or only compare."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.api.verify import expand
from evidence.cli.boundary import complain
from evidence.errors import ExitCode
from evidence.publish.index import INDEX, Reports, index_differs, update_index
from evidence.publish.summaries import Rendered, render_all


@click.command()
@click.argument("packs", nargs=-1, metavar="[PACK...]", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a summary differs.")
def command(packs: tuple[Path, ...], check: bool) -> None:
    """Regenerate the summaries of PACKs, or of every pack below runs/ with its index.

    Digests are checked first: a broken pack is not rendered (exit 1), all others are.
    """
    found = expand(packs or (Path("runs"),))
    if not packs and found == [Path("runs")]:
        click.echo(
            "No packs below runs/. `evidence new M1` writes a milestone, `evidence run M1` makes a "
            "pack of it."
        )
        return
    rendered = render_all(found, check=check)
    for pack, one in zip(found, rendered, strict=True):
        click.echo(f"{pack.as_posix()}: {_line_of(one, check=check)}")
    stale = check and any(one.changed for one in rendered)
    # Last, because its verdicts see what was written; a broken pack is in it as such.
    known = {
        pack: one.report
        for pack, one in zip(found, rendered, strict=True)
        if one.report is not None
    }
    for folder in (path for path in packs or (Path("runs"),) if path not in found):
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
