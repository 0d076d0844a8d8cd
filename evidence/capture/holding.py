"""Where a file of the project lies: in a commit with its patch, behind a link, in a submodule.

Responsible for following links and gitlinks inside of git and for telling "other bytes" from "not
there". Whether a difference matters is for those who ask: the run, and `verify --repo`.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Final, Literal

from msgspec.structs import replace

from evidence.capture.git import PatchedTree, PatchError, patched_tree
from evidence.capture.repository import Repository, open_repository
from evidence.encoding.digest import sha256_hex, with_crlf, with_lf
from evidence.records.availability import Unavailable
from evidence.records.record import Record

Kind = Literal["commit", "pointer", "submodule", "other", "absent"]

_LFS: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:[^\n]*+\n)*?oid sha256:([0-9a-f]{64})\n.*",
    re.DOTALL,
)
_MAX_POINTER_BYTES: Final = 1024
_CONVERTING: Final = ("filter", "working-tree-encoding", "ident")
"""Attributes by which a commit has other bytes than the working tree, line ends aside."""
_MAX_LINKS: Final = 8
_LINK: Final = "120000"
_GITLINK: Final = "160000"
OUTSIDE: Final = "it lies outside the repository"


class Holding(Record):
    """What a commit (with its patch) has at a path."""

    kind: Kind
    reason: str = ""
    """Why there are no such bytes; empty where there are."""
    content: bytes | None = None
    """The bytes that git has there."""
    submodule: str = ""
    """The submodule that has it, from the top of the working tree."""

    @property
    def held(self) -> bool:
        """Whether git vouches for the digest."""
        return self.kind in ("commit", "pointer", "submodule")


def from_top(found: Repository, path: str) -> str | None:
    """A path of the milestone from the top of the working tree; None where it lies elsewhere."""
    top = Path(str(found.repo.working_tree_dir)).resolve()
    name = os.path.normpath(found.root / path)
    for base in (str(top), str(found.repo.working_tree_dir)):
        if name.startswith(f"{base}{os.sep}"):
            return Path(name).relative_to(base).as_posix()
    return None


def holding(tree: PatchedTree, name: str, sha256: str | None) -> Holding:
    """What lies at `name` (from the top); `sha256` None asks only whether a file does."""
    for _ in range(_MAX_LINKS):
        above, mode, target = _first_special(tree, name)
        rest = name[len(above) :].lstrip("/")
        if mode == _GITLINK:
            return _in_submodule(tree, above, rest, target, sha256)
        if mode != _LINK:
            return _compared(tree.blob_from_top(name), sha256)
        name = posixpath.normpath(posixpath.join(posixpath.dirname(above), target, rest))
        if name == ".." or name.startswith(("../", "/")):
            return Holding("absent", f"the commit has a link there, and {OUTSIDE}")
    return Holding("absent", "the commit has links there that lead nowhere")


def same(expected: str, blob: bytes) -> bool:
    """Equal bytes; also as git checks them out, with other line ends."""
    return expected in {sha256_hex(one) for one in (blob, with_lf(blob), with_crlf(blob))}


def is_pointer(expected: str, blob: bytes) -> bool:
    """Whether this is a Git LFS pointer to such bytes."""
    pointer = _LFS.fullmatch(blob) if len(blob) <= _MAX_POINTER_BYTES else None
    return pointer is not None and pointer[1].decode() == expected


def is_filtered(found: Repository, name: str) -> bool:
    """Whether git converts more than line ends on the file's way into a commit: by a filter of the
    project, to another encoding, or by taking out what `$Id$` was replaced by."""
    said = found.attempt("check-attr", "-z", *_CONVERTING, "--", name)
    values = [] if isinstance(said, Unavailable) else said.split(b"\0")[2::3]
    return any(value not in (b"unspecified", b"unset") for value in values)


def why_ignored(found: Repository, name: str) -> str:
    """The pattern that keeps a file out of git; empty where none does."""
    said = found.attempt("check-ignore", "--verbose", "--", name)
    if isinstance(said, Unavailable):  # no pattern, or a path that git cannot follow
        return ""
    pattern = said.decode("utf-8", "replace").partition("\t")[0]
    source, line, text = (*pattern.split(":", 2), "", "")[:3]
    return f"git ignores it ({posixpath.basename(source)}:{line}: {text})"


def why_in_dvc(found: Repository, name: str) -> str:
    """The DVC file that stands for it; empty where there is none."""
    top = Path(str(found.repo.working_tree_dir))
    for path in (name, *map(str, Path(name).parents)):
        if path != "." and (top / f"{path}.dvc").is_file():
            return f"DVC keeps it ({path}.dvc), and git does not"
    return ""


def _first_special(tree: PatchedTree, name: str) -> tuple[str, str, str]:
    """The first link or gitlink on the way to `name`: its path, mode, and where it leads."""
    above = [str(one) for one in reversed(Path(name).parents) if str(one) != "."]
    asked = [Path(one).as_posix() for one in (*above, name)]
    listing = tree.found.attempt("ls-tree", "-z", "--full-tree", tree.commit, "--", *asked)
    if isinstance(listing, Unavailable):
        return name, "", ""
    for entry in filter(None, listing.split(b"\0")):
        facts, _, raw = entry.partition(b"\t")
        mode, _, sha = facts.decode("ascii").split()
        path = os.fsdecode(raw)
        if mode == _LINK and path in asked:
            target = tree.blob_from_top(path) or b""
            return path, mode, target.decode("utf-8", "surrogateescape")
        if mode == _GITLINK and path in asked:
            return path, mode, tree.gitlink_from_top(path) or sha
    return name, "", ""


def _in_submodule(
    tree: PatchedTree, above: str, rest: str, commit: str, sha256: str | None
) -> Holding:
    top = Path(str(tree.found.repo.working_tree_dir)) / above
    found = open_repository(top)
    if isinstance(found, Unavailable) or found.prefix:
        return Holding("absent", f"the submodule {above} is not checked out here", submodule=above)
    try:
        with patched_tree(found, commit, b"") as inner:
            inside = holding(inner, rest, sha256)
    except PatchError:
        text = f"the submodule {above} lacks the commit that the project names"
        return Holding("absent", text, submodule=above)
    kind: Kind = "submodule" if inside.held else inside.kind
    said = f"in the submodule {above}: {inside.reason}" if inside.reason else ""
    return replace(inside, kind=kind, reason=said, submodule=above)


def _compared(blob: bytes | None, sha256: str | None) -> Holding:
    if blob is None:
        return Holding("absent", "neither the commit nor the patch has it")
    if sha256 is None or same(sha256, blob):
        return Holding("commit", content=blob)
    if is_pointer(sha256, blob):
        return Holding("pointer", content=blob)
    return Holding("other", "the commit (with the patch) has other bytes", content=blob)
