"""Laws on what grows with the user's world: it is cut where it is captured, or refused at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.encoding.cut import cut
from evidence.encoding.digest import sha256_hex
from evidence.errors import ExitCode, MilestoneError, WorkerLostError
from evidence.records.capture import why_left_out
from evidence.records.finding import Report
from evidence.running import execution
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.project import Project, rows, write_rows
from tests.running.test_behaviours import forged

# Ten of the rows of 25 files below fit into so many bytes, and not an eleventh.
ROW_BYTES = len(jsonio.dump_row({"path": "new00.txt", "sha256": "0" * 64, "state": "untracked"}))


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_CHANGED_FILES", 10), ("MAX_CHANGED_FILES_BYTES", 10 * ROW_BYTES + 1)]
)
def test_more_changed_files_than_a_document_holds_are_counted_and_digested(
    project: Project, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(limits, limit, value)
    for number in range(25):
        (project.root / f"new{number:02d}.txt").write_text("x", "utf-8")
    assert project.run().exit_code == ExitCode.DONE
    assert verify_pack(project.pack).verdict == "INTACT"
    start = project.read(layout.GIT)["start"]
    assert (len(start["files"]), start["left_out"]["num_files"]) == (10, 15)
    assert project.read(layout.RESULTS)["values"]["git.num_changed_files"]["value"] == 25


def test_a_run_that_ends_on_a_line_of_megabytes_can_be_sealed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = project.root.parent / "told.txt"
    told.write_text("x" * 300_000, "utf-8")
    order = {"stage": "train", "at": 7, "do": "raise", "from": str(told)}
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps(order))
    assert project.run().exit_code == ExitCode.UNFINISHED
    assert verify_pack(project.pack).verdict == "UNFINISHED"
    outcome = project.read("attempts/01-stub/outcome.json")
    assert max(map(len, outcome["last_lines"])) <= limits.MAX_LAST_LINE_CHARS


def test_a_long_line_says_the_digest_of_the_whole() -> None:
    line = "y" * 300_000
    once = cut(line, limits.MAX_LAST_LINE_CHARS)
    assert len(once) == limits.MAX_LAST_LINE_CHARS
    assert sha256_hex(line.encode()) in once
    assert cut(once, limits.MAX_LAST_LINE_CHARS) == once
    assert cut("short", limits.MAX_LAST_LINE_CHARS) == "short"


@pytest.mark.parametrize(
    ("key", "length"),
    [("kind", limits.MAX_GROUP_VALUE_CHARS + 1), ("prompt", limits.MAX_ASKED_BYTES)],
)
def test_a_row_that_no_line_could_hold_is_refused_before_the_training(
    project: Project, key: str, length: int
) -> None:
    path = project.root / "data/eval.jsonl"
    asked = rows(path)
    asked[1][key] = "z" * length
    write_rows(path, asked)
    with pytest.raises(MilestoneError, match=r"data/eval\.jsonl:2: "):
        project.run()
    assert not (project.runs / ".work/T1").exists()


def test_other_data_than_were_recorded_stop_the_worker_at_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project.root / "data/eval.jsonl"
    before = execution.try_attempts

    def then(*arguments: Any) -> Any:
        path.write_bytes(path.read_bytes().replace(b"q7?", b"q8?"))
        return before(*arguments)

    monkeypatch.setattr(execution, "try_attempts", then)
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"do": "slow", "seconds": 0.5}))
    with pytest.raises(WorkerLostError, match="the file changed meanwhile"):
        project.run()
    metrics = project.runs / ".work/T1/attempt-01-stub" / layout.METRICS
    assert not metrics.exists() or rows(metrics) == []
    assert project.run(close=True).exit_code == ExitCode.UNFINISHED
    outcome = project.read("attempts/01-stub/outcome.json")
    assert outcome["outcome"] == "bad-data"
    assert "the file changed meanwhile" in outcome["reason"]


def named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack of a run with more changed files than its git.json names."""
    monkeypatch.setattr(limits, "MAX_CHANGED_FILES", 10)
    for number in range(25):
        (project.root / f"new{number:02d}.txt").write_text("x", "utf-8")
    assert project.run().exit_code == ExitCode.DONE


def check_of(report: Report, rule: str) -> tuple[str, str]:
    return next((one.outcome, one.reason) for one in report.checks if one.id == rule)


def test_what_is_left_out_is_not_checked_with_the_reason(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(project, monkeypatch)
    report = verify_pack(project.pack, VerifyOptions(further=repository_checks(project.root)))
    assert report.verdict == "INTACT"
    unnamed = [one for one in report.checks if "only the first 10 are named" in one.reason]
    assert {one.outcome for one in unnamed} == {"not_checked"}
    assert len(unnamed) == 2, "what inputs differed, and what commit and patch give"


def test_an_input_beyond_the_named_files_is_held_by_the_patch_all_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit("A test", "Another test")
    (project.root / "another.txt").write_text("x", "utf-8")
    monkeypatch.setattr(limits, "MAX_CHANGED_FILES", 1)
    assert project.run().exit_code == ExitCode.DONE
    git = project.read(layout.GIT)
    assert [one["path"] for one in git["start"]["files"]] == ["another.txt"]
    assert {one["input"]: one["held_by"] for one in git["inputs"]}["milestone"] == "patch"
    assert verify_pack(project.pack).verdict == "INTACT"


def test_files_left_out_though_more_could_be_named_are_an_error(
    project: Project, tmp_path: Path
) -> None:
    (project.root / "new.txt").write_text("x", "utf-8")
    project.run()

    def forge(pack: ForgedPack) -> None:
        rest = {"num_files": 100_000, "sha256": "0" * 64, "reason": why_left_out(100_001, 1)}
        for moment in ("start", "end"):
            pack.doc(layout.GIT)[moment]["left_out"] = rest

    report = verify_pack(forged(project, tmp_path / "forged", forge))
    assert report.verdict == "NOT INTACT"
    texts = [one.message for one in report.findings if one.address.endswith("/left_out")]
    assert any("though more could have been named" in text for text in texts)
