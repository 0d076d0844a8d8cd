"""The name that an original has in a pack, from the name that it was found under. Pure.

Responsible for one rule in both directions: import names files by it, and verify holds the names
against it. What a name does not tell is not altered: no byte of a file is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Mapping
from typing import Final

from evidence import layout, limits
from evidence.records.record import Record
from evidence.verification.reading.names import unsafe_when_listed

_ODD: Final = re.compile(r"[^A-Za-z0-9._-]")
_INERT: Final = ".txt"


class Names(Record):
    """Where files go."""

    paths: dict[str, str]
    """By the path in the folder, the path in the pack."""
    refused: dict[str, str]
    """By the path in the folder, why no name of a pack can stand for it."""


def pack_names(found: Iterable[str]) -> Names:
    """A name for each path of a folder; the same paths give the same names.

    Signs that no pack holds become `_`. Of a path that is too deep the outermost folders become
    one, joined by `__`. What a browser, a shell or a loader would run gets `.txt` behind its name.
    Where two would be one, the later gets a number.
    """
    paths: dict[str, str] = {}
    refused: dict[str, str] = {}
    spelled: dict[str, str] = {}
    files: set[str] = set()
    # Names that stay as they are go first: no other takes theirs.
    for path in sorted(found, key=lambda one: (_name(one) != f"{layout.ORIGINAL}/{one}", one)):
        name = _free(_name(path), files, spelled)
        reason = unsafe_when_listed(name)
        if reason is not None:
            refused[path] = reason
            continue
        paths[path] = name
        files.add(name)
        for prefix in _prefixes(name):
            spelled.setdefault(prefix.lower(), prefix)
    return Names(paths, refused)


def found_as(path: str, name: str) -> str | None:
    """What sources.json says of the name that a file was found under; None where it is the same."""
    return None if name == f"{layout.ORIGINAL}/{path}" else path


def _name(path: str) -> str:
    parts = [_part(part) for part in unicodedata.normalize("NFC", path).split("/")]
    num_joined = len(parts) + 2 - limits.MAX_DEPTH
    if num_joined > 1:  # the outermost folders become one
        parts = ["__".join(parts[:num_joined]), *parts[num_joined:]]
    name = f"{layout.ORIGINAL}/{'/'.join(parts)}"
    return f"{name}{_INERT}" if _acts(name) else name


def _acts(name: str) -> bool:
    runs = unsafe_when_listed(f"x.{name.rpartition('.')[2]}") if "." in name else None
    return runs is not None or layout.ACTS.fullmatch(name) is not None


def _part(part: str) -> str:
    plain = _ODD.sub("_", part)
    if not plain or not (plain[0].isalnum() or plain[0] == "_") or layout.is_reserved(plain):
        plain = f"_{plain}"
    return f"{plain}_" if plain.endswith(".") else plain


def _prefixes(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _free(name: str, files: Container[str], spelled: Mapping[str, str]) -> str:
    """The name in folders as they are spelled already, with a number where it is taken."""
    folder = ""
    for part in name.split("/")[:-1]:
        below = f"{folder}/{part}" if folder else part
        known = spelled.get(below.lower(), below)
        folder = f"{known}_" if known in files else known
    stem, dot, ending = name.rpartition("/")[2].partition(".")
    number, free = 1, f"{folder}/{stem}{dot}{ending}"
    while free.lower() in spelled:
        number += 1
        free = f"{folder}/{stem}-{number}{dot}{ending}"
    return free
