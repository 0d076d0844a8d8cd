"""`evidence render`: regenerate summaries from evidence, or only compare."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.cli.verify import expand
from evidence.errors import ExitCode
from evidence.pipeline.summaries import differences, rerender


@click.command()
@click.argument("packs", nargs=-1, metavar="[PACK...]", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a summary differs.")
def command(packs: tuple[Path, ...], check: bool) -> None:
    """Regenerate the summaries of PACKs, or of every pack below runs/.

    Digests are checked first: a broken pack is not rendered (exit 1).
    """
    found = expand(packs or (Path("runs"),))
    if not packs and found == [Path("runs")]:
        click.echo("No packs below runs/. `make evidence MILESTONE=M43` makes one.")
        return
    stale = False
    for pack in found:
        changed = differences(pack) if check else rerender(pack)
        stale = stale or (check and bool(changed))
        verb = "differs" if check else "written"
        click.echo(
            f"{pack.as_posix()}: " + (f"{verb}: {', '.join(changed)}" if changed else "same")
        )
    if stale:
        raise click.exceptions.Exit(int(ExitCode.FINDINGS))
