"""`evidence index`: an index over folders of packs, made or brought up to date."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import click

from evidence.catalogue.build import Indexed, update
from evidence.cli.answer import own_json_option
from evidence.cli.say import echo, echo_records
from evidence.cli.streams import heard
from evidence.text.escape import one_line
from evidence.text.formatting import plural

MAX_NAMED: Final = 5
MAX_LINE_CHARS: Final = 300


@click.command()
@click.argument("folders", nargs=-1, metavar="[FOLDER...]", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The file of the index (default: FOLDER/.index.sqlite).",
)
@click.option("--anew", is_flag=True, help="Read every pack again, whether it changed or not.")
@own_json_option("Print what was done as JSON.")
def command(folders: tuple[Path, ...], to: Path | None, anew: bool, as_json: bool) -> None:
    """Make or update an index over the packs in FOLDER (default: runs), for `evidence find`.

    Reads each pack within the limits of verify, its sealed files whole and by their digests, and
    runs nothing of it. A pack whose files have the names, sizes and times of before is not read
    again. The index is no verification: it says what packs said when they were read.
    """
    done = update(folders or (Path("runs"),), to, anew=anew)
    with heard(_line(done)):
        if as_json:
            echo_records([done])
        else:
            _print(done)


def _line(done: Indexed) -> str:
    packs = plural(done.num_packs, "pack")
    return (
        f"{one_line(done.index, MAX_LINE_CHARS)}: {packs}, {done.num_read} read now, "
        f"{done.num_unchanged} unchanged, {done.num_gone} gone"
    )


def _print(done: Indexed) -> None:
    echo(_line(done))
    for path, state, reason in done.unread[:MAX_NAMED]:
        echo(f"  {state:<10} {one_line(path, MAX_LINE_CHARS)}: {one_line(reason, MAX_LINE_CHARS)}")
    if len(done.unread) > MAX_NAMED:
        counts = Counter(state for _, state, _ in done.unread)
        said = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
        echo(f"  {len(done.unread)} could not be read: {said}")
