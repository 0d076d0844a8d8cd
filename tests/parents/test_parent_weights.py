"""A law of the weights that stages begin with, where the pack that they are of is at hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence.verification.verification import verify_pack
from tests.packs.sealing import reseal
from tests.parents.family import family
from tests.parents.test_parents import edit, grave, read
from tests.shared import made_once

pytestmark = pytest.mark.torch


@pytest.fixture
def child(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """Beside it lies the pack that it begins from."""
    made = made_once(tmp_path_factory, "family", family)
    return Path(shutil.copytree(made / "runs", tmp_path / "runs")) / "C1"


def begins_with_other_weights(pack: Path) -> list[str]:
    """In whatever says so; addresses in the inputs of those stages."""
    found = []
    for path in sorted(pack.glob("stages/*/inputs.json")):
        if read(path)["model"]["id"].startswith("pack:"):
            edit(path, lambda one: one["model"].update(weights_sha256="1" * 64))
            if (path.parent / "weights.json").exists():
                edit(path.parent / "weights.json", lambda one: one.update(start_sha256="1" * 64))
            found.append(f"{path.relative_to(pack).as_posix()}#/model/weights_sha256")
    return found


def test_a_stage_begins_with_the_weights_that_its_parent_ended_with(child: Path) -> None:
    places = begins_with_other_weights(child)
    reseal(child, [])
    assert places
    assert {("parent-packs", place) for place in places} <= grave(verify_pack(child))


def test_without_the_parent_they_are_held_against_nothing(child: Path) -> None:
    begins_with_other_weights(child)
    reseal(child, [])
    shutil.rmtree(child.parent / "P1")
    report = verify_pack(child)
    found = next(one for one in report.checks if one.id == "parent-packs")
    assert found.outcome == "not_checked"
