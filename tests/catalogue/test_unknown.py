"""A name that nothing in the index has is told as that, with the nearest that something has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy import intact_bytes, write

from evidence.catalogue import store
from evidence.catalogue.asked import Asked, value_asked
from evidence.catalogue.build import update
from evidence.catalogue.query import find
from tests.command import evidence


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write(folder / "whole", intact_bytes())
    update([folder], None)
    return folder


@pytest.mark.parametrize(
    ("asked", "unknown"),
    [
        ({"values": (value_asked("train.los_end<1"),)}, {"value train.los_end": "train.loss_end"}),
        ({"show": ("nothing like it at all",)}, {"value nothing like it at all": ""}),
        ({"milestone": "M"}, {"milestone M": ""}),
        ({"models": ("unknown/model",)}, {"model unknown/model": ""}),
        ({"packages": (("a-package-of-nobody", ""),)}, {"package a-package-of-nobody": ""}),
        ({"values": (value_asked("train.loss_end<1"),), "status": "failed"}, {}),
    ],
    ids=["near", "far", "milestone", "model", "package", "known"],
)
def test_a_word_that_nothing_has_is_told_with_the_nearest_one(
    asked: dict[str, Any], unknown: dict[str, str], runs: Path
) -> None:
    """A misspelt name finds as little as one that no pack meets."""
    assert find(runs / store.NAME, Asked(**asked)).unknown == unknown


def test_the_nearest_name_is_said_on_the_terminal(runs: Path) -> None:
    ended = evidence("find", str(runs), "--value", "train.los_end<1")
    said = "  value train.los_end: nothing in this index has it (did you mean train.loss_end?)"
    assert said in ended.out.splitlines()
