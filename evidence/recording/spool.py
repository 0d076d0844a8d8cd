"""Reads what the hooks in a program's processes write, while they write it.

Responsible for whole lines and for bounds: a file of the spool is written by somebody else's
program, which may write anything into it. What a line means is `gathering`'s.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from evidence import limits
from evidence.encoding import jsonio
from evidence.errors import MalformedError

MAX_FILES: Final = 512
MAX_BYTES: Final = 1024 * limits.MIB
"""Of all files together."""
_PIECE_BYTES: Final = 1 << 20
_LOOK_BYTES: Final = 16 * limits.MIB
"""Of one file at one look: one that grows for ever must not keep us from the others."""


class _File(Struct):
    """A file of the spool, as far as it was read."""

    offset: int = 0
    partial: bytes = b""


class Spool:
    """The spool folder of one segment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, _File] = {}
        self._num_bytes = 0
        self.problems: list[str] = []
        """What could not be read, one sentence each; at most one of a kind and file."""

    def read(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(file, event) of every whole line that came since the last time."""
        for path in sorted(self.folder.glob("*.jsonl")):
            if path.name not in self._files:
                if len(self._files) >= MAX_FILES:
                    self._say(f"more than {MAX_FILES} processes told of themselves")
                    continue
                self._files[path.name] = _File()
            yield from self._of(path, self._files[path.name])

    def read_all(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The same of a folder into which nobody writes any more, however much there is."""
        before = -1
        while before != self._num_bytes:
            before = self._num_bytes
            yield from self.read()

    def _of(self, path: Path, known: _File) -> Iterator[tuple[str, dict[str, Any]]]:
        for data in self._new(path, known):
            *lines, known.partial = (known.partial + data).split(b"\n")
            if len(known.partial) > limits.MAX_JSONL_LINE_BYTES:
                self._say(f"{path.name}: a line is longer than {limits.MAX_JSONL_LINE_BYTES} bytes")
                known.partial = b""
            for line in lines:
                event = self._event(path.name, line)
                if event is not None:
                    yield path.name, event

    def _new(self, path: Path, known: _File) -> Iterator[bytes]:
        try:
            with open(_plain(path), "rb", buffering=0) as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    self._say(f"{path.name} is no plain file")
                    return
                stream.seek(known.offset)
                end = known.offset + _LOOK_BYTES
                while known.offset < end and (data := stream.read(_PIECE_BYTES)):
                    self._num_bytes += len(data)
                    if self._num_bytes > MAX_BYTES:
                        self._say(f"the processes told more than {MAX_BYTES} bytes")
                        return
                    known.offset += len(data)
                    yield data
        except OSError as error:
            self._say(f"{path.name} cannot be read: {error.strerror}")

    def _event(self, name: str, line: bytes) -> dict[str, Any] | None:
        if not line.strip():
            return None
        try:
            value = jsonio.load_document(line)
        except MalformedError as error:
            self._say(f"{name}: a line is no JSON: {error.message}")
            return None
        if not isinstance(value, dict) or not isinstance(value.get("event"), str):
            self._say(f"{name}: a line is no event")
            return None
        return value

    def _say(self, problem: str) -> None:
        if problem not in self.problems and len(self.problems) < MAX_FILES:
            self.problems.append(problem)


def _plain(path: Path) -> int:
    """A descriptor that waits for nobody, as a pipe would, and follows no link."""
    return os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))


def made(folder: Path) -> Spool:
    """A spool in a fresh folder that only this user can read."""
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - with a mode
    return Spool(folder)
