"""`evidence render`: regenerate summaries from evidence, or only compare."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.cli.verify import expand
from evidence.errors import ExitCode
from evidence.pipeline.index import INDEX, index_differs, update_index
from evidence.pipeline.summaries import differences, rerender


@click.command()
@click.argument("packs", nargs=-1, metavar="[PACK...]", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a summary differs.")
def command(packs: tuple[Path, ...], check: bool) -> None:
    """Regenerate the summaries of PACKs, or of every pack below runs/ with its index.

    Digests are checked first: a broken pack is not rendered (exit 1).
    """
    found = expand(packs or (Path("runs"),))
    if not packs and found == [Path("runs")]:
        click.echo("No packs below runs/. `make evidence MILESTONE=M43` makes one.")
        return
    stale = False
    try:
        for pack in found:
            changed = differences(pack) if check else rerender(pack)
            stale = stale or (check and bool(changed))
            verb = "differs" if check else "written"
            click.echo(
                f"{pack.as_posix()}: " + (f"{verb}: {', '.join(changed)}" if changed else "same")
            )
    finally:  # last, because its verdicts see what was written; a broken pack is in it as such
        for folder in (path for path in packs or (Path("runs"),) if path not in found):
            stale = _index(folder, check=check) or stale
    if stale:
        raise click.exceptions.Exit(int(ExitCode.FINDINGS))


def _index(runs: Path, *, check: bool) -> bool:
    """Write or compare the index of a folder of packs; returns whether it is stale."""
    changed = index_differs(runs) if check else update_index(runs)
    verb = "differs" if check else "written"
    click.echo(f"{(runs / INDEX).as_posix()}: {verb if changed else 'same'}")
    return check and changed
