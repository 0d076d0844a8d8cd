"""Laws of hashing what a worker leaves: no row waits for it, and nothing overtakes it."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest

from evidence.attempt import folders
from evidence.attempt.folders import folder_digests
from evidence.encoding.digest import sha256_stream
from evidence.errors import DurabilityError, StoppedError
from evidence.system import durable
from evidence.verification.verification import verify_pack
from tests.attempt.test_supervision import start, wait_until
from tests.project import Project, rows

LONG_S = 60.0


def metrics_of(project: Project) -> Path:
    return project.runs / ".work/T1/attempt-01-stub/training_output/metrics.jsonl"


def num_rows(project: Project) -> int:
    metrics = metrics_of(project)
    return len(rows(metrics)) if metrics.exists() else 0


def journal_of(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows(project.runs / ".work/T1/pack/journal.jsonl")
    return found


def interrupt_twice(begun: threading.Event, after_s: float) -> None:
    """Press Ctrl-C twice, some time after a hash has begun."""
    begun.wait(LONG_S)
    time.sleep(after_s)
    for _ in range(2):
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.3)


def never_hashed() -> NoReturn:
    """A hash that ends only when it is told to."""
    while True:
        folders.threads.leave_off_if_told()
        time.sleep(0.02)


def test_rows_reach_the_disk_while_a_checkpoint_is_hashed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash of the checkpoint of step 5 waits here for the rows of later steps."""
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"do": "slow", "seconds": 0.2}))
    monkeypatch.setattr(folders, "SOON_BYTES", -1)
    came: list[bool] = []

    def slow(stream: Any) -> tuple[str, int]:
        if not came:
            until_s = time.monotonic() + LONG_S
            while num_rows(project) < 8 and time.monotonic() < until_s:
                time.sleep(0.02)
            came.append(num_rows(project) >= 8)
        return sha256_stream(stream)

    monkeypatch.setattr(folders, "sha256_stream", slow)
    assert project.run().status == "complete"
    assert came == [True]
    assert verify_pack(project.pack).verdict == "INTACT"


def test_what_follows_in_the_journal_waits_for_what_is_hashed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the worker has long ended: a model without its digests would be no evidence."""
    project.edit("checkpoint_every_steps = 5", "checkpoint_every_steps = 1")
    monkeypatch.setattr(folders, "SOON_BYTES", -1)

    def slow(stream: Any) -> tuple[str, int]:
        time.sleep(0.1)
        return sha256_stream(stream)

    monkeypatch.setattr(folders, "sha256_stream", slow)
    assert project.run().status == "complete"
    names = [one["event"] for one in rows(project.pack / "journal.jsonl")]
    steps = [one for one in names if one in ("checkpoint", "final-model", "stage-finished")]
    assert steps == [*["checkpoint"] * 9, "final-model", "stage-finished", "stage-finished"]
    assert verify_pack(project.pack).verdict == "INTACT"


def test_a_disk_that_fails_while_a_checkpoint_is_hashed_ends_the_run_as_any_other(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "SOON_BYTES", -1)
    sync = durable.sync_file

    def failing(path: Path) -> None:
        if "checkpoint" in str(path):
            raise DurabilityError(f"cannot sync {path}: Input/output error", hint="Check the disk.")
        sync(path)

    with monkeypatch.context() as broken:
        broken.setattr(folders, "sync_file", failing)
        with pytest.raises(DurabilityError, match="checkpoint-5"):
            project.run()
    assert "checkpoint" not in [one["event"] for one in journal_of(project)]
    assert project.run(resume=True).status == "complete"


def test_who_stops_at_once_does_not_wait_for_a_hash(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint that was not hashed counts as not written; the one before is gone on with."""
    project.edit("checkpoint_every_steps = 5", "checkpoint_every_steps = 2")
    order = {"do": "slow", "seconds": 0.05}
    monkeypatch.setattr(folders, "SOON_BYTES", -1)
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps(order))
    begun = threading.Event()

    def slow(stream: Any) -> tuple[str, int]:
        if "checkpoint-4" in stream.name:
            begun.set()
            never_hashed()
        return sha256_stream(stream)

    with monkeypatch.context() as stuck:
        stuck.setattr(folders, "sha256_stream", slow)
        threading.Thread(target=interrupt_twice, args=(begun, 0), daemon=True).start()
        with pytest.raises(StoppedError):
            project.run()
    checkpoints = [one for one in journal_of(project) if one["event"] == "checkpoint"]
    assert [one["data"]["step"] for one in checkpoints] == [2]
    assert project.run(resume=True).status == "complete"
    assert verify_pack(project.pack).verdict == "INTACT"


def test_who_leaves_more_than_is_hashed_has_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a disk would fill with checkpoints that nobody may remove yet."""
    monkeypatch.setattr(folders, "SOON_BYTES", -1)
    (tmp_path / "one").mkdir()
    (tmp_path / "one/file").write_bytes(b"x")
    may_end = threading.Event()
    monkeypatch.setattr(
        folders, "sha256_stream", lambda stream: (may_end.wait(LONG_S), sha256_stream(stream))[1]
    )
    done: list[int] = []
    with folder_digests(lambda: False) as digests:
        for number in range(folders.MAX_WAITING):
            digests.begin(tmp_path / "one", tmp_path, lambda files: done.append(len(files)))
            assert len(done) == 0, number
        threading.Timer(0.2, may_end.set).start()
        digests.begin(tmp_path / "one", tmp_path, lambda files: done.append(len(files)))
        assert len(done) >= 1
        digests.finish()
    assert done == [1] * (folders.MAX_WAITING + 1)


def test_a_model_that_was_not_hashed_is_not_finished(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker has long said that it is done: it is the digests that are missing."""
    monkeypatch.setattr(folders, "SOON_BYTES", -1)
    begun = threading.Event()

    def stuck(stream: Any) -> tuple[str, int]:
        if "checkpoint-" not in stream.name:
            begun.set()
            never_hashed()
        return sha256_stream(stream)

    with monkeypatch.context() as patched:
        patched.setattr(folders, "sha256_stream", stuck)
        threading.Thread(target=interrupt_twice, args=(begun, 2), daemon=True).start()
        with pytest.raises(StoppedError):
            project.run()
    assert {"final-model", "stage-finished"}.isdisjoint(one["event"] for one in journal_of(project))
    assert project.run(resume=True).status == "complete"
    assert verify_pack(project.pack).verdict == "INTACT"


@pytest.mark.full
def test_no_row_waits_for_a_checkpoint_of_gigabytes(project: Project) -> None:
    """Five gigabytes with a hole: its bytes are read and hashed, its blocks take no room."""
    order = {"do": "large", "seconds": 0.2, "size_bytes": 5 << 30}
    run = start(project, order)
    scratch = project.runs / ".work/T1/scratch-01-stub/checkpoint-5"
    wait_until(scratch.exists, "the checkpoint of step 5")
    wait_until(lambda: num_rows(project) >= 8, "the rows after it")
    assert "checkpoint" not in [one["event"] for one in journal_of(project)], "hashed already"
    _, printed = run.communicate(timeout=300)
    assert run.returncode == 0, printed
    assert verify_pack(project.pack).verdict == "INTACT"
