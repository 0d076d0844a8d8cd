"""State, patch and blobs of the user's own repository at one moment.

Responsible for what is recorded of a repository, without touching its index or object store. How
git is asked is `repository`'s. Never used on a stranger's pack.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Final

from evidence import limits
from evidence.capture.changes import digest_of, size_bytes, state_of
from evidence.capture.hidden import flagged, open_index, reveal
from evidence.capture.packages import without_credentials
from evidence.capture.repository import NO_COMMIT, Repository, refusal
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex
from evidence.records.availability import Unavailable
from evidence.records.capture import (
    GitFileRecord,
    GitStateRecord,
    LeftOutRecord,
    LeftOutTagsRecord,
    why_left_out,
)
from evidence.records.record import Record
from evidence.text.escape import one_line, visible

_OBJECT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
NO_REF: Final = "there is no ref"
"""How the reason begins where git answered, and said no."""


def _line(found: Repository, *args: str) -> str | None:
    """What a command prints, without its line end; None where it quietly says no (status 1)."""
    from git import GitCommandError

    try:
        return found.run(*args).decode("utf-8", "replace").rstrip("\n")
    except GitCommandError as error:
        if error.status == 1:
            return None
        raise


def _has_commit(found: Repository) -> bool:
    return _line(found, "rev-parse", "--verify", "--quiet", "HEAD") is not None


def capture_state(found: Repository | Unavailable) -> GitStateRecord | Unavailable:
    """Commit, branch, tags and every file that differs from HEAD."""
    if isinstance(found, Unavailable):
        return found
    try:
        return _state(found) if _has_commit(found) else Unavailable(NO_COMMIT)
    except Exception as error:  # any answer of any git is a reason, never the end of a run
        return refusal(error)


def _state(found: Repository) -> GitStateRecord:
    # Asked of git itself: GitPython's own reader knows neither SHA-256 nor safe.directory.
    facts = found.run(
        "log", "-1", "--no-show-signature", "--no-patch", "--no-color", "--encoding=UTF-8",
        "--format=%H%x00%T%x00%ct%x00%s", "HEAD",
    )  # fmt: skip
    commit, tree, seconds, subject = facts.decode("utf-8", "replace").rstrip("\n").split("\0")
    if not (_OBJECT.fullmatch(commit) and _OBJECT.fullmatch(tree)):
        raise ValueError("no names of objects")
    branch = _line(found, "symbolic-ref", "--quiet", "HEAD")
    tags = found.run("for-each-ref", "--points-at=HEAD", "--format=%(refname:strip=2)", "refs/tags")
    files, left_out = _named(_changed_files(found))
    names = tuple(sorted(map(visible, tags.decode("utf-8", "replace").splitlines())))
    return GitStateRecord(
        commit=commit,
        tree=tree,
        branch=Unavailable("HEAD is detached: no branch is checked out")
        if branch is None
        else visible(branch.removeprefix("refs/heads/")),
        tags=names[: limits.MAX_TAGS],
        commit_utc=_utc(seconds),
        subject=visible(subject),
        dirty=bool(files),
        files=files,
        shallow=_line(found, "rev-parse", "--is-shallow-repository") == "true",
        num_not_checked_out=len(flagged(found).absent),
        left_out=left_out,
        left_out_tags=_left_out_tags(names[limits.MAX_TAGS :]),
    )


def description_of(found: Repository, commit: str) -> tuple[str, str] | Unavailable:
    """Date and subject of a commit, as git.json has them."""
    facts = found.attempt(
        "log", "-1", "--no-show-signature", "--no-patch", "--no-color", "--encoding=UTF-8",
        "--format=%ct%x00%s", commit,
    )  # fmt: skip
    if isinstance(facts, Unavailable):
        return facts
    seconds, subject = facts.decode("utf-8", "replace").rstrip("\n").split("\0")
    return _utc(seconds), visible(subject)


def _utc(seconds: str) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def _left_out_tags(names: tuple[str, ...]) -> LeftOutTagsRecord | None:
    if not names:
        return None
    sha256 = sha256_hex(b"".join(map(jsonio.dump_row, names)))
    reason = f"only the first {limits.MAX_TAGS} tags of the commit are named"
    return LeftOutTagsRecord(len(names), sha256, reason)


def _named(
    files: tuple[GitFileRecord, ...],
) -> tuple[tuple[GitFileRecord, ...], LeftOutRecord | None]:
    """The first files, as many as a document holds, and a count and a digest of the rest."""
    lines = [jsonio.dump_row(encode(one)) for one in files]
    sizes = accumulate(map(len, lines))
    fit = sum(size_bytes <= limits.MAX_CHANGED_FILES_BYTES for size_bytes in sizes)
    fit = min(fit, limits.MAX_CHANGED_FILES)
    if fit == len(files):
        return files, None
    rest = lines[fit:]
    reason = why_left_out(len(files), fit)
    return files[:fit], LeftOutRecord(len(rest), sha256_hex(b"".join(rest)), reason)


def differs(found: Repository, name: str) -> bool:
    """Whether one file, named from the top of the working tree, differs from HEAD."""
    with open_index(found) as own:
        return bool(
            found.run(
                "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--",
                f":(top,literal){name}", env=own,
            )
        )  # fmt: skip


def _entries(found: Repository) -> Iterator[tuple[str, bytes]]:
    """(two-letter state, path from the top of the working tree) of every change."""
    with open_index(found) as own:
        output = found.run(
            "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--",
            *found.pathspecs(), env=own,
        )  # fmt: skip
    for entry in output.split(b"\0"):
        if entry:
            yield entry[:2].decode("ascii"), entry[3:]


def _in_tree(found: Repository, name: bytes) -> Path:
    return Path(os.fsdecode(os.fsencode(str(found.repo.working_tree_dir)) + b"/" + name))


def _changed_files(found: Repository) -> tuple[GitFileRecord, ...]:
    records = (
        GitFileRecord(
            path=visible(name.decode("utf-8", "backslashreplace")),
            state=state_of(code),
            sha256=digest_of(_in_tree(found, name)),
        )
        for code, name in _entries(found)
    )
    return tuple(sorted(records, key=lambda record: (record.path, record.state)))


def capture_remote(found: Repository | Unavailable) -> str | Unavailable:
    """URL of origin (else of the first remote), credentials removed."""
    if isinstance(found, Unavailable):
        return found
    try:
        names = found.run("remote").decode("utf-8", "replace").splitlines()
        if not names:
            return Unavailable("no remote is configured")
        name = "origin" if "origin" in names else names[0]
        url = (_line(found, "remote", "get-url", "--", name) or "").split("\n")[0]
    except Exception as error:
        return refusal(error)
    return visible(without_credentials(url)) or Unavailable(f"the remote {name!r} has no URL")


def capture_patch(found: Repository | Unavailable) -> bytes | Unavailable:
    """What `git apply` needs to get from HEAD to the working tree, untracked files included.

    A copy of the index and an object store of its own are used: the user's stay as they are.
    """
    if isinstance(found, Unavailable):
        return found
    try:
        if not _has_commit(found):
            return Unavailable(NO_COMMIT)
        names = [name for _, name in _entries(found)]
        if not names:
            return Unavailable("the working tree is clean")
        total_bytes = sum(size_bytes(_in_tree(found, name)) for name in names)
        if total_bytes > limits.MAX_PATCHED_BYTES:
            return _too_large("the changed files have", total_bytes, limits.MAX_PATCHED_BYTES)
        return _patch(found, names)
    except Exception as error:
        return refusal(error)


def _patch(found: Repository, names: list[bytes]) -> bytes | Unavailable:
    with tempfile.TemporaryDirectory() as folder:
        index, changed, patch = (Path(folder) / name for name in ("index", "changed", "patch"))
        if (Path(found.repo.git_dir) / "index").exists():
            # With its time: git takes a file for unchanged unless it is as young as the index.
            shutil.copy2(Path(found.repo.git_dir) / "index", index)
        own = {
            "GIT_INDEX_FILE": str(index),
            "GIT_OBJECT_DIRECTORY": folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(Path(found.repo.common_dir) / "objects"),
        }
        reveal(found, flagged(found).present, Path(folder), own)
        changed.write_bytes(b"".join(name + b"\0" for name in names))
        found.run("update-index", "--add", "--remove", "-z", "--stdin", env=own, given=changed)
        found.run(  # every option that a user's configuration could turn otherwise is spelled out
            "diff", "--cached", "--binary", "--full-index", "--no-color", "--no-ext-diff",
            "--no-textconv", "--no-renames", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/",
            "--unified=3", "--submodule=short", f"--output={patch}", "HEAD", "--",
            *found.pathspecs(), env=own,
        )  # fmt: skip
        patch_bytes = patch.stat().st_size
        if patch_bytes > limits.MAX_PATCH_BYTES:
            return _too_large("the patch has", patch_bytes, limits.MAX_PATCH_BYTES)
        return patch.read_bytes() or Unavailable(
            "what differs fits in no patch: repositories inside this one, or files staged and gone"
        )


def _too_large(what: str, found_bytes: int, limit_bytes: int) -> Unavailable:
    return Unavailable(
        f"{what} {found_bytes} bytes, more than {limit_bytes}; "
        "only digests of the changed files are kept"
    )


def resolve_ref(found: Repository | Unavailable, ref: str) -> str | Unavailable:
    """Commit that a ref names."""
    if isinstance(found, Unavailable):
        return found
    try:
        named = found.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
        )
        if _OBJECT.fullmatch(commit := named.decode("ascii").strip()):
            return commit
        return Unavailable("git answered what cannot be read")
    except Exception as error:
        if getattr(error, "status", None) != 1:  # with --quiet the one answer that means no
            return refusal(error)
        return Unavailable(f"{NO_REF} {ref!r} here; `git fetch --tags` may bring it")


def _blob(found: Repository, name: str, env: dict[str, str]) -> bytes | None:
    from git import GitError

    try:
        return found.run("cat-file", "blob", name, env=env)
    except GitError as error:
        _refuse_silence(error)
        return None


def _refuse_silence(error: Exception) -> None:
    """That git was ended, or could not be started, says nothing of what it was asked."""
    status = getattr(error, "status", None)
    if not isinstance(status, int) or status < 0:
        raise NoAnswerError(refusal(error).reason) from error


@contextmanager
def patched_tree(found: Repository, commit: str, patch: bytes) -> Iterator[PatchedTree]:
    """A commit with a patch on it, in an index and an object store that vanish afterwards.

    The patch may come from a stranger: git refuses paths outside of the tree, and nothing of the
    user's repository or working tree is written. Raises PatchError where it does not apply,
    NoAnswerError where git does not say.
    """
    from git import GitError

    with tempfile.TemporaryDirectory() as folder:
        own = {
            "GIT_INDEX_FILE": str(Path(folder) / "index"),
            "GIT_OBJECT_DIRECTORY": folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(Path(found.repo.common_dir) / "objects"),
        }
        given = Path(folder) / "patch"
        given.write_bytes(patch)
        try:
            found.run("read-tree", commit, env=own)
            if patch:
                found.run("apply", "--check", "--cached", "-", env=own, given=given)
                found.run("apply", "--cached", "--whitespace=nowarn", "-", env=own, given=given)
        except (GitError, OSError) as error:
            _refuse_silence(error)
            raise PatchError(one_line(str(error), limits.MAX_MESSAGE_CHARS)) from error
        yield PatchedTree(found, own, commit)


class NoAnswerError(Exception):
    """Git gave no answer: neither yes nor no. The message says why."""


class PatchError(Exception):
    """A patch that does not apply to the commit it is said to start from."""


class PatchedTree(Record):
    """Files of a commit with a patch applied."""

    found: Repository
    own: dict[str, str]
    commit: str

    def blob_from_top(self, path: str) -> bytes | None:
        """Bytes of a file by its path from the top of the working tree; None where none is."""
        return _blob(self.found, f":{path}", self.own)

    def files_from_top(self) -> tuple[str, ...] | Unavailable:
        """Every file by its path from the top of the working tree; no links, no submodules."""
        listing = self.found.attempt(
            "ls-files", "--stage", "--full-name", "-z", "--", ":(top)", env=self.own
        )
        if isinstance(listing, Unavailable):
            return listing
        entries = [one.partition(b"\t") for one in listing.split(b"\0")]
        return tuple(os.fsdecode(name) for facts, _, name in entries if facts.startswith(b"100"))

    def gitlink_from_top(self, path: str) -> str | None:
        """The commit that a submodule is at; None where none is."""
        listing = self.found.attempt(
            "ls-files", "--stage", "-z", "--", f":(top,literal){path}", env=self.own
        )
        words = b"" if isinstance(listing, Unavailable) else listing
        mode, commit, *_ = (*words.decode("utf-8", "replace").split()[:2], "", "")
        return commit if mode == "160000" else None


def tree_of(found: Repository, commit: str) -> str | None:
    """Tree that a commit names; None when the repository does not have the commit.

    Raises NoAnswerError where git does not say.
    """
    resolved = resolve_ref(found, commit)
    if isinstance(resolved, Unavailable):
        if resolved.reason.startswith(NO_REF):
            return None
        raise NoAnswerError(resolved.reason)
    tree = found.attempt("rev-parse", "--verify", "--quiet", f"{resolved}^{{tree}}")
    named = (
        tree.reason if isinstance(tree, Unavailable) else tree.decode("utf-8", "replace").strip()
    )
    if _OBJECT.fullmatch(named):
        return named
    raise NoAnswerError("git did not say which tree the commit has")
