"""Options that several commands share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

root_option: Final = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="The project: the folder that holds milestones/ (default: the current folder).",
)
runs_option: Final = click.option(
    "--runs", type=click.Path(path_type=Path), help="Where packs appear (default: ROOT/runs)."
)
