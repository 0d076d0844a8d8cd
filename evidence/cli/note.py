"""`evidence note`: the author's later words, attached and shown as such."""

from __future__ import annotations

from pathlib import Path

import click

from evidence.cli.answer import as_shown, json_option, tell
from evidence.cli.boundary import without_a_run
from evidence.cli.say import echo
from evidence.cli.streams import heard
from evidence.publish.notes import attach_note


@click.command()
@click.argument("pack", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@without_a_run()
def command(pack: Path, file: Path) -> None:
    """Attach the markdown FILE to PACK as notes added after sealing, and render again.

    The sealed evidence does not change, nor does its root digest.
    """
    attached = attach_note(pack, file)
    tell(pack=as_shown(pack), written=(as_shown(pack / attached),))
    said = f"attached as {attached.as_posix()}; the summary is rendered again"
    with heard(said):
        echo(said)
