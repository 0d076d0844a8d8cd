"""A copy of a pack that is broken and restored for each trial.

Responsible for the copy, for breaking single files of it without sealing, and for bringing every
touched file back. The original is only read. Consistent forgeries are `forger`'s.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from evidence import layout
from evidence.encoding import jsonio
from evidence.verification.reading.sums import parse_sums


class Bench:
    """The copy. `original` must be a pack in which verify found no error."""

    def __init__(self, original: Path, folder: Path) -> None:
        self.original = original
        self.pack = folder / original.resolve().name
        shutil.copytree(original, self.pack)
        self._names = sorted(self._paths())
        self._touched: set[str] = set()

    @cached_property
    def digests(self) -> dict[str, str]:
        """Digest of each sealed file, as SHA256SUMS has it."""
        return dict(parse_sums(self.bytes_of(layout.SUMS)).digests)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Size of each sealed file but manifest.json, as the manifest has it."""
        manifest = jsonio.load_document(self.bytes_of(layout.MANIFEST))
        return {entry["path"]: entry["size_bytes"] for entry in manifest["files"]}

    @cached_property
    def withheld(self) -> set[str]:
        """Files that may be absent."""
        record = jsonio.load_document(self.bytes_of(layout.WITHHELD))
        return {entry["path"] for entry in record["files"]}

    @property
    def names(self) -> tuple[str, ...]:
        """Every file of the original, sorted."""
        return tuple(self._names)

    def bytes_of(self, path: str) -> bytes:
        """The original's bytes of a file."""
        return (self.original / path).read_bytes()

    def touch(self, path: str) -> Path:
        """The copy's file of this name, which is about to be changed, made or removed."""
        self._touched.add(path)
        return self.pack / path

    def write(self, path: str, data: bytes) -> None:
        """Put bytes into the copy."""
        target = self.touch(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def put(self, files: Mapping[str, bytes | None]) -> None:
        """Put several files into the copy; None takes one away."""
        for path, data in files.items():
            if data is None:
                self.touch(path).unlink()
            else:
                self.write(path, data)

    def flip(self, path: str, place: int, bit: int = 1) -> None:
        """Flip one bit in place; works on files of any size."""
        with self.touch(path).open("r+b") as stream:
            stream.seek(place, os.SEEK_END if place < 0 else os.SEEK_SET)
            place = stream.tell()
            byte = stream.read(1)
            stream.seek(place)
            stream.write(bytes([byte[0] ^ bit]))

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Restore, at the end of the block, every file that was touched inside it."""
        try:
            yield
        finally:
            for path in sorted(self._touched, reverse=True):
                self._restore(path)
            self._touched.clear()

    def _restore(self, path: str) -> None:
        target = self.pack / path
        if target.is_symlink() or target.is_file() or target.is_fifo():
            target.unlink()
        elif target.is_dir():
            shutil.rmtree(target)
        folder = target.parent
        if path in self._names:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.original / path, target)
            return
        while folder != self.pack and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    def _paths(self) -> Iterator[str]:
        for folder, _, names in os.walk(self.pack):
            for name in names:
                yield (Path(folder) / name).relative_to(self.pack).as_posix()
