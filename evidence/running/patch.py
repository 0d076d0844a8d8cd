"""A git patch read by a person: places as file and line, contents without the marks of a patch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from evidence import layout
from evidence.redact.search import SecretMatch

_HEADER: Final = re.compile(rb"diff --git a/(?>.* b/)(.*+)")
_HUNK: Final = re.compile(rb"@@ -(\d{1,9})(?:,\d{1,9})? \+(\d{1,9})(?:,\d{1,9})? @@")
_MARK: Final = re.compile(rb"^[-+]", re.MULTILINE)
_BINARY: Final = re.compile(
    rb"^diff --git a/(?>[^\n]* b/)([^\n]*+)\n(?:[^\n]+\n){0,4}?GIT binary patch$", re.MULTILINE
)


def without_marks(patch: bytes) -> bytes:
    """The patch with a space for each + and - that begins a line; every place stays the same."""
    return _MARK.sub(b" ", patch)


def binary_files(patch: bytes) -> Iterator[str]:
    """Names, from the top of the working tree, of files that the patch holds compressed."""
    for match in _BINARY.finditer(patch):
        yield match[1].decode("utf-8", "surrogateescape")


def place_in_patch(patch: bytes, secret: SecretMatch) -> str:
    """`file:line` of the working tree; of the last commit where the patch takes the line away."""
    name, old, new, inside = b"", 0, 0, False
    end = patch.find(b"\n", secret.offset)
    lines = patch[: end if end >= 0 else len(patch)].split(b"\n")
    for line in lines:
        if header := _HEADER.fullmatch(line):
            name, inside = header[1], False
        elif hunk := _HUNK.match(line):
            old, new, inside = int(hunk[1]) - 1, int(hunk[2]) - 1, True
        elif inside:
            old += line[:1] in (b" ", b"-")
            new += line[:1] in (b" ", b"+")
    shown = name.decode("utf-8", "replace")
    if not inside:
        return shown or f"{layout.PATCH}:{secret.line}"
    if lines[-1].startswith(b"-"):
        return f"{shown}:{old} of the last commit"
    return f"{shown}:{new}"
