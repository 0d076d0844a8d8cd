"""What is wrong with `packing` in [train], as far as the file alone tells.

Responsible for settings beside it that it does nothing for, or changes the meaning of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evidence.records.milestone import Milestone

Problem = tuple[str, str]
"""(pointer, what is wrong)."""
Table = tuple[str, dict[str, Any]]


def packing_problems(milestone: Milestone, tables: tuple[Table, ...]) -> Iterator[Problem]:
    """Of the settings that these tables give together; later ones count."""
    asked: dict[str, Any] = {}
    at = "/train"
    for path, table in tables:
        asked |= table
        at = path if "packing" in table else at
    if not asked["packing"]:
        return
    if asked["batch_size"] == 1:
        text = "packs the rows of a forward pass, and batch_size says that it has one: raise it"
        yield f"{at}/packing", text
    if asked["neftune_noise_alpha"]:
        text = "makes longer sequences, by which NEFTune scales its noise: leave one of them out"
        yield f"{at}/packing", text
    if milestone.processes > 1:
        text = "is of trainings in one process, and [launch] asks for several: leave one out"
        yield f"{at}/packing", text
