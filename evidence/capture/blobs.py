"""Digests of the project's files as they are at a commit.

Responsible for reading many blobs in few processes and bounded memory, submodules at the commits
that the project names included. What a ref names, and how
git is run, is `git`'s.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from evidence import limits
from evidence.capture.repository import Repository, open_repository, refusal
from evidence.encoding.digest import sha256_hex
from evidence.records.availability import Unavailable

_OFFLINE: Final = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
"""Looking at a partial clone must not reach for the network."""
_BATCH_BYTES: Final = 64 * limits.MIB
_LINK: Final = b"120000"
_MAX_HEAD_BYTES: Final = 200


def digests_at(
    found: Repository, commit: str, wanted: Callable[[str], bool]
) -> dict[str, str] | Unavailable:
    """SHA-256 by project-relative path of every regular file at `commit` that is wanted."""
    try:
        return _digests_at(found, commit, wanted)
    except Exception as error:  # any answer of any git is a reason
        return refusal(error)


def _digests_at(
    found: Repository, commit: str, wanted: Callable[[str], bool]
) -> dict[str, str] | Unavailable:
    listing = found.attempt("ls-tree", "-r", "-l", "-z", "--full-tree", commit, env=_OFFLINE)
    if isinstance(listing, Unavailable):
        return listing
    blobs: dict[str, str] = {}
    sizes: dict[str, int] = {}
    digests: dict[str, str] = {}
    prefix = found.prefix
    for entry in filter(None, listing.split(b"\0")):
        facts, _, raw = entry.partition(b"\t")
        mode, kind, blob, size = facts.split()
        name = os.fsdecode(raw)
        path = name.removeprefix(prefix)
        if kind == b"commit" and name.startswith(prefix):
            inside = _in_submodule(found, name, blob.decode("ascii"), partial(_below, wanted, path))
            if isinstance(inside, Unavailable):
                return inside
            digests |= {f"{path}/{one}": digest for one, digest in inside.items()}
        if kind == b"blob" and mode != _LINK and name.startswith(prefix) and wanted(path):
            blobs[path] = blob.decode("ascii")
            sizes[blobs[path]] = int(size) if size.isdigit() else 0  # BAD: the blob is lost
    read_of: dict[str, str] = {}
    for batch in _batches(sizes):
        read = _digests(found, batch)
        if isinstance(read, Unavailable):
            return read
        read_of |= read
    return digests | {path: read_of[blob] for path, blob in blobs.items()}


def _below(wanted: Callable[[str], bool], folder: str, path: str) -> bool:
    return wanted(f"{folder}/{path}")


def _in_submodule(
    found: Repository, name: str, commit: str, wanted: Callable[[str], bool]
) -> dict[str, str] | Unavailable:
    """The same in a submodule, at the commit that the project names; nothing where it is empty."""
    inner = open_repository(Path(str(found.repo.working_tree_dir)) / name)
    if isinstance(inner, Unavailable):
        return {}
    if inner.prefix:
        return {}  # not checked out: the repository around it was found
    inside = digests_at(inner, commit, wanted)
    if isinstance(inside, Unavailable):
        listed = inner.attempt("ls-files", "-z", env=_OFFLINE)
        names = [] if isinstance(listed, Unavailable) else listed.split(b"\0")
        return inside if any(wanted(os.fsdecode(one)) for one in names if one) else {}
    return inside


def _batches(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Blobs by the megabyte: one process a file takes seconds, one for all takes memory."""
    batch: list[str] = []
    size_bytes = 0
    for blob, more_bytes in sizes.items():
        if batch and size_bytes + more_bytes > _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
        batch.append(blob)
        size_bytes += more_bytes
    if batch:
        yield batch


def _digests(found: Repository, batch: list[str]) -> dict[str, str] | Unavailable:
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "blobs"
        given.write_text("".join(f"{blob}\n" for blob in batch), "ascii")
        answer = found.attempt("cat-file", "--batch", env=_OFFLINE, given=given)
    if isinstance(answer, Unavailable):
        return answer
    output = memoryview(answer)
    digests: dict[str, str] = {}
    at = 0
    for blob in batch:
        head = bytes(output[at : at + _MAX_HEAD_BYTES]).partition(b"\n")[0]
        words = head.split()  # id, kind, size; or id, "missing"
        if len(words) != 3:
            return Unavailable(f"the repository lacks the blob {blob}; `git fetch` may bring it")
        start, at = at + len(head) + 1, at + len(head) + 1 + int(words[2])
        digests[blob] = sha256_hex(output[start:at].tobytes())
        at += 1  # the line end after the bytes
    return digests
