"""`evidence disclose`: single rows of a pack that withholds them, with proof that they are its."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import click

from evidence import layout
from evidence.cli.answer import as_shown, json_option, tell
from evidence.cli.say import echo
from evidence.cli.streams import heard
from evidence.disclose.disclose import disclose, disclosed_bytes
from evidence.errors import UsageError
from evidence.pack.around import refuse_in_a_pack
from evidence.system.durable import write_file

_PART: Final = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_MAX_ROWS: Final = 200_000


@click.command()
@click.argument("pack", type=click.Path(path_type=Path))
@click.option("--rows", required=True, metavar="3,17,20-25", help="Which rows, counted from 0.")
@click.option(
    "--to", required=True, metavar="FILE", type=click.Path(path_type=Path), help="A new file."
)
@click.option(
    "--of",
    default=layout.PREDICTIONS,
    show_default=True,
    metavar="PATH",
    help="The file of rows in the pack.",
)
@json_option
def command(pack: Path, rows: str, to: Path, of: str) -> None:
    """Write single rows of PACK, which withholds them, into FILE, with what proves that they are
    the sealed ones: their salts, and the way from each to the root in commitments.json.

    Whoever has the published copy checks it: evidence verify PACK --disclosed FILE. The rows in
    FILE are then known to them; of the others nothing is told but how many there are.
    """
    indices = _indices(rows)
    if os.path.lexists(to):
        raise UsageError(f"{to} exists already", hint="Name a new file.")
    refuse_in_a_pack(to, "--to", "file")
    record = disclose(pack, indices, of)
    write_file(to, disclosed_bytes(record))
    tell(pack=as_shown(pack), written=(as_shown(to),))
    said = f"{len(record.rows)} of {record.num_rows} rows of {record.path} shown in {as_shown(to)}"
    with heard(said):
        echo(said)
        echo(f"  to check     evidence verify {as_shown(pack)} --disclosed {as_shown(to)}")


def _indices(text: str) -> frozenset[int]:
    """Rows and ranges of rows. Raises UsageError for anything else."""
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last or last - first >= _MAX_ROWS:
            raise UsageError(
                f"--rows {part.strip()!r} is no row and no range of rows",
                hint="Rows are counted from 0: --rows 3,17,20-25.",
            )
        found.update(range(first, last + 1))
    return frozenset(found)
