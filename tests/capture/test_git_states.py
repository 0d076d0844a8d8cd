"""Laws of repositories in unusual states: each has its name or its reason, none is a guess."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from evidence import limits
from evidence.capture.git import capture_patch, capture_remote, capture_state
from evidence.capture.packages import without_credentials
from evidence.capture.repository import Repository, open_repository
from evidence.encoding import schema
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_hex
from evidence.records.availability import Unavailable
from evidence.records.capture import GitRecord, GitStateRecord


def git(where: Path, *args: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c"]
    command += ["-c", "protocol.file.allow=always", *args]
    return subprocess.run(command, cwd=where, check=True, capture_output=True, text=True).stdout


def commit_all(root: Path, *options: str) -> Path:
    root.mkdir(exist_ok=True)
    git(root, "init", "-q", "-b", "main", *options)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    return root


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "a.txt").write_text("one\n")
    (root / "b.txt").write_text("".join(f"{n}\n" for n in range(40)))
    return commit_all(root)


def state(root: Path) -> GitStateRecord:
    found = capture_state(open_repository(root))
    assert isinstance(found, GitStateRecord)
    record = GitRecord("git.v1", Unavailable("-"), found, found, False, Unavailable("-"))
    assert schema.validate("git.v1", encode(record)) == ()
    assert decode(GitRecord, encode(record)) == record
    return found


def states(root: Path) -> dict[str, str]:
    return {file.path: file.state for file in state(root).files}


def reasons(root: Path) -> set[str]:
    """What the three probes say; none of them may raise."""
    found = open_repository(root)
    answers = (capture_state(found), capture_remote(found), capture_patch(found))
    assert all(isinstance(one, Unavailable) for one in answers), answers
    return {one.reason for one in answers if isinstance(one, Unavailable)}


def applied(root: Path, commit: str, tmp_path: Path) -> Path:
    """A clean tree of the commit with the captured patch on it."""
    patch = capture_patch(open_repository(root))
    assert isinstance(patch, bytes)
    (tmp_path / "patch").write_bytes(patch)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--no-checkout", str(root), str(clone))
    git(clone, "checkout", "-q", commit)
    git(clone, "apply", str(tmp_path / "patch"))
    return clone


def test_a_repository_of_another_owner_is_refused_in_words(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E3: safe.directory."""
    git(repository, "remote", "add", "origin", "https://h/x")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    found = reasons(repository)
    assert all("safe.directory" in one for one in found), found
    assert len(found) == 1, found


