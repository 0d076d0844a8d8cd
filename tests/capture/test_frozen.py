"""Laws of frozen paths: what a pattern names, and what changed, is gone, or was never there."""

from __future__ import annotations

import subprocess
import time
import warnings
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from evidence.capture import blobs
from evidence.capture.frozen import compare_frozen, digest_set, match_paths
from evidence.capture.holding import is_pointer
from evidence.capture.patterns import files_matching, matches
from evidence.capture.repository import Repository, open_repository
from evidence.encoding import schema
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import UsageError
from evidence.records.availability import Unavailable
from evidence.records.capture import FrozenRecord, FrozenSetRecord
from evidence.records.milestone import FrozenSpec

NOTHING = Unavailable("nothing")


def test_a_promise_names_what_changed_and_what_is_gone(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "deep/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    spec = FrozenSpec(name="all", paths=("**/*.txt",), ref=None)
    assert match_paths(tmp_path, spec.paths) == ("a.txt", "b.txt", "deep/c.txt")
    before = digest_set(tmp_path, spec)
    (tmp_path / "a.txt").write_text("changed")
    (tmp_path / "b.txt").unlink()
    found = compare_frozen(tmp_path, [spec], [before], NOTHING)
    one = found.sets[0]
    assert not one.unchanged_during_run
    assert isinstance(one.equal_to_ref, Unavailable)
    changed = {f.path for f in one.files if f.before_sha256 != f.after_sha256}
    assert changed == {"a.txt", "b.txt"}
    assert schema.validate("frozen.v1", encode(found)) == ()
    assert decode(FrozenRecord, encode(found)) == found


def test_a_link_is_never_frozen(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert match_paths(tmp_path, ("*",)) == ("real",)


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("a.py", "a.py"),
        ("./a.py", "a.py"),
        ("*", "a.py top[1].txt"),
        ("*.py", "a.py"),
        ("?.py", "a.py"),
        ("[ab].py", "a.py"),
        ("[!a].py", ""),
        ("top[[]1].txt", "top[1].txt"),
        ("deep", ""),
        ("deep/*", "deep/b.py"),
        ("deep/**", "deep/b.py deep/er/.c.py"),
        ("**/*.py", "a.py deep/b.py deep/er/.c.py"),
        ("deep/**/*.py", "deep/b.py deep/er/.c.py"),
        ("**/er/*", "deep/er/.c.py"),
        ("runs/**", "runs/x.py"),
        ("", ""),
        ("/etc/*", ""),
        ("../*", ""),
        ("deep/../*", ""),
        ("away/*", ""),
    ],
)
def test_a_pattern_names_the_same_files_on_disk_and_in_git(
    pattern: str, named: str, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    names = (
        "a.py", "top[1].txt", "deep/b.py", "deep/er/.c.py", "runs/x.py", ".venv/x.py",
        ".git/x.py", "deep/.git/x.py", "deep/__pycache__/x.py",
    )  # fmt: skip
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (tmp_path / "secret.py").write_text("outside")
    (root / "away").symlink_to(tmp_path)
    (root / "link.py").symlink_to(tmp_path / "secret.py")
    assert sorted(set(files_matching(root, pattern))) == named.split()
    if ".." not in pattern:
        assert sorted(name for name in names if matches(pattern, name)) == named.split()


def test_an_unreadable_file_stops_the_run_before_and_counts_as_changed_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a").write_text("x")
    spec = FrozenSpec(name="all", paths=("*",), ref=None)
    before = digest_set(tmp_path, spec)
    # Root, whom tests may run as, reads everything: the refusal is made by hand.
    monkeypatch.setattr("evidence.capture.frozen.sha256_stream", refuse)
    with pytest.raises(UsageError, match="a: it cannot be read: Permission denied"):
        digest_set(tmp_path, spec)
    record = compare_frozen(tmp_path, [spec], [before], NOTHING)
    assert isinstance(record.sets[0].files[0].after_sha256, Unavailable)
    assert not record.sets[0].unchanged_during_run
    assert schema.validate("frozen.v1", encode(record)) == ()
    assert decode(FrozenRecord, encode(record)) == record


def git(where: Path, *args: str) -> None:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *args]
    subprocess.run(command, cwd=where, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project one folder below the top of its repository."""
    root = tmp_path / "top" / "project"
    (root / "data").mkdir(parents=True)
    for name in ("kept", "edited", "deleted", "new\nline ü"):
        (root / "data" / name).write_text(f"{name}\n")
    (root / "data" / "twin").write_text("kept\n")
    (root / "data" / "empty").touch()
    (root / "data" / "link").symlink_to("kept")
    git(root.parent, "init", "-q")
    git(root.parent, "add", "-A")
    git(root.parent, "commit", "-q", "-m", "first")
    git(root.parent, "tag", "v1")
    return root


def compared(root: Path, ref: str | None, *paths: str) -> FrozenSetRecord:
    spec = FrozenSpec(name="data", paths=paths or ("data/**",), ref=ref)
    record = compare_frozen(root, [spec], [digest_set(root, spec)], open_repository(root))
    assert schema.validate("frozen.v1", encode(record)) == ()
    assert decode(FrozenRecord, encode(record)) == record
    return record.sets[0]


def test_what_nobody_touched_equals_the_ref(project: Path) -> None:
    one = compared(project, "v1")
    assert one.equal_to_ref is True
    assert len(one.files) == 6
    assert all(f.ref_sha256 == f.before_sha256 == f.after_sha256 for f in one.files)


def test_a_file_edited_added_or_deleted_before_the_run_differs_from_the_ref(project: Path) -> None:
    (project / "data" / "edited").write_text("other")
    (project / "data" / "deleted").unlink()
    (project / "data" / "added").write_text("new")
    one = compared(project, "v1")
    assert one.unchanged_during_run
    assert one.equal_to_ref is False
    files = {f.path: f for f in one.files}
    differing = {path for path, f in files.items() if f.after_sha256 != f.ref_sha256}
    assert differing == {"data/edited", "data/deleted", "data/added"}
    assert files["data/deleted"].ref_sha256 == sha256_hex(b"deleted\n")
    assert files["data/added"].ref_sha256 is None


def test_a_missing_ref_or_repository_has_its_reason(project: Path, tmp_path: Path) -> None:
    one = compared(project, "v9")
    assert isinstance(one.equal_to_ref, Unavailable)
    assert "no ref 'v9'" in one.equal_to_ref.reason
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").touch()
    alone = compared(tmp_path, "v1")
    assert isinstance(alone.ref_commit, Unavailable)
    assert "not a git repository" in alone.ref_commit.reason


def test_many_blobs_are_read_in_batches_and_a_missing_one_has_a_reason(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = compared(project, "v1")
    monkeypatch.setattr(blobs, "_BATCH_BYTES", 6)
    assert compared(project, "v1") == whole
    found = open_repository(project)
    assert isinstance(found, Repository)
    lost = found.run("rev-parse", "v1:project/data/edited").decode().strip()
    (project.parent / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    assert isinstance(compared(project, "v1").equal_to_ref, Unavailable)


@pytest.mark.parametrize(
    ("pattern", "path", "named"),
    [
        ("*a*a*a*a*a*a*a*a*a*a*b", "a" * 250, False),
        ("*a*a*a*a*a*a*a*a*a*a*b", "a" * 250 + "b", True),
        ("**/a/**/a/**/a/**/a/**/b", "a/" * 120 + "c", False),
        ("**/a/**/a/**/b", "x/a/y/a/a/b", True),
        ("a*bc*c", "abbcxbcc", True),
        ("a*bc*c", "abcx", False),
        ("*.a.b", "x.a.a.b", True),
        ("**/x*/y", "x/z/xx/y", True),
        ("**", "a/b", True),
        ("a**b", "axb", True),
    ],
)
def test_wildcards_cost_no_more_than_the_path_is_long(pattern: str, path: str, named: bool) -> None:
    began_s = time.process_time()
    assert matches(pattern, path) is named
    assert time.process_time() - began_s < 2


@pytest.mark.parametrize(
    "inner",
    [
        "z-a",
        "!",
        "]",
        "!]",
        "^",
        "^a",
        "a&&b",
        "a||b",
        "a~~b",
        "--a",
        "[:alpha:]",
        "!z-a",
        "a-",
        "-",
        "π",
    ],
)
def test_any_text_in_brackets_is_a_pattern_and_never_an_error(inner: str) -> None:
    """Patterns come with a stranger's milestone; verify compiles them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named = [one for one in "azbπ^&|~-:]!" if matches(f"x[{inner}]y", f"x{one}y")]
    wanted = [one for one in "azbπ^&|~-:]!" if fnmatchcase(f"x{one}y", f"x[{inner}]y")]
    assert named == wanted


def test_a_blob_that_looks_like_a_pointer_for_long_costs_nothing() -> None:
    blob = b"version https://git-lfs.github.com/spec/v1\n" + b"\n" * 900 + b"!"
    began_s = time.process_time()
    assert not is_pointer("0" * 64, blob)
    assert time.process_time() - began_s < 2
    named = b"version https://git-lfs.github.com/spec/v1\next-0-x sha256:1\noid sha256:"
    assert is_pointer("0" * 64, named + b"0" * 64 + b"\nsize 3\n")
