"""`evidence new`: a commented milestone to start from."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.cli.options import root_option
from evidence.running.scaffold import write_milestone


@click.command()
@click.argument("milestone")
@root_option
def command(milestone: str, root: Path) -> None:
    """Write milestones/MILESTONE.toml, with every key you are likely to need explained."""
    path = write_milestone(root, milestone)
    click.echo(f"wrote {path.as_posix()}; next: edit it, then `evidence run {milestone}`")