def test_without_git_there_is_one_reason(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E3: git is not installed."""
    found = open_repository(repository)
    monkeypatch.setenv("PATH", "/nonexistent")
    (answers,) = reasons(repository)
    assert "install git" in answers
    assert capture_remote(found) == capture_state(found) == capture_patch(found)


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
def test_a_variable_that_points_git_elsewhere_is_not_followed(
    name: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tmp_path))
    (answers,) = reasons(repository)
    assert f"{name} is set" in answers


def test_a_git_that_hangs_is_given_up(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Repository.run, "__kwdefaults__", {
        "env": None, "given": None, "timeout_s": 0.3,
    })  # fmt: skip
    found = open_repository(repository)
    (tmp_path / "git").write_text("#!/bin/sh\nsleep 30\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    answers = capture_state(found)
    assert isinstance(answers, Unavailable)
    assert "did not answer" in answers.reason


def test_an_unborn_branch_has_a_reason_for_everything(tmp_path: Path) -> None:
    """E3: no commit yet."""
    git(tmp_path, "init", "-q")
    (tmp_path / "x").write_text("x")
    assert reasons(tmp_path) == {"the repository has no commit yet", "no remote is configured"}


def test_a_commit_that_is_missing_is_not_called_unborn(repository: Path) -> None:
    (repository / ".git" / "refs" / "heads" / "main").write_text("1" * 40 + "\n")
    answers = capture_state(open_repository(repository))
    assert isinstance(answers, Unavailable)
    assert "no commit yet" not in answers.reason


def test_a_sha256_repository_is_read_like_any_other(tmp_path: Path) -> None:
    """E3: SHA-256 objects."""
    root = tmp_path / "repo"
    root.mkdir()
    (root / "a").write_text("1")
    commit_all(root, "--object-format=sha256")
    (root / "a").write_text("2")
    found = state(root)
    assert len(found.commit) == len(found.tree) == 64
    assert (applied(root, found.commit, tmp_path) / "a").read_text() == "2"


def test_a_linked_worktree_has_its_own_changes_and_shares_the_rest(
    repository: Path, tmp_path: Path
) -> None:
    """E3: a worktree."""
    git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    (tmp_path / "tree" / "a.txt").write_text("two\n")
    assert states(tmp_path / "tree") == {"a.txt": "modified"}
    assert states(repository) == {}
    assert b"+two" in bytes(capture_patch(open_repository(tmp_path / "tree")))  # type: ignore[arg-type]


def test_a_worktree_of_a_shallow_clone_is_shallow(repository: Path, tmp_path: Path) -> None:
    (repository / "a.txt").write_text("two\n")
    git(repository, "commit", "-q", "-am", "second")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    git(tmp_path / "shallow", "worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    assert state(tmp_path / "tree").shallow


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_change_that_git_was_told_not_to_see_is_seen(
    flag: str, repository: Path, tmp_path: Path
) -> None:
    """E3: hidden files: a tree is not clean because someone said so."""
    git(repository, "update-index", flag, "a.txt", "b.txt")
    before = (repository / ".git/index").read_bytes()
    (repository / "a.txt").write_text("two\n")
    assert git(repository, "status", "--porcelain") == ""
    found = state(repository)
    assert (found.dirty, states(repository)) == (True, {"a.txt": "modified"})
    assert (applied(repository, found.commit, tmp_path) / "a.txt").read_text() == "two\n"
    (repository / "a.txt").write_text("one\n")
    assert not state(repository).dirty
    assert (repository / ".git/index").read_bytes() == before


def test_a_sparse_checkout_says_how_much_it_leaves_out(repository: Path) -> None:
    """E3: sparse."""
    for name in ("kept", "left"):
        (repository / name).mkdir()
        (repository / name / "x").write_text(name)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "folders")
    assert state(repository).num_not_checked_out == 0
    git(repository, "sparse-checkout", "set", "--cone", "kept")
    assert not (repository / "left").exists()
    found = state(repository)
    assert (found.num_not_checked_out, found.dirty) == (1, False)
    (repository / "kept/x").write_text("changed")
    assert states(repository) == {"kept/x": "modified"}


def test_a_branch_and_a_tag_of_one_name_are_told_apart(repository: Path) -> None:
    git(repository, "tag", "main")
    git(repository, "tag", "-a", "-m", "x", "release 1".replace(" ", "-"))
    found = state(repository)
    assert (found.branch, found.tags) == ("main", ("main", "release-1"))


def test_a_dirty_submodule_is_named_and_no_patch_pretends_to_hold_it(
    repository: Path, tmp_path: Path
) -> None:
    """E3: submodules."""
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "submodule", "add", "-q", str(repository), "sub")
    git(outer, "commit", "-q", "-m", "first")
    (outer / "sub" / "a.txt").write_text("changed")
    (file,) = state(outer).files
    assert (file.path, file.state) == ("sub", "modified")
    assert isinstance(file.sha256, Unavailable)
    patch = capture_patch(open_repository(outer))
    assert isinstance(patch, Unavailable)
    assert "fits in no patch" in patch.reason
    assert states(outer / "sub") == {"a.txt": "modified"}


def test_a_conflict_and_staged_files_have_their_states(repository: Path) -> None:
    """E3: unmerged files."""
    git(repository, "checkout", "-q", "-b", "side")
    (repository / "a.txt").write_text("side\n")
    git(repository, "commit", "-q", "-am", "side")
    git(repository, "checkout", "-q", "main")
    (repository / "a.txt").write_text("main\n")
    git(repository, "commit", "-q", "-am", "main")
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "merge", "side")
    (repository / "staged").write_text("s")
    git(repository, "add", "staged")
    (repository / "b.txt").write_text("m")
    git(repository, "add", "b.txt")
    (repository / "b.txt").unlink()
    assert states(repository) == {"a.txt": "unmerged", "staged": "added", "b.txt": "deleted"}


def test_strange_names_and_links_survive_patch_and_digest(repository: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not ours")
    (repository / "link").symlink_to(secret)
    names = ["with space", "new\nline", "ü", '"quoted"', "-dash", "tab\there", "[glob]*"]
    for name in names:
        (repository / name).write_text(name)
    files = {file.path: file.sha256 for file in state(repository).files}
    assert set(names) | {"link"} == set(files)
    assert files["link"] == sha256_hex(os.fsencode(secret)), "where it points, not what is there"
    clone = applied(repository, "main", tmp_path)
    assert all((clone / name).read_text() == name for name in names)
    assert (clone / "link").readlink() == secret


def test_the_patch_applies_whatever_the_user_configured(repository: Path, tmp_path: Path) -> None:
    for key, value in {
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.context": "0",
        "diff.renames": "copies",
        "diff.external": "/bin/false",
        "color.ui": "always",
        "core.quotePath": "false",
        "status.showUntrackedFiles": "no",
        "log.showSignature": "true",
    }.items():
        git(repository, "config", key, value)
    (repository / "b.txt").rename(repository / "moved.txt")
    (repository / "a.txt").write_text("zero\none\n")
    clone = applied(repository, state(repository).commit, tmp_path)
    assert sorted(p.name for p in clone.glob("*.txt")) == ["a.txt", "moved.txt"]
    assert (clone / "a.txt").read_text() == "zero\none\n"


def test_a_split_index_gets_no_new_part(repository: Path) -> None:
    git(repository, "config", "core.splitIndex", "true")
    (repository / "a.txt").write_text("two\n")
    before = sorted((repository / ".git").iterdir())
    assert isinstance(capture_patch(open_repository(repository)), bytes)
    assert sorted((repository / ".git").iterdir()) == before


def test_only_the_projects_own_runs_are_left_out(repository: Path) -> None:
    project = repository / "p[1]"
    for folder in (project / "runs", repository / "runs"):
        folder.mkdir(parents=True)
        (folder / "x").write_text("x")
    assert states(project) == {"runs/x": "untracked"}


def test_too_much_change_is_not_even_tried(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_PATCHED_BYTES", 100)
    with (repository / "huge").open("wb") as stream:
        stream.truncate(1 << 20)
    answers = capture_patch(open_repository(repository))
    assert isinstance(answers, Unavailable)
    assert "1048576 bytes, more than 100" in answers.reason


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:SECRET@h/x", "https://h/x"),
        ("https://SECRET@h/x", "https://h/x"),
        ("https://user:SEC@SECRET@h/x", "https://h/x"),
        ("https://user:SEC/SECRET@h/x.git", "https://h/x.git"),
        ("https://user:SEC RET@h/x", "https://h/x"),
        ("git+https://user:SECRET@h:8443/x@v1", "git+https://h:8443/x@v1"),
        ("https://h/x?token=SECRET#egg=x", "https://h/x#egg=x"),
        ("user:SECRET@h:x", "h:x"),
        ("ssh://git@h:22/x", "ssh://h:22/x"),
        ("git@h:a/b.git", "git@h:a/b.git"),
        ("https://h:443/scope/@x", "https://h:443/scope/@x"),
        ("/local/a:b@c", "/local/a:b@c"),
        (r"C:\a@b", r"C:\a@b"),
    ],
)
def test_no_form_of_credentials_survives_and_nothing_else_is_lost(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
    assert without_credentials(shown) == shown
