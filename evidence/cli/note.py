"""`evidence note`: the author's later words, attached and shown as such."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.cli.boundary import without_a_run
from evidence.cli.say import echo
from evidence.cli.streams import heard
from evidence.publish.notes import attach_note


@click.command()
@click.argument("pack", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@without_a_run()
def command(pack: Path, file: Path) -> None:
    """Attach the markdown FILE to PACK as notes added after sealing, and render again.

    The sealed evidence does not change, nor does its root digest.
    """
    said = f"attached as {attach_note(pack, file).as_posix()}; the summary is rendered again"
    with heard(said):
        echo(said)
