"""The real thing once: M43's stand-in from a dirty tree, killed, resumed, and reproduced."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evidence import layout
from evidence.encoding import jsonio
from tests.project import Project, rows

MILESTONES = Path(__file__).parents[2] / "milestones"
NUM_STEPS, CHECKPOINT = 24, 4
LIMIT_S = 600

pytestmark = [pytest.mark.torch, pytest.mark.full]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """M43, cut to a few steps, in a repository of its own; committed."""
    made = Project(tmp_path / "project")
    shutil.copytree(MILESTONES, made.root / "milestones")
    path = made.root / "milestones/M43.toml"
    text = path.read_text("utf-8")
    for old, new in (
        ("checkpoint_every_steps = 50", f"checkpoint_every_steps = {CHECKPOINT}"),
        ("epochs = 1\n", f"epochs = 1\nmax_steps = {NUM_STEPS}\n"),
        ("value = 0.5", "value = 1"),  # so few steps need not halve the loss
        ("value = 138", f"value = {NUM_STEPS}"),
        ('paths = ["evidence/**/*.py", "templates/**/*", "schemas/*.json"]', 'paths = ["*.bin"]'),
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    (made.root / "tracked.bin").write_bytes(b"\0\1\2")
    (made.root / "deleted.txt").write_text("gone by the time it runs\n")
    made.git("init", "-q", "-b", "main")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "project")
    return made


def make_dirty(project: Project) -> None:
    """A change of a number that counts, of bytes that are no text, a new file and one less."""
    path = project.root / "milestones/M43.toml"
    text = path.read_text("utf-8")
    assert "learning_rate = 1e-3" in text
    path.write_text(text.replace("learning_rate = 1e-3", "learning_rate = 3e-3"), "utf-8")
    (project.root / "tracked.bin").write_bytes(bytes(range(256)))
    (project.root / "un tracked ä.bin").write_bytes(b"\xff\0" * 100)
    (project.root / "deleted.txt").unlink()


def evidence(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "evidence", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def kill_at(process: subprocess.Popen[bytes], work: Path, step: int) -> None:
    """SIGKILL for the supervisor once a step is on disk."""
    until_s = time.monotonic() + LIMIT_S
    while sum(p.read_bytes().count(b"\n") for p in work.glob(f"attempt-*/{layout.METRICS}")) < step:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until_s
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_a_run_of_a_dirty_tree_that_was_killed_and_resumed_is_reproduced_bit_for_bit(
    project: Project, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dirty(project)
    work, pack = layout.work_dir(project.runs, "M43"), project.runs / "M43"
    kill_at(evidence(project.root, "run", "M43", "--attempt", "stand-in"), work, CHECKPOINT + 2)
    resumed = evidence(project.root, "run", "M43", "--resume")
    _, printed = resumed.communicate(timeout=LIMIT_S)
    assert resumed.returncode == 0, printed
    assert {row["segment"] for row in rows(pack / layout.METRICS)} == {1, 2}
    project.git("stash", "push", "-q", "--include-untracked", "--", ".", ":!runs")

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    before = project.git("status", "--porcelain"), project.git("worktree", "list")
    repeated = evidence(elsewhere, "reproduce", "../project/runs/M43", "--repo", "../project")
    report, printed = repeated.communicate(timeout=LIMIT_S)
    assert repeated.returncode == 0, printed
    assert b"REPRODUCED bitwise" in report
    assert (project.git("status", "--porcelain"), project.git("worktree", "list")) == before
    assert list(temporary.glob("evidence-*")) == []
    assert not (project.root / ".git/worktrees").exists()

    (second,) = project.runs.glob("M43-reproduced-*")
    state = jsonio.load_document((second / layout.GIT).read_bytes())["start"]
    files = {one["path"]: one["state"] for one in state["files"]}
    assert files.keys() == {
        "deleted.txt", "milestones/M43.toml", "tracked.bin", "un tracked ä.bin"
    }  # fmt: skip
    checked = evidence(project.root, "verify", "--quiet", "runs")
    report, printed = checked.communicate(timeout=LIMIT_S)
    assert checked.returncode == 0, (report, printed)
