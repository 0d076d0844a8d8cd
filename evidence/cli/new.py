"""`evidence new`: a commented milestone to start from."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.pipeline.scaffold import write_milestone


@click.command()
@click.argument("milestone")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="The project: the folder that holds milestones/.",
)
def command(milestone: str, root: Path) -> None:
    """Write milestones/MILESTONE.toml, with every key you are likely to need explained."""
    path = write_milestone(root, milestone)
    click.echo(f"wrote {path.as_posix()}; next: edit it, then `evidence run {milestone}`")
