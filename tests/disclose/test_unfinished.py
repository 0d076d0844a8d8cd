"""Rows of runs that failed, were killed or closed are withheld likewise, and none is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout
from evidence.disclose.disclose import disclose
from evidence.encoding.codec import encode
from evidence.errors import WorkerLostError
from evidence.records.milestone import Milestone
from evidence.running.finish import withheld_document
from evidence.verification.verification import verify_pack
from tests.disclose.private import (
    ASKED,
    SALTS,
    errors,
    make_private,
    outcomes,
    published,
    shown,
)
from tests.project import Project, rows

LEFT = f"attempts/01-stub/{layout.PREDICTIONS}"


@pytest.fixture
def begun(tmp_path: Path) -> Project:
    return make_private(tmp_path / "private")


def _order(do: str) -> str:
    return json.dumps({"stage": "eval", "at": 4, "do": do})


def _holds(project: Project, tmp_path: Path, path: str, num_rows: int) -> None:
    """With the rows at hand and without, and shown one by one; nothing tells of them else."""
    report = verify_pack(project.pack)
    assert (errors(report), outcomes(report)["commitments"]) == ([], "pass")
    files = {one["path"]: one["num_rows"] for one in project.read(layout.COMMITMENTS)["files"]}
    assert files == {path: num_rows}
    copy = published(project.pack, tmp_path / "published")
    assert errors(verify_pack(copy)) == []
    assert outcomes(verify_pack(copy))["commitments"] == "not_checked"
    for one in (one for one in copy.rglob("*") if one.is_file()):
        assert ASKED not in one.read_text("utf-8", "replace"), one
    proof = encode(disclose(project.pack, [num_rows - 1], path))
    report = shown(copy, tmp_path / "proof.json", json.loads(json.dumps(proof)))
    assert (errors(report), outcomes(report)["disclosed-rows"]) == ([], "pass")


def test_what_a_failed_attempt_answered_is_withheld_and_can_be_shown(
    begun: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", _order("raise"))
    begun.run()
    assert len(rows(begun.pack / LEFT)) == 3
    assert begun.read(layout.MANIFEST)["status"] == "failed"
    _holds(begun, tmp_path, LEFT, 3)


def test_a_run_whose_worker_was_killed_goes_on_and_withholds(
    begun: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", _order("kill"))
    with pytest.raises(WorkerLostError):
        begun.run()
    monkeypatch.delenv("EVIDENCE_STUB")
    begun.run(resume=True)
    _holds(begun, tmp_path, layout.PREDICTIONS, 5)


def test_one_that_is_closed_withholds_what_there_was(
    begun: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", _order("kill"))
    with pytest.raises(WorkerLostError):
        begun.run()
    begun.run(close=True)
    _holds(begun, tmp_path, LEFT, 3)


def test_what_was_set_aside_as_damaged_is_withheld_and_not_committed_to(
    begun: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", _order("kill"))
    with pytest.raises(WorkerLostError):
        begun.run()
    (left,) = (begun.runs / ".work/T1").glob(f"attempt-*/{layout.PREDICTIONS}")
    left.write_bytes(left.read_bytes()[:-40] + b"x" * 40)
    begun.run(close=True)
    assert errors(verify_pack(begun.pack)) == []
    assert begun.read(layout.COMMITMENTS)["files"] == []
    aside = [one for one in begun.pack.rglob(layout.PREDICTIONS) if one.is_file()]
    assert aside
    copy = published(begun.pack, tmp_path / "published")
    assert errors(verify_pack(copy)) == []
    for one in (one for one in copy.rglob("*") if one.is_file()):
        assert ASKED not in one.read_text("utf-8", "replace"), one


def test_a_run_killed_while_it_is_sealed_has_salts_that_fit(
    begun: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The salts may be drawn anew until the end is observed, and never after."""
    with monkeypatch.context() as patch:
        patch.setattr("evidence.running.execution.withheld_document", _killed_at(2))
        with pytest.raises(KeyboardInterrupt):
            begun.run()
    staged = begun.runs / ".work/T1/pack"
    first = (staged / SALTS).read_bytes()
    begun.run(resume=True)
    assert (begun.pack / SALTS).read_bytes() != first
    _holds(begun, tmp_path, layout.PREDICTIONS, 5)


def _killed_at(call: int) -> Callable[[Path, Milestone], dict[str, bytes]]:
    calls: list[Path] = []

    def killed(staging: Path, milestone: Milestone) -> dict[str, bytes]:
        calls.append(staging)
        if len(calls) == call:
            raise KeyboardInterrupt
        return withheld_document(staging, milestone)

    return killed


def test_an_archived_pack_can_still_show_its_rows(private: Project, tmp_path: Path) -> None:
    private.run(again=True)
    (old,) = (private.runs / "archive").iterdir()
    assert len(disclose(old, [0, 4]).rows) == 2


def test_rows_of_a_pack_that_lies_elsewhere_are_shown_as_well(
    private: Project, tmp_path: Path
) -> None:
    moved = Path(shutil.move(private.pack, tmp_path / "T1"))
    assert disclose(moved, [1]).num_rows == 5
