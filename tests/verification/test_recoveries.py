"""Laws of a run that died and went on: what was lost is in the journal, and cannot be lied about.

Row C10 of the threat matrix, as verify sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from packs.addresses import astray
from toy import toy, write

from evidence import layout
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack

CUT = {
    "after": "killed",
    "reason": "it was killed",
    "from_step": 10,
    "num_step_rows_cut": 3,
    "num_predictions_cut": 0,
    "num_incomplete_bytes": 17,
    "allowed": [],
}


def died_once() -> ForgedPack:
    """The toy as a run that died after step 13 and went on from its checkpoint of step 10."""
    made = toy()
    events = made.docs[layout.JOURNAL]
    place = next(i for i, one in enumerate(events) if one["event"] == "checkpoint") + 1
    started = deepcopy(made.event("stage-started", stage="train"))
    schedule = deepcopy(made.event("schedule", stage="train"))
    started["data"] |= {"segment": 2, "resumed_from_step": 10}
    schedule["data"]["resumed_from_step"] = 10
    new = [recovered("toy", **CUT), started, schedule]
    for one in new:
        one["monotonic_s"], one["utc"] = 1003.6, "2026-01-09T20:00:03.600000Z"  # a day later
    for one in events[place:]:
        one["utc"] = one["utc"].replace("2026-01-08", "2026-01-09")
    events[place:place] = new
    finished = made.event("stage-finished", stage="train")
    finished["data"] |= {"segment": 2, "num_rows": 10, "duration_s": 1.35, "runtime_s": 1.1}
    rows = made.docs[layout.METRICS]
    start_s = rows[9]["elapsed_s"]
    for row in rows[10:]:
        row["segment"], row["elapsed_s"] = 2, row["elapsed_s"] - start_s
    return made


def recovered(attempt: str | None, **data: Any) -> dict[str, Any]:
    event = {"seq": 0, "prev": "", "utc": "", "monotonic_s": 0.0, "event": "recovered"}
    return event | {"attempt": attempt, "data": dict(data)}


def errors(made: ForgedPack, folder: Path) -> set[str]:
    pack = write(folder / "M90", made.seal().all_bytes())
    report = verify_pack(pack)
    assert astray(report.findings, pack) == []
    return {one.check for one in report.findings if one.severity in ("error", "refused")}


def test_a_run_that_died_and_went_on_is_intact_and_says_what_was_lost(tmp_path: Path) -> None:
    made = died_once()
    assert errors(made, tmp_path) == set()
    values = made.docs[layout.RESULTS]["values"]
    assert values["run.num_recoveries"]["value"] == 1
    assert values["run.num_segments"]["value"] == 2
    assert values["run.num_step_rows_cut"]["value"] == 3
    assert values["run.num_step_rows_cut"]["address"].endswith("/data/num_step_rows_cut")


def test_a_run_that_died_before_its_first_checkpoint_begins_again_and_is_intact(
    tmp_path: Path,
) -> None:
    made = toy()
    events = made.docs[layout.JOURNAL]
    place = next(i for i, one in enumerate(events) if one["event"] == "checkpoint")
    started = deepcopy(made.event("stage-started", stage="train"))
    started["data"]["segment"] = 2
    schedule = deepcopy(made.event("schedule", stage="train"))
    schedule["data"]["resumed_from_step"] = 0
    before = {key: events[place - 1][key] for key in ("utc", "monotonic_s")}
    held = {"stage": "train", "segment": 1, "step": 1, "num_rows": 2, "ours": 4.5, "framework": 4.5}
    lost = recovered("toy", **held) | {"event": "loss"}  # of a step whose row was cut
    new = [lost, recovered("toy", **CUT | {"from_step": None}), started, schedule]
    events[place:place] = [one | before for one in new]
    made.event("checkpoint")["data"]["segment"] = 2
    made.event("stage-finished", stage="train")["data"] |= {"segment": 2, "duration_s": 2.85}
    for row in made.docs[layout.METRICS]:
        row["segment"] = 2
    assert errors(made, tmp_path) == set()


def at(name: str, key: str, value: object) -> Callable[[ForgedPack], None]:
    def edit(made: ForgedPack) -> None:
        made.event(name)["data"][key] = value

    return edit


def without_recovery(made: ForgedPack) -> None:
    events = made.docs[layout.JOURNAL]
    events[:] = [one for one in events if one["event"] != "recovered"]


def of_another_attempt(made: ForgedPack) -> None:
    made.event("recovered")["attempt"] = "big"


def going_nowhere(made: ForgedPack) -> None:
    events = made.docs[layout.JOURNAL]
    events.insert(len(events) - 2, recovered(None, **CUT) | {"utc": events[-2]["utc"],
                  "monotonic_s": events[-2]["monotonic_s"]})  # fmt: skip


def of_no_attempt(made: ForgedPack) -> None:
    made.event("recovered")["attempt"] = None


def from_nowhere(made: ForgedPack) -> None:
    for event in made.docs[layout.JOURNAL]:
        if event["event"] in ("stage-started", "schedule") and event["data"]["stage"] == "train":
            event["data"]["resumed_from_step"] = None


def from_a_step_without_a_checkpoint(made: ForgedPack) -> None:
    for event in made.docs[layout.JOURNAL]:
        data = event["data"]
        if event["event"] == "recovered":
            data["from_step"] = 9
        elif data.get("resumed_from_step"):
            data["resumed_from_step"] = 9


LIES: dict[str, tuple[Callable[[ForgedPack], None], str]] = {
    "a recovery left out": (without_recovery, "journal-recoveries"),
    "a segment from nowhere": (from_nowhere, "training-steps"),
    "another step": (at("recovered", "from_step", 9), "journal-recoveries"),
    "a step without a checkpoint": (from_a_step_without_a_checkpoint, "journal-recoveries"),
    "more rows than steps": (at("recovered", "num_step_rows_cut", 11), "journal-recoveries"),
    "rows cut where nothing goes on": (going_nowhere, "journal-recoveries"),
    "nobody's": (of_no_attempt, "journal-order"),
    "another attempt's": (of_another_attempt, "journal-order"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_a_recovery_is_found(lie: str, tmp_path: Path) -> None:
    edit, check = LIES[lie]
    made = died_once()
    edit(made)
    assert check in errors(made, tmp_path)


def test_every_row_since_the_checkpoint_may_be_lost_and_none_more(tmp_path: Path) -> None:
    for num_cut, wrong in ((10, False), (11, True)):
        made = died_once()
        made.event("recovered")["data"]["num_step_rows_cut"] = num_cut
        assert ("journal-recoveries" in errors(made, tmp_path / str(num_cut))) == wrong
