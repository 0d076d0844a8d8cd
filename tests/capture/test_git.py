"""Laws of looking at a repository: every state has a name, nothing is touched."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from evidence.capture.git import capture_patch, capture_remote, capture_state, resolve_ref
from evidence.capture.repository import Repository, open_repository
from evidence.encoding import schema
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_hex
from evidence.records.availability import Unavailable
from evidence.records.capture import GitRecord, GitStateRecord


def git(where: Path, *args: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *args]
    return subprocess.run(command, cwd=where, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "kept.txt").write_text("one\n")
    (root / "gone.txt").write_text("gone\n")
    (root / "image.bin").write_bytes(bytes(range(256)))
    (root / ".gitignore").write_text(".venv/\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first \x1b[31mred")
    return root


def make_dirty(root: Path) -> None:
    (root / "kept.txt").write_text("two\n")
    (root / "gone.txt").unlink()
    (root / "image.bin").write_bytes(bytes(reversed(range(256))))
    (root / "new name ü.txt").write_text("new\n")
    (root / "runs").mkdir()
    (root / "runs" / "weights.bin").write_bytes(b"x")
    (root / ".venv").mkdir()
    (root / ".venv" / "lib.py").write_text("x")


def opened(root: Path) -> Repository:
    found = open_repository(root)
    assert isinstance(found, Repository)
    return found


def state(root: Path) -> GitStateRecord:
    found = capture_state(opened(root))
    assert isinstance(found, GitStateRecord)
    return found


def reason(found: object) -> str:
    assert isinstance(found, Unavailable)
    return found.reason


def test_a_clean_tree_is_clean(repository: Path) -> None:
    found = state(repository)
    assert not found.dirty
    assert found.files == ()
    assert found.branch == "main"
    assert found.commit == git(repository, "rev-parse", "HEAD").strip()
    assert found.tree == git(repository, "rev-parse", "HEAD^{tree}").strip()
    assert "\x1b" not in found.subject
    assert "clean" in reason(capture_patch(opened(repository)))


def test_every_changed_file_is_named_and_evidence_is_no_change(repository: Path) -> None:
    make_dirty(repository)
    found = state(repository)
    assert {f.path: f.state for f in found.files} == {
        "gone.txt": "deleted",
        "image.bin": "modified",
        "kept.txt": "modified",
        "new name ü.txt": "untracked",
    }
    by_path = {f.path: f.sha256 for f in found.files}
    assert by_path["kept.txt"] == sha256_hex(b"two\n")


def test_the_patch_leads_from_the_commit_to_the_working_tree(
    repository: Path, tmp_path: Path
) -> None:
    make_dirty(repository)
    patch = capture_patch(opened(repository))
    assert isinstance(patch, bytes)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    (tmp_path / "p").write_bytes(patch)
    git(clone, "apply", "--binary", str(tmp_path / "p"))
    assert (clone / "kept.txt").read_text() == "two\n"
    assert not (clone / "gone.txt").exists()
    assert (clone / "image.bin").read_bytes() == bytes(reversed(range(256)))
    assert (clone / "new name ü.txt").read_text() == "new\n"
    assert not (clone / "runs").exists()


def test_looking_changes_nothing_in_the_repository(repository: Path) -> None:
    make_dirty(repository)
    folder = repository / ".git"

    def everything() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    before = everything()
    capture_state(opened(repository))
    capture_patch(opened(repository))
    assert everything() == before


def test_a_patch_past_the_limit_is_not_kept(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.limits.MAX_PATCH_BYTES", 10)
    make_dirty(repository)
    assert "more than 10" in reason(capture_patch(opened(repository)))


def test_no_repository_unborn_bare_and_detached_are_told_apart(tmp_path: Path) -> None:
    """E3: none, unborn, bare, detached."""
    assert "not a git repository" in reason(open_repository(tmp_path))
    git(tmp_path, "init", "-q", "unborn")
    assert "no commit yet" in reason(capture_state(opened(tmp_path / "unborn")))
    git(tmp_path, "init", "-q", "--bare", "bare")
    assert "bare" in reason(open_repository(tmp_path / "bare"))


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    assert "detached" in reason(state(repository).branch)


def test_a_shallow_clone_says_so(repository: Path, tmp_path: Path) -> None:
    """E3: a shallow clone."""
    (repository / "kept.txt").write_text("x")
    git(repository, "commit", "-q", "-am", "second")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    assert state(tmp_path / "shallow").shallow
    assert not state(repository).shallow


def test_a_project_below_the_top_sees_the_whole_repository(repository: Path) -> None:
    project = repository / "project"
    (project / "runs").mkdir(parents=True)
    (project / "runs" / "x").write_text("evidence")
    (project / "code.py").write_text("pass")
    assert [f.path for f in state(project).files] == ["project/code.py"]


def test_a_remote_loses_its_credentials(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "https://user:hf_secret@example.org/x.git")
    assert capture_remote(opened(repository)) == "https://example.org/x.git"


def test_a_hook_and_a_monitor_are_never_run(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    script = tmp_path / "monitor"
    script.write_text(f"#!/bin/sh\ntouch {trap}\n")
    script.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(script))
    make_dirty(repository)
    state(repository)
    capture_patch(opened(repository))
    assert not trap.exists()


def test_a_ref_is_the_commit_of_its_time(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD").strip()
    git(repository, "tag", "old")
    (repository / "kept.txt").write_text("two\n")
    git(repository, "commit", "-q", "-am", "second")
    found = opened(repository)
    assert resolve_ref(found, "old") == first
    assert "no ref" in reason(resolve_ref(found, "missing"))
    assert "no ref" in reason(resolve_ref(found, "--help"))


def test_git_json_satisfies_its_schema_and_comes_back_equal(repository: Path) -> None:
    make_dirty(repository)
    found = opened(repository)
    record = GitRecord(
        schema="git.v1",
        remote=capture_remote(found),
        start=capture_state(found),
        end=Unavailable("not yet"),
        changed_during_run=False,
        patch_sha256="0" * 64,
    )
    assert schema.validate("git.v1", encode(record)) == ()
    assert decode(GitRecord, encode(record)) == record
