"""A disk as a power cut leaves it: what was synced is there, of everything else nothing is sure.

Responsible for replaying the calls that `durable` made up to some moment, and for choosing and
writing out states that the disk may legally be in afterwards:

- a file has what it had at its last fsync; what was written since is there, not there, cut at any
  byte, or there in some sectors only, with zeros in the others;
- a folder has the entries of its last fsync; of what was created, renamed or removed since, any
  part may have happened, in any order. A rename alone is all or nothing, as on every journaling
  file system.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

SECTOR_BYTES = 512

Entry = tuple[int, str]
"""A name in a folder: (id of the folder, name)."""


@dataclass(slots=True)
class File:
    """Bytes as of the last fsync, and as of now."""

    synced: bytes = b""
    now: bytes = b""


@dataclass(slots=True)
class Change:
    """One change of the namespace: this entry goes, that one leads to a node."""

    removed_entry: Entry | None
    new_entry: Entry | None
    node: int | None
    synced: bool = False

    def touches(self, folder: int) -> bool:
        return any(
            entry is not None and entry[0] == folder
            for entry in (self.removed_entry, self.new_entry)
        )


@dataclass(slots=True)
class Disk:
    """Everything below one root folder, as it is now and as far as it is safe."""

    root: Path
    files: dict[int, File] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    _entries: dict[Entry, int] = field(default_factory=dict)
    _opened: dict[int, int] = field(default_factory=dict)
    _next: int = 1

    def apply(self, call: dict[str, Any]) -> None:
        """One recorded call."""
        do = getattr(self, f"_{call['call']}")
        do(*call["args"], **{k: v for k, v in call.items() if k not in ("call", "args")})

    def states(self, random: Random) -> Iterator[dict[str, bytes | None]]:
        """Without end: path → content (None: a folder) that a power cut may leave now."""
        while True:
            yield self._tree(self._happened(random), random)

    def safe(self, names: Iterable[str]) -> dict[str, bytes]:
        """What of the files of these names was made safe and is still there, by path."""
        return {
            path: self.files[node].synced
            for path, node in self._walk(self._entries)
            if node in self.files and Path(path).name in names
        }

    def _happened(self, random: Random) -> list[Change]:
        pending = [change for change in self.changes if not change.synced]
        first = random.randint(0, len(pending))
        survivors = {
            "nothing": [],
            "all": pending,
            "in order": pending[:first],
            "in any order": [change for change in pending if random.random() < 0.5],
        }[random.choice(("nothing", "all", "in order", "in any order"))]
        return [c for c in self.changes if c.synced or any(c is other for other in survivors)]

    def _tree(self, happened: list[Change], random: Random) -> dict[str, bytes | None]:
        entries: dict[Entry, int] = {}
        for change in happened:
            if change.removed_entry is not None and (
                change.node is None or entries.get(change.removed_entry) == change.node
            ):
                entries.pop(change.removed_entry, None)
            if change.new_entry is not None and change.node is not None:
                entries[change.new_entry] = change.node
        return {
            path: _survived(self.files[node], random) if node in self.files else None
            for path, node in self._walk(entries)
        }

    def _walk(self, entries: dict[Entry, int]) -> Iterator[tuple[str, int]]:
        below: dict[int, list[tuple[str, int]]] = {}
        for (folder, name), node in entries.items():
            below.setdefault(folder, []).append((name, node))
        pending = [("", 0)]
        while pending:
            above, folder = pending.pop()
            for name, node in below.get(folder, ()):
                path = f"{above}{name}"
                yield path, node
                pending.append((f"{path}/", node))

    def _place(self, path: str) -> Entry:
        *folders, name = Path(path).relative_to(self.root).parts
        folder = 0
        for part in folders:
            if (folder, part) not in self._entries:  # the worker made it
                self._come((folder, part), self._new())
            folder = self._entries[folder, part]
        return folder, name

    def _come(self, entry: Entry, node: int, removed_entry: Entry | None = None) -> None:
        if removed_entry is not None:
            del self._entries[removed_entry]
        self._entries[entry] = node
        self.changes.append(Change(removed_entry, entry, node))

    def _new(self) -> int:
        self._next += 1
        return self._next

    def _open(
        self, path: str, flags: int, mode: int = 0, *, descriptor: int, there: str = ""
    ) -> None:
        if Path(path) == self.root:
            self._opened[descriptor] = 0
            return
        entry = self._place(path)
        node = self._entries.get(entry)
        if node is None:
            assert flags & os.O_DIRECTORY == 0, f"{path} was made past durable"
            node = self._new()
            self.files[node] = File(now=base64.b64decode(there))
            self._come(entry, node)
        elif flags & os.O_TRUNC:
            self.files[node].now = b""
        self._opened[descriptor] = node

    def _write(self, descriptor: int, data: str) -> None:
        self.files[self._opened[descriptor]].now += base64.b64decode(data)

    def _ftruncate(self, descriptor: int, size_bytes: int) -> None:
        file = self.files[self._opened[descriptor]]
        file.now = file.now[:size_bytes].ljust(size_bytes, b"\0")

    def _fsync(self, descriptor: int) -> None:
        node = self._opened[descriptor]
        if node in self.files:
            self.files[node].synced = self.files[node].now
        for change in self.changes:
            change.synced = change.synced or change.touches(node)

    def _close(self, descriptor: int) -> None:
        del self._opened[descriptor]

    def _rename(self, source: str, target: str) -> None:
        removed_entry = self._place(source)
        self._come(self._place(target), self._entries[removed_entry], removed_entry)

    _replace = _rename

    def _mkdir(self, path: str) -> None:
        self._come(self._place(path), self._new())

    def _unlink(self, path: str) -> None:
        removed_entry = self._place(path)
        self._entries.pop(removed_entry, None)
        self.changes.append(Change(removed_entry, None, None))

    _rmdir = _unlink


def read_calls(log: Path) -> list[dict[str, Any]]:
    """The calls that a run recorded."""
    return [json.loads(line) for line in log.read_bytes().splitlines()]


def written(call: dict[str, Any]) -> bytes:
    """What a recorded call wrote; nothing for calls that write nothing."""
    return base64.b64decode(call["args"][1]) if call["call"] == "write" else b""


def write_tree(tree: dict[str, bytes | None], root: Path) -> None:
    """Write a state out. Folders come before what is in them."""
    for path, content in tree.items():
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(content)


def _survived(file: File, random: Random) -> bytes:
    if file.synced == file.now:
        return file.now
    how = random.choice(("synced", "now", "cut", "sectors", "zeros"))
    match how:
        case "synced":
            return file.synced
        case "now":
            return file.now
        case "cut":
            low, high = sorted((len(file.synced), len(file.now)))
            return file.now[: random.randint(low, high)]
        case "zeros":
            return file.synced[: len(file.now)].ljust(len(file.now), b"\0")
    old = file.synced.ljust(len(file.now), b"\0")
    sectors = range(0, len(file.now), SECTOR_BYTES)
    return b"".join(
        (file.now if random.random() < 0.5 else old)[start : start + SECTOR_BYTES]
        for start in sectors
    )[: len(file.now)]
