"""Laws of a pack with stages that is held against a clone: each stage is asked for its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.records.finding import Report
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.origin.staged import committed
from tests.packs.sealing import reseal
from tests.shared import made_once

pytestmark = pytest.mark.torch


@pytest.fixture
def clone(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "staged-clone", committed)
    return Path(shutil.copytree(made, tmp_path / "project"))


def against(clone: Path, name: str) -> Report:
    checks = VerifyOptions(further=repository_checks(clone))
    return verify_pack(clone / "runs" / name, checks)


def errors(report: Report) -> list[tuple[str, str]]:
    return [(one.check, one.address) for one in report.findings if one.severity == "error"]


@pytest.mark.parametrize("name", ["S1", "S2"])
def test_an_honest_pack_with_stages_is_intact_whatever_its_stages_ask(
    name: str, clone: Path
) -> None:
    report = against(clone, name)
    assert errors(report) == []
    assert {one.id: one.outcome for one in report.checks}["repo-data-facts"] == "pass"


def test_what_the_checkpoint_of_a_pack_was_trained_on_is_unknown_where_that_is_not_at_hand(
    clone: Path,
) -> None:
    shutil.rmtree(clone / "runs/S1")
    report = against(clone, "S2")
    assert errors(report) == []
    (facts,) = (one for one in report.checks if one.id == "repo-data-facts")
    assert facts.outcome == "not_checked"
    assert facts.reason.startswith(
        "what pack:runs/S1#B was trained on was not counted again: runs/S1 is not at hand: "
    )


@pytest.mark.parametrize("name", ["S1", "S2"])
def test_what_each_stage_asked_and_taught_is_held_against_the_clone(name: str, clone: Path) -> None:
    outcomes = {one.id: one.outcome for one in against(clone, name).checks}
    assert (outcomes["repo-evaluation"], outcomes["repo-rows"]) == ("pass", "pass")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def every_answer_right(pack: Path) -> None:
    """What was answered is what was wanted: scores and all that follows are true of it."""
    path = pack / "stages/check_B_taught" / layout.PREDICTIONS
    rows = lines(path)
    for row in rows:
        row["target"] = row["output"].strip() or "x"
        row["target_sha256"] = sha256_hex(row["target"].encode())
        row["scores"] = dict.fromkeys(row["scores"], bool(row["output"].strip()))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def another_row_taught(pack: Path) -> None:
    """A stage says of its first row that it is another one, which its `where` takes too."""
    path = pack / "stages/B" / layout.SEEN
    seen = json.loads(path.read_bytes())
    first, second = (batch["rows"][0] for batch in seen["batches"][-2:])
    first["pieces"], second["pieces"] = second["pieces"], first["pieces"]
    path.write_text(json.dumps(seen))


def never_trained_on(pack: Path) -> None:
    """No question of an evaluation is in the data of the first stage."""
    path = pack / "stages/check_B_taught" / layout.INPUTS
    inputs = json.loads(path.read_bytes())
    assert inputs["ancestors"]["A"]["exact"] == [0]
    for measure in ("exact", "normalised", "ngram"):
        inputs["ancestors"]["A"][measure] = []
    path.write_text(json.dumps(inputs))


def other_rows_before(pack: Path) -> None:
    """Of a checkpoint of another pack: it was fed another number of rows, none of them asked."""
    for stage in ("check_S1_B", "check_D"):
        path = pack / "stages" / stage / layout.INPUTS
        inputs = json.loads(path.read_bytes())
        told = inputs["ancestors"]["pack:runs/S1#B"]
        assert told["exact"] == [0, 1]
        told |= {"num_rows": 999, "exact": []}
        path.write_text(json.dumps(inputs))


def longer_rows(pack: Path) -> None:
    path = pack / "stages/A" / layout.INPUTS
    inputs = json.loads(path.read_bytes())
    inputs["data"]["rows"]["length_chars"]["max"] += 1
    path.write_text(json.dumps(inputs))


def a_set_less(pack: Path) -> None:
    path = pack / "stages/check_A_taught" / layout.INPUTS
    inputs = json.loads(path.read_bytes())
    del inputs["data"]["taught"]
    path.write_text(json.dumps(inputs))


LIES: dict[str, tuple[str, Callable[[Path], None], str, str]] = {
    "targets": ("S1", every_answer_right, "repo-evaluation", "stages/check_B_taught/predictions"),
    "ancestors": (
        "S1", never_trained_on, "repo-data-facts", "stages/check_B_taught/inputs.json#/ancestors/A/"
    ),
    "ancestors of a pack": (
        "S2", other_rows_before, "repo-data-facts", "stages/check_"
    ),
    "facts": (
        "S1", longer_rows, "repo-data-facts", "stages/A/inputs.json#/data/rows/length_chars"
    ),
    "no facts": (
        "S1", a_set_less, "repo-data-facts", "stages/check_A_taught/inputs.json#/data"
    ),
    "rows": ("S1", another_row_taught, "repo-rows", "stages/B/seen.json#/batches/"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_of_one_stage_is_found_in_its_file(lie: str, clone: Path) -> None:
    name, edit, check, place = LIES[lie]
    pack = clone / "runs" / name
    edit(pack)
    reseal(pack, [])
    found = errors(against(clone, name))
    assert check in {one for one, _ in found}
    assert all(address.startswith(place) for one, address in found if one == check)
    assert errors(verify_pack(pack)) == [one for one in found if not one[0].startswith("repo-")]
