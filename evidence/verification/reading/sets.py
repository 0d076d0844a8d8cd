"""The three lists of a pack, compared: manifest.json, SHA256SUMS, withheld.json.

Responsible for what the manifest says of files, read before everything else since it bounds the
reading. Equality of directory and SHA256SUMS is `structure`'s. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from evidence import layout
from evidence.encoding import jsonio
from evidence.errors import MalformedError
from evidence.verification.problem import Problem, shown
from evidence.verification.reading.names import unsafe_when_listed

Entries: TypeAlias = tuple[tuple[str, int | None], ...]
"""Path and, where it is one, size of each file that a list names."""


def read_entries(data: bytes) -> Entries:
    """What manifest.json or withheld.json lists; nothing when it cannot be read.

    What is wrong with the document is said later by the checks on form.
    """
    return tuple(_entries(data))


def stated_sizes(entries: Entries) -> dict[str, int]:
    """Size by path."""
    return {path: size for path, size in entries if size is not None}


def unsafe_names(path: str, entries: Entries) -> Iterator[Problem]:
    """Names inside a list that must never be opened: refused, whoever wrote them."""
    for index, (name, _) in enumerate(entries):
        reason = unsafe_when_listed(name)
        if reason is not None:
            yield Problem(
                f"{path}#/files/{index}/path",
                f"names {shown(name)}: {reason}",
                severity="refused",
                code="unsafe-name",
            )


def set_problems(manifest: Entries, sums: Mapping[str, str]) -> Iterator[Problem]:
    """Manifest and SHA256SUMS name the same files: each but manifest.json itself, once, sorted."""
    names = [path for path, _ in manifest]
    for index, name in enumerate(names):
        address = f"{layout.MANIFEST}#/files/{index}"
        if index and name.encode() == names[index - 1].encode():
            yield Problem(address, f"names {shown(name)} a second time", code="manifest-order")
        elif index and name.encode() < names[index - 1].encode():
            text = "is not in order: sorted bytewise by path"
            yield Problem(address, text, code="manifest-order")
        if name not in sums:
            text = f"names {shown(name)}, which SHA256SUMS does not list"
            yield Problem(address, text, code="lists-differ")
    for name in sorted(set(sums) - set(names) - {layout.MANIFEST}):
        text = f"lists {shown(name)}, which manifest.json does not name"
        yield Problem(layout.SUMS, text, code="lists-differ")
    if layout.MANIFEST not in sums:
        text = f"does not list {layout.MANIFEST}: nothing binds the manifest to this pack"
        yield Problem(layout.SUMS, text, code="lists-differ")


def _entries(data: bytes) -> Iterator[tuple[str, int | None]]:
    try:
        document: Any = jsonio.load_document(data)
    except MalformedError:
        return
    files = document.get("files") if isinstance(document, dict) else None
    for entry in files if isinstance(files, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("path"), str):
            size = entry.get("size_bytes")
            plain = isinstance(size, int) and not isinstance(size, bool) and size >= 0
            yield entry["path"], size if plain else None
