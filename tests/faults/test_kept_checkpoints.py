"""C1, C4: a kept checkpoint outlives a kill at any call that moves it, and a disk that fails there.
It is never lost, and never makes a run that cannot go on or be closed."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding.digest import combine, sha256_hex
from evidence.verification.verification import verify_pack
from tests.faults import laws
from tests.faults.disk import read_calls, written
from tests.faults.faulty_os import Plan
from tests.faults.runs import Case, copy_case
from tests.project import rows

STEP = 2
MAKING = ("mkdir", "rename", "replace")
"""Their number is that of every run; rows are written once a second."""


@pytest.fixture(scope="module")
def keeping(fresh: Case, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The small project, whose second step's checkpoint is wanted."""
    case = copy_case(fresh, tmp_path_factory.mktemp("keeping") / "project")
    path = case.root / "milestones/T1.toml"
    text = path.read_text("utf-8")
    path.write_text(f"{text}\n[publish]\nkeep_checkpoints = [{STEP}]\n", "utf-8")
    return case


@pytest.fixture(scope="module")
def calls(keeping: Case, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every durable call of such a run, undisturbed."""
    root = tmp_path_factory.mktemp("counted") / "project"
    log = root.with_suffix(".jsonl")
    case = copy_case(keeping, root)
    assert case.do("run", "T1", plan=Plan(log=str(log))).status == 0
    is_kept(case)
    return read_calls(log)


def is_kept(case: Case) -> None:
    """The pack names the checkpoint, and it lies there with the digest that the pack names."""
    (event,) = [o for o in rows(case.pack / layout.JOURNAL) if o["event"] == "checkpoints-kept"]
    (one,) = event["data"]["kept"]
    (place,) = (case.runs / layout.CHECKPOINTS_KEPT / "T1").iterdir()
    files = [(path.name, sha256_hex(path.read_bytes())) for path in place.iterdir()]
    assert combine(files) == one["sha256"]
    assert place.name == f"step-{STEP}-{one['sha256'][:12]}"


def recorded(calls: list[dict[str, Any]]) -> int:
    return next(
        at for at, one in enumerate(calls, 1) if b'"event":"checkpoints-kept"' in written(one)
    )


def moved(calls: list[dict[str, Any]]) -> list[int]:
    """Which of the calls that make or move something make the checkpoint's place, or move it."""
    making = [one for one in calls if one["call"] in MAKING]
    return [
        at
        for at, one in enumerate(making, 1)
        if any(f"/{layout.CHECKPOINTS_KEPT}" in str(name) for name in one["args"])
    ]


def test_a_run_killed_at_any_call_that_moves_a_checkpoint_goes_on_and_keeps_it(
    keeping: Case, calls: list[dict[str, Any]], tmp_path: Path
) -> None:
    places = moved(calls)
    assert len(places) == 4
    plans = [Plan(do="kill", at=at, calls=MAKING) for at in (*places, places[-1] + 1)]
    plans += [Plan(do="kill", at=recorded(calls) + more) for more in (0, 2)]
    for at, plan in enumerate(plans):
        case = copy_case(keeping, tmp_path / str(at))
        ended = case.do("run", "T1", plan=plan)
        assert ended.status == -9, (at, ended.printed)
        state = laws.honest(case, ended)
        if state == "unfinished":
            again = case.do("run", "T1", "--close" if at % 2 else "--resume")
            assert again.status == 0, (at, again.printed)
        assert verify_pack(case.pack).exit == 0
        is_kept(case)


def test_a_run_killed_in_its_midst_keeps_the_checkpoint_that_it_had(
    keeping: Case, tmp_path: Path
) -> None:
    case = copy_case(keeping, tmp_path / "project")
    order = {"stage": "train", "at": STEP + 1, "do": "kill"}
    ended = case.start("run", "T1", stub=order).wait()
    assert laws.honest(case, ended) == "unfinished"
    assert case.do("run", "T1", "--resume").status == 0
    is_kept(case)


def test_a_disk_that_is_full_when_a_checkpoint_is_moved_leaves_a_run_that_goes_on(
    keeping: Case, calls: list[dict[str, Any]], tmp_path: Path
) -> None:
    for at in moved(calls):
        case = copy_case(keeping, tmp_path / str(at))
        ended = case.do("run", "T1", plan=Plan(do="fail", at=at, calls=MAKING, error=errno.ENOSPC))
        assert laws.honest(case, ended) == "unfinished", (at, ended.printed)
        assert "cannot be kept" in ended.printed, (at, ended.printed)
        assert case.do("run", "T1", "--resume").status == 0
        is_kept(case)


def test_a_place_that_cannot_be_made_stops_the_run_and_not_its_closing(
    keeping: Case, tmp_path: Path
) -> None:
    case = copy_case(keeping, tmp_path / "project")
    order = {"stage": "train", "at": STEP + 1, "do": "kill"}
    assert laws.honest(case, case.start("run", "T1", stub=order).wait()) == "unfinished"
    (case.runs / layout.CHECKPOINTS_KEPT).write_text("in the way\n")
    for _ in range(2):
        ended = case.do("run", "T1", "--resume")
        assert laws.honest(case, ended) == "unfinished"
        assert "cannot be kept" in ended.printed
        assert "--close" in ended.printed
    ended = case.do("run", "T1", "--close")
    assert ended.status == 0, ended.printed
    assert laws.honest(case, ended) == "published"
    assert f"the checkpoint after step {STEP} is lost" in " ".join(ended.printed.split())


def test_a_checkpoint_that_was_damaged_meanwhile_is_told_as_not_kept(
    keeping: Case, tmp_path: Path
) -> None:
    case = copy_case(keeping, tmp_path / "project")
    order = {"stage": "eval", "at": 1, "do": "kill"}
    assert laws.honest(case, case.start("run", "T1", stub=order).wait()) == "unfinished"
    (path,) = case.work.glob(f"scratch-*/checkpoint-{STEP}/*.json")
    path.write_bytes(path.read_bytes() + b" ")
    ended = case.do("run", "T1", "--resume")
    assert ended.status == 0, ended.printed
    (event,) = [o for o in rows(case.pack / layout.JOURNAL) if o["event"] == "checkpoints-kept"]
    assert event["data"]["kept"] == []
    (lost,) = event["data"]["not_kept"]
    assert lost == {"step": STEP, "reason": f"checkpoint-{STEP}/{path.name} is not what was saved"}
    assert not (case.runs / layout.CHECKPOINTS_KEPT).exists()
    assert json.dumps(str(tmp_path))[1:-1] not in json.dumps(event)
