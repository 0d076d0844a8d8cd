"""Laws on the folder of a run that was never published: it says what it can."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from packs.case import GOLDEN

from evidence import layout, limits
from evidence.system import posix
from evidence.verification.unfinished import last_known_state
from evidence.verification.verification import verify_pack

JOURNAL = (GOLDEN / "v1/complete/M90" / layout.JOURNAL).read_bytes().splitlines(keepends=True)
STORIES = {
    0: "before anything was recorded",
    2: "before its first attempt",
    4: "after attempt big",
    5: "at the beginning of attempt toy",
    7: "in the train stage of attempt toy",
    9: "in the train stage of attempt toy (last checkpoint: step 10)",
    13: "in the eval stage of attempt toy (what was trained before is kept)",
    16: "after attempt toy",
    17: "while it was being sealed",
    18: "while it was being sealed",
}
"""Where a run was, by how many events its journal has."""


def work_of(runs: Path, journal: bytes) -> Path:
    """A work folder as a run leaves it."""
    work = runs / layout.WORK / "M90"
    (work / layout.STAGED).mkdir(parents=True)
    (work / layout.REMEMBERED).write_bytes(b"{}")
    (work / layout.STAGED / layout.JOURNAL).write_bytes(journal)
    return work


@pytest.mark.parametrize("count", STORIES)
def test_a_run_that_died_is_told_by_its_journal(tmp_path: Path, count: int) -> None:
    work_of(tmp_path, b"".join(JOURNAL[:count]) + b'{"torn')
    report = verify_pack(tmp_path / "M90")
    assert (report.verdict, report.exit_code) == ("UNFINISHED", 4)
    assert report.happened.startswith(f"the run ended without a word {STORIES[count]}: ")
    assert report.next_step.startswith("evidence run M90 --resume")


def test_a_recovery_does_not_hide_where_the_run_was(tmp_path: Path) -> None:
    event = json.loads(JOURNAL[6]) | {"event": "recovered"}
    work = work_of(tmp_path, b"".join(JOURNAL[:7]) + json.dumps(event).encode() + b"\n")
    assert "in the train stage" in last_known_state(work).happened


STOPS = {"disk-full": "free some space", "secret-found": "take it out", "interrupted": "evidence"}


@pytest.mark.parametrize("kind", STOPS)
def test_a_run_that_could_still_say_why_is_believed(tmp_path: Path, kind: str) -> None:
    work = work_of(tmp_path, b"".join(JOURNAL[:7]))
    messages = {"kind": kind, "reason": "so it was", "utc": "2026-01-08T20:00:00.000000Z"}
    (work / layout.STOPPED).write_text(json.dumps(messages), "utf-8")
    report = verify_pack(tmp_path / "M90")
    # A stop on request has no further reason: what it says itself would be said twice.
    why = "" if kind == "interrupted" else ": so it was"
    assert report.happened.endswith(f"in the train stage of attempt toy{why}")
    assert report.next_step.startswith(STOPS[kind])


def test_a_foreign_reason_is_bounded_and_cannot_act(tmp_path: Path) -> None:
    work = work_of(tmp_path, b"")
    messages = {"kind": "io-error", "reason": "\x1b[2J" + "x" * 10_000, "utc": "now"}
    data = json.dumps(messages).encode()
    assert len(data) < limits.RESERVE_BYTES
    (work / layout.STOPPED).write_bytes(data)
    happened = verify_pack(tmp_path / "M90").happened
    assert happened.isprintable()
    assert len(happened) <= limits.MAX_REASON_CHARS


def test_a_stop_past_its_reserve_is_not_read(tmp_path: Path) -> None:
    work = work_of(tmp_path, b"")
    messages = {"kind": "io-error", "reason": "x" * limits.RESERVE_BYTES, "utc": "now"}
    (work / layout.STOPPED).write_text(json.dumps(messages), "utf-8")
    assert "without a word" in verify_pack(tmp_path / "M90").happened


@pytest.mark.skipif(os.name == "nt", reason="no run can hold a lock there")
def test_a_run_at_work_is_waited_for(tmp_path: Path) -> None:
    import fcntl

    work = work_of(tmp_path, b"".join(JOURNAL[:7]))
    with work.with_name("M90.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert posix.is_locked(work.with_name("M90.lock"))
        report = verify_pack(tmp_path / "M90")
    assert (report.exit_code, report.next_step) == (4, "wait until it ends")


@pytest.mark.parametrize("kind", ["fifo", "link", "folder", "nothing"])
def test_what_is_no_plain_file_there_is_left_out(tmp_path: Path, kind: str) -> None:
    work = work_of(tmp_path, b"")
    journal = work / layout.STAGED / layout.JOURNAL
    journal.unlink()
    if kind == "fifo":
        os.mkfifo(journal)
    elif kind == "link":
        journal.symlink_to("/etc/passwd")
    elif kind == "folder":
        journal.mkdir()
    assert "before anything was recorded" in last_known_state(work).happened


def test_a_folder_that_is_gone_meanwhile_tells_nothing(tmp_path: Path) -> None:
    assert "before anything was recorded" in last_known_state(tmp_path / "gone").happened
