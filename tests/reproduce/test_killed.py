"""Laws of a reproduction that was killed: the next one clears up what it left, and only that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evidence import layout
from evidence.capture.repository import open_repository
from evidence.encoding.digest import sha256_hex
from evidence.publish.summaries import rerender
from evidence.records.availability import Unavailable
from evidence.reproduce.reproduce import attach
from evidence.reproduce.running import clear_up
from evidence.reproduce.worktree import Worktree, clean_worktree
from evidence.system import durable
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack
from tests.faults.faulty_os import FaultyOs, Plan
from tests.project import Project, make_project
from tests.reproduce.rerun import rerun

PATIENCE_S = 60.0


def trees(project: Project) -> list[str]:
    listed = project.git("worktree", "list", "--porcelain").splitlines()
    return [line for line in listed if line.startswith("worktree ")][1:]


def wait_for_rows(work: Path) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not list(work.rglob("telemetry.jsonl")):
        assert time.monotonic() < end_s, f"nothing was trained in {work}"
        time.sleep(0.02)


def test_what_a_killed_reproduction_left_is_gone_after_the_next(
    ran: Project, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "evidence", "reproduce", "runs/T1"]
    name = f"T1-reproduced-{sha256_hex((ran.pack / layout.SUMS).read_bytes())[:12]}"
    around = os.environ | {"TMPDIR": str(tmp_path)}
    slow = around | {"EVIDENCE_STUB": json.dumps({"do": "slow", "seconds": 0.5})}
    with subprocess.Popen(
        command, cwd=ran.root, env=slow, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as first:
        wait_for_rows(layout.work_dir(ran.runs, name))
        first.send_signal(signal.SIGKILL)
    assert len(trees(ran)) == 1
    assert layout.work_dir(ran.runs, name).exists()
    done = subprocess.run(command, cwd=ran.root, env=around, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert trees(ran) == []
    assert not layout.work_dir(ran.runs, name).exists()
    assert [path.name for path in tmp_path.glob("evidence-reproduce-*")] == []


def test_a_pack_is_intact_whatever_call_attaching_is_killed_at(
    ran: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every durable call: what lies there at each is copied."""
    result = rerun(ran)
    result.attached.unlink()
    result.attached.parent.rmdir()
    rerender(ran.pack)
    plan = Plan(do="copy", watched=str(ran.runs), copies=str(tmp_path / "copies"))
    monkeypatch.setattr(durable, "os", FaultyOs(plan))
    assert attach(ran.pack, result.record) == result.attached
    monkeypatch.undo()
    found = []
    for copy in (tmp_path / "copies").iterdir():
        beside = (copy / ran.pack.name, copy / result.pack.name)
        for pack in beside:
            report = verify_pack(pack, VerifyOptions(beside=beside))
            assert report.exit == 0, report.findings
            found += [finding.code for finding in report.findings]
    assert found.count("attaching-broken-off") > 5
    report = verify_pack(ran.pack, VerifyOptions(beside=(ran.pack, result.pack)))
    assert "attaching-broken-off" not in {finding.code for finding in report.findings}


def test_a_worktree_in_use_or_kept_on_purpose_is_left_alone(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    repository = open_repository(project.root)
    assert not isinstance(repository, Unavailable)
    commit = project.git("rev-parse", "HEAD").strip()
    project.git("worktree", "add", "-q", "--detach", str(tmp_path / "my-own"), commit)
    with clean_worktree(repository, commit, None, keep=True) as worktree:
        assert isinstance(worktree, Worktree)
        clear_up(repository)
        assert worktree.root.is_dir()
    clear_up(repository)
    assert worktree.root.is_dir()
    assert len(trees(project)) == 2


def test_a_folder_that_git_no_longer_lists_is_removed_by_its_own_repository_only(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the midst of clearing up: the entry is gone, the folder is not."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine, other = open_repository(project.root), make_project(tmp_path / "other")
    theirs = open_repository(other.root)
    assert not isinstance(mine, Unavailable)
    assert not isinstance(theirs, Unavailable)
    commit = project.git("rev-parse", "HEAD").strip()
    with clean_worktree(mine, commit, None, keep=True) as left:
        pass
    (left.folder / "lock").touch()  # as if not kept but killed
    project.git("worktree", "remove", "--force", str(left.folder / "tree"))
    clear_up(theirs)
    assert left.folder.is_dir()
    link = tmp_path / "evidence-reproduce-link"
    link.symlink_to(left.folder)
    left.folder.chmod(0o777)
    clear_up(mine)  # anybody could have put it there
    assert left.folder.is_dir()
    left.folder.chmod(0o700)
    clear_up(mine)
    assert not left.folder.exists()
    assert link.is_symlink()


def test_nothing_outside_the_runs_is_cleared_up_whatever_a_folder_says(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    repository = open_repository(project.root)
    assert not isinstance(repository, Unavailable)
    precious = tmp_path / "precious"
    precious.mkdir()
    commit = project.git("rev-parse", "HEAD").strip()
    with clean_worktree(repository, commit, None, keep=True) as left:
        left.makes("../../../precious")
        left.makes("..")
    (left.folder / "lock").touch()
    clear_up(repository)
    assert not left.folder.exists()
    assert precious.is_dir()
    assert (project.root / "milestones").is_dir()
