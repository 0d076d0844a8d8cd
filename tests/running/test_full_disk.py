"""C4, C5: a disk that fills up leaves an unfinished run with its reason, and the run goes on."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.errors import DurabilityError, ExitCode, WorkerLostError
from evidence.verification.verification import verify_pack
from tests.project import Project, rows
from tests.tiers import sampled

SCRIPT = Path(__file__).with_name("full_disk.py")
FEW = (8, 80, 120)
"""KiB left on the disk: not even for a reason; before the first attempt; in the training stage."""
MANY = (*range(4, 100, 12), *range(100, 280, 10), 400)


def on_a_small_disk(folder: Path, rooms: tuple[int, ...]) -> list[dict[str, Any]]:
    command = ["unshare", "-rm", sys.executable, str(SCRIPT), str(folder), *map(str, rooms)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if done.returncode and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip(f"no disk of our own can be mounted here: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def judge(found: dict[str, Any]) -> None:
    """Nothing was started, or the run says why it stopped; either way it can be finished."""
    if found["verdict"] == "INTACT":
        assert found["raised"] == ""
        return
    assert "No space left on device" in found["message"]
    if found["raised"] == "UsageError":
        assert found["message"].endswith("nothing was started")
        assert not found["begun"]
    else:
        assert (found["raised"], found["verdict"], found["exit"]) == (
            "DurabilityError",
            "UNFINISHED",
            4,
        )
        assert found["happened"].startswith("the run ran out of disk space ")
        assert found["next"].startswith("free some space, then: evidence run T1 --resume")
    assert found["after"] in ("complete", "failed")
    assert found["errors"] == []


def test_a_full_disk_leaves_an_unfinished_run_with_its_reason(tmp_path: Path) -> None:
    found = on_a_small_disk(tmp_path, FEW)
    for one in found:
        judge(one)
    assert {one["raised"] for one in found} == {"UsageError", "DurabilityError"}


@pytest.mark.exhaustive
def test_a_full_disk_at_any_moment_leaves_an_unfinished_run(tmp_path: Path) -> None:
    found = on_a_small_disk(tmp_path, MANY)
    for one in found:
        judge(one)
    assert {one["raised"] for one in found} == {"", "UsageError", "DurabilityError"}


ERRORS = {
    # order: what is recorded of the stop
    **{(("do", "limit"), ("name", name)): stop for name, stop in (
        ("FSIZE", "disk-full"), ("NOFILE", "worker-failed"))},
    **{(("do", "system"), ("name", name)): "disk-full" for name in ("ENOSPC", "EDQUOT", "EFBIG")},
    **{(("do", "system"), ("name", name), ("rust", True)): stop for name, stop in (
        ("ENOSPC", "disk-full"), ("EDQUOT", "disk-full"), ("EFBIG", "disk-full"),
        ("EIO", "worker-failed"), ("EMFILE", "worker-failed"), ("ENOMEM", "out-of-memory"))},
    **{(("do", "system"), ("name", name)): "worker-failed" for name in (
        "EIO", "EROFS", "EMFILE", "ENFILE", "EACCES", "EAGAIN", "ESTALE")},
    (("do", "system"), ("name", "ENOMEM")): "out-of-memory",
}  # fmt: skip
QUICK = [one for one in ERRORS if one[0] == ("do", "limit") or len(one) > 2][:4:2]


@pytest.mark.parametrize("case", sampled(ERRORS, QUICK), ids=str)
def test_an_error_of_the_system_in_the_worker_throws_no_checkpoint_away(
    case: tuple[tuple[str, Any], ...], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"stage": "train", "at": 7, **dict(case)}))
    with pytest.raises((DurabilityError, WorkerLostError)) as caught:
        project.run()
    monkeypatch.delenv("EVIDENCE_STUB")
    assert caught.value.exit_code == ExitCode.UNFINISHED
    assert (project.runs / ".work/T1/scratch-01-stub/checkpoint-5").is_dir()
    assert verify_pack(project.pack).exit_code == ExitCode.UNFINISHED
    assert project.run(resume=True).exit_code == ExitCode.DONE
    (event,) = [e for e in rows(project.pack / layout.JOURNAL) if e["event"] == "recovered"]
    assert (event["data"]["after"], event["data"]["from_step"]) == (ERRORS[case], 5)


def test_a_limit_on_the_size_of_files_is_a_full_disk_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 48 * 1024
    order = {"stage": "train", "at": 7, "do": "print", "hex": (b"x" * limit).hex()}
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps(order))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(DurabilityError, match="File too large"):
            project.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    report = verify_pack(project.pack)
    assert report.exit_code == ExitCode.UNFINISHED
    assert report.happened.startswith("the run ran out of disk space in the train stage of attempt")
    assert project.run(resume=True).exit_code == ExitCode.DONE
    assert verify_pack(project.pack).exit_code == ExitCode.DONE
    events = [e for e in rows(project.pack / layout.JOURNAL) if e["event"] == "recovered"]
    assert [event["data"]["after"] for event in events] == ["disk-full"]
