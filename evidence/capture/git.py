"""The user's own repository, read through GitPython. The only importer of `git`.

Responsible for state, patch and blobs at a ref, without running hooks or filesystem monitors and
without touching index or object store. Never used on a stranger's pack.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evidence import layout, limits
from evidence.capture.packages import without_credentials
from evidence.digest import sha256_hex
from evidence.escape import one_line, visible
from evidence.records.availability import Unavailable
from evidence.records.capture import FileState, GitFileRecord, GitStateRecord

if TYPE_CHECKING:
    from git import Repo

_STATES: Final[dict[str, FileState]] = {
    "M": "modified",
    "T": "modified",
    "A": "added",
    "D": "deleted",
    "R": "renamed",
    "C": "added",
    "?": "untracked",
    "U": "unmerged",
}
_NOT_OURS: Final = (layout.RUNS, ".venv")
"""Folders of the project whose changes make no tree dirty: evidence itself, and installed code."""


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository around a project."""

    repo: Repo
    root: Path
    """The project, inside the working tree."""

    def run(
        self, *args: str, env: dict[str, str] | None = None, given: Path | None = None
    ) -> bytes:
        """Output of a git command, fed with a file. Raises GitCommandError, also when too slow."""
        with Path(given or os.devnull).open("rb") as stream:
            output: Any = self.repo.git.execute(
                [
                    "git", "--no-optional-locks", "-c", "core.fsmonitor=false",
                    "-c", f"core.hooksPath={os.devnull}", *args,
                ],
                istream=stream,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=None if os.name == "nt" else limits.PROBE_TIMEOUT_S,
                env={"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(env or {})},
            )  # fmt: skip
        return bytes(output)

    def pathspecs(self) -> list[str]:
        """Everything but what is not ours."""
        prefix = self.root.relative_to(Path(str(self.repo.working_tree_dir)).resolve()).as_posix()
        above = "" if prefix == "." else f"{prefix}/"
        return [":/", *(f":(top,exclude){above}{name}" for name in _NOT_OURS)]


def open_repository(root: Path) -> Repository | Unavailable:
    """The repository that holds `root`, or why there is none."""
    try:
        from git import InvalidGitRepositoryError, NoSuchPathError, Repo
    except ImportError:
        return Unavailable("git is not installed")
    try:
        repo = Repo(root, search_parent_directories=True)
    except (InvalidGitRepositoryError, NoSuchPathError):
        return Unavailable("this is not a git repository; `git init` and commit to have one")
    if repo.bare:
        return Unavailable("the repository is bare: it has no working tree")
    return Repository(repo=repo, root=root.resolve())


def capture_state(found: Repository | Unavailable) -> GitStateRecord | Unavailable:
    """Commit, branch, tags and every file that differs from HEAD."""
    if isinstance(found, Unavailable):
        return found
    from git import GitError

    try:
        if not found.repo.head.is_valid():
            return Unavailable("the repository has no commit yet")
        return _state(found)
    except (GitError, ValueError, OSError) as error:
        return Unavailable(f"git refused: {one_line(str(error), limits.MAX_MESSAGE_CHARS)}")


def _state(found: Repository) -> GitStateRecord:
    repo = found.repo
    commit = repo.head.commit
    files = _changed_files(found)
    tags = found.run("tag", "--points-at", "HEAD").decode("utf-8", "replace").split()
    return GitStateRecord(
        commit=commit.hexsha,
        tree=commit.tree.hexsha,
        branch=Unavailable("HEAD is detached")
        if repo.head.is_detached
        else visible(repo.active_branch.name),
        tags=tuple(sorted(map(visible, tags))),
        commit_utc=commit.committed_datetime.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        subject=visible(str(commit.summary)),
        dirty=bool(files),
        files=files,
        shallow=(Path(repo.git_dir) / "shallow").exists(),
    )


def _entries(found: Repository) -> Iterator[tuple[str, bytes]]:
    """(two-letter state, path from the top of the working tree) of every change."""
    output = found.run(
        "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--",
        *found.pathspecs(),
    )  # fmt: skip
    for entry in output.split(b"\0"):
        if entry:
            yield entry[:2].decode("ascii"), entry[3:]


def _names_of_changes(found: Repository) -> bytes:
    return b"".join(name + b"\0" for _, name in _entries(found))


def _changed_files(found: Repository) -> tuple[GitFileRecord, ...]:
    records = []
    for code, name in _entries(found):
        letter = "U" if "U" in code else code.strip()[:1]
        path = Path(os.fsdecode(os.fsencode(str(found.repo.working_tree_dir)) + b"/" + name))
        records.append(
            GitFileRecord(
                path=visible(name.decode("utf-8", "backslashreplace")),
                state=_STATES.get(letter, "modified"),
                sha256=sha256_hex(path.read_bytes())
                if path.is_file()
                else Unavailable("not a file in the working tree"),
            )
        )
    return tuple(sorted(records, key=lambda record: record.path))


def capture_remote(found: Repository | Unavailable) -> str | Unavailable:
    """URL of origin (else of the first remote), credentials removed."""
    if isinstance(found, Unavailable):
        return found
    remotes = {remote.name: remote for remote in found.repo.remotes}
    if not remotes:
        return Unavailable("no remote is configured")
    remote = remotes.get("origin") or next(iter(remotes.values()))
    return visible(without_credentials(next(iter(remote.urls), ""))) or Unavailable("no URL")


def capture_patch(found: Repository | Unavailable) -> bytes | Unavailable:
    """What `git apply` needs to get from HEAD to the working tree, untracked files included.

    A copy of the index and an object store of its own are used: the user's stay as they are.
    """
    if isinstance(found, Unavailable):
        return found
    from git import GitError

    git_dir = Path(found.repo.git_dir)
    objects = Path(found.repo.common_dir) / "objects"
    try:
        with tempfile.TemporaryDirectory() as folder:
            index = Path(folder) / "index"
            if (git_dir / "index").exists():
                shutil.copyfile(git_dir / "index", index)
            own = {
                "GIT_INDEX_FILE": str(index),
                "GIT_OBJECT_DIRECTORY": folder,
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
            }
            changed = Path(folder) / "changed"
            changed.write_bytes(_names_of_changes(found))
            found.run("update-index", "--add", "--remove", "-z", "--stdin", env=own, given=changed)
            patch = found.run(
                "diff", "--cached", "--binary", "--full-index", "--no-color", "--no-ext-diff",
                "--no-textconv", "--no-renames", "HEAD", "--", *found.pathspecs(), env=own,
            )  # fmt: skip
    except (GitError, OSError) as error:
        return Unavailable(f"git refused: {one_line(str(error), limits.MAX_MESSAGE_CHARS)}")
    if len(patch) > limits.MAX_PATCH_BYTES:
        return Unavailable(
            f"the patch has {len(patch)} bytes, more than {limits.MAX_PATCH_BYTES}; "
            "only digests of the changed files are kept"
        )
    return patch or Unavailable("the working tree is clean")


def resolve_ref(found: Repository | Unavailable, ref: str) -> str | Unavailable:
    """Commit that a ref names."""
    if isinstance(found, Unavailable):
        return found
    from git import GitError

    try:
        return (
            found.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
            .decode("ascii")
            .strip()
        )
    except (GitError, ValueError):
        return Unavailable(f"there is no ref {ref!r} here; `git fetch --tags` may bring it")


def blob_at(found: Repository, commit: str, path: str) -> bytes | None:
    """Bytes of a file (path relative to the project) at a commit; None when it is not there."""
    from git import GitError

    prefix = found.root.relative_to(Path(str(found.repo.working_tree_dir)).resolve())
    name = (prefix / path).as_posix()
    try:
        return found.run("cat-file", "blob", f"{commit}:{name}")
    except GitError:
        return None
