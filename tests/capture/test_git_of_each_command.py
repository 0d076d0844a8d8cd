"""A git that does not work, for every command (E3): a reason within seconds, no accusation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from evidence.capture import repository
from evidence.catalogue.build import update
from evidence.cli.main import COMMANDS
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.capture.test_git_that_does_not_work import BROKEN, HANGS, quickly, use
from tests.command import evidence
from tests.project import Project, make_project
from tests.tiers import sampled

ASKED: Final = {
    "run": (("run", "T1", "--again"), 4),  # the promise of a ref cannot be checked
    "record": (("record", "T9", "--", "true"), 0),
    "import": (("import", "data", "--id", "T9"), 0),
    "verify": (("verify", "runs/T1"), 0),
    "verify --repo": (("verify", "runs/T1", "--repo", "."), 2),
    "render": (("render",), 0),
    "explain": (("explain", "runs/T1", "train.loss_end"), 0),
    "audit": (("audit", "note.md", "--evidence", "data"), 0),
    "index": (("index",), 0),
    "find": (("find", "--index", "index.sqlite"), 0),
    "site": (("site",), 0),
    "compare": (("compare", "runs/T1", "runs/T1"), 0),
    "reproduce": (("reproduce", "runs/T1"), 2),
    "disclose": (("disclose", "runs/T1", "--rows", "0", "--to", "shown.json"), 2),
    "export": (("export", "model-card", "runs/T1"), 0),
    "sign": (("sign", "runs/T1", "--key", "none"), 2),
    "push": (("push", "runs/T1", "hf:none"), 2),
    "note": (("note", "runs/T1", "note.md"), 0),
    "doctor": (("doctor", "T1"), 0),
    "init": (("init",), 0),
    "new": (("new", "T9", "--data", "data/train.jsonl", "--model", "model"), 0),
    "keys": (("keys",), 0),
}
"""Words, and the exit code without a git that works."""
NEEDS_GIT: Final = ("verify --repo", "reproduce")
FALSE: Final = ("no such commit", "is not in", "there is no ref", "partial clone", "not apply")
KINDS: Final = ("exits 3", "garbage", "hangs", "then exits 3", "then garbage", "then hangs")
POINTS: Final = list(product(ASKED, KINDS))
QUICK: Final = [
    ("run", "then hangs"),
    ("verify --repo", "hangs"),
    ("verify --repo", "then exits 3"),
    ("verify --repo", "then garbage"),
    ("verify --repo", "then hangs"),
    ("reproduce", "then hangs"),
    ("reproduce", "then garbage"),
    ("new", "garbage"),
]
SOON_S: Final = 20.0
"""On a busy machine; what hangs would hang for 60 s."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A pack, made where git works; its promise names a ref."""
    project = make_project(tmp_path_factory.mktemp("git") / "project")
    (project.root / "note.md").write_text("Later.\n")
    assert project.run().report.exit == 0
    update([project.runs], project.root / "index.sqlite")
    return project


@pytest.fixture
def copy(ran: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    root = Path(shutil.copytree(ran.root, tmp_path / "project"))
    monkeypatch.chdir(root)
    for known in ("_useless", "_asked_again_at_s"):
        monkeypatch.setattr(repository, known, {})
    return Project(root)


def test_every_command_is_asked() -> None:
    assert {words[0] for words, _ in ASKED.values()} == set(COMMANDS)


@pytest.mark.parametrize("point", sampled(POINTS, QUICK), ids=", ".join)
def test_a_command_without_a_git_that_works_says_so_soon(
    point: tuple[str, str], copy: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, kind = point
    words, code = ASKED[name]
    use(BROKEN[kind][0], tmp_path / "bin", monkeypatch)
    quickly(monkeypatch)
    began_s = time.monotonic()
    ended = evidence(*words)
    took_s = time.monotonic() - began_s
    said = ended.out + ended.err
    assert ended.exit == code, said
    assert "Traceback" not in said, said
    assert took_s < SOON_S, said
    assert not [false for false in FALSE if false in said], said
    if name in NEEDS_GIT:
        assert "git" in ended.err, said


@pytest.mark.parametrize("answer", ["kill -9 $$", "exec sleep 60"])
def test_a_git_that_dies_while_a_pack_is_held_against_a_clone_is_no_finding(
    answer: str, copy: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answered at first: what it does not say afterwards is not checked."""
    (copy.root / "data/eval.jsonl").touch()
    checks = repository_checks(copy.root)
    use(answer, tmp_path / "bin", monkeypatch)
    quickly(monkeypatch)
    report = verify_pack(copy.pack, VerifyOptions(further=checks))
    assert report.exit == 0, report.findings
    asked = [check for check in report.checks if check.id.startswith("repo-")]
    assert {check.outcome for check in asked} == {"not_checked"}, asked


@pytest.mark.parametrize("script", sampled([HANGS, "exit 3", ""], ["exit 3"]))
def test_the_git_that_answered_is_asked_and_no_other(
    script: str, copy: Project, tmp_path: Path
) -> None:
    """GitPython asks the git of a variable of its own when it is imported, without a limit."""
    other = tmp_path / "other-git"
    other.write_text(f"#!/bin/sh\n{script}\n")
    other.chmod(0o755 if script else 0o644)
    done = subprocess.run(
        [sys.executable, "-m", "evidence", "verify", "runs/T1", "--repo", "."],
        cwd=copy.root,
        env=os.environ | {"GIT_PYTHON_GIT_EXECUTABLE": str(other)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
