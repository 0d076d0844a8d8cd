"""Options that several commands share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from evidence.pack.around import refuse_in_a_pack


def _outside_of_packs(_: click.Context, __: click.Parameter, runs: Path | None) -> Path | None:
    if runs is not None:
        refuse_in_a_pack(runs, "--runs")
    return runs


root_option: Final = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="The project: the folder that holds milestones/ (default: the current folder).",
)
runs_option: Final = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    callback=_outside_of_packs,
    help="Where packs appear (default: ROOT/runs).",
)
