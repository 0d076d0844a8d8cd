"""The packs that a pack begins from, where they are at hand: next to it, or given by the caller.

Responsible for whether such a pack is the one that was begun from, has the digests and values that
were recorded of it, and still has those bytes; and so on upward. What this pack says of itself is
checked elsewhere, and what else holds of a parent is said by verify of that pack. Reads plain
files below plain folders only, within limits; nothing is loaded and nothing followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from evidence import layout, limits
from evidence.encoding import jsonio, schema
from evidence.encoding.codec import decode
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError
from evidence.records.parents import ParentPackRecord, ParentsRecord
from evidence.records.record import Record
from evidence.records.run import ManifestRecord, ResultsRecord
from evidence.stages.pack_init import PackInit, pack_init
from evidence.verification.ledger import Ledger, Rule
from evidence.verification.problem import CannotCheckError, Problem, shown
from evidence.verification.reading.digests import read_file
from evidence.verification.reading.directory import SafeDirectory, is_link
from evidence.verification.reading.structure import FileStatus
from evidence.verification.reading.sums import Sums, parse_sums

PARENTS: Final = Rule("parent-packs", "the packs that it begins from are, at hand, what they were")
CHANGED: Final = "parent-changed"
ANOTHER: Final = "another-parent"
MAX_DEPTH: Final = 16
"""Packs above one another that are looked at."""
MAX_PACKS: Final = 64
"""Of one chain altogether: a stranger's may branch."""
_FACTS: Final = ("milestone", "status", "stand_in", "outcome_sha256")

R = TypeVar("R")


def check_parents(
    path: Path, parents: Sequence[ParentPackRecord], beside: tuple[Path, ...], ledger: Ledger
) -> None:
    """Enter the check for the pack at `path`, which says that it begins from others.

    `beside`: packs that the caller gave, wherever they lie.
    """
    ledger.run_check(PARENTS, _Chain(path.absolute(), beside).problems(parents))


class AtHand:
    """A pack that this one begins from, where it is at hand as it was: its small documents."""

    def __init__(self, path: Path, beside: tuple[Path, ...], one: ParentPackRecord) -> None:
        """Raises CannotCheckError where it is not at hand."""
        pack = pack_init(one.init)
        if pack is None:
            raise CannotCheckError(f"{shown(one.init)} names no pack")
        self._name = pack.pack
        try:
            self._folder, self._sums, is_it = _Chain(path.absolute(), beside).at_hand(one, pack)
        except _UnreadableError as error:
            raise CannotCheckError(f"{pack.pack} is not at hand: {error}") from error
        if not is_it:
            raise CannotCheckError(f"the {pack.name} at hand is another pack than was begun from")

    def bytes_of(self, path: str) -> bytes | None:
        """A document as it was sealed; None where there is none. Raises CannotCheckError."""
        if path not in self._sums.digests:
            return None
        try:
            with SafeDirectory(self._folder) as directory:
                return _Pack(directory, self._sums, self._name).bytes_of(path)
        except _ChangedError as error:
            raise CannotCheckError(f"{self._name}/{path} is not as it was sealed") from error
        except (_UnreadableError, OSError) as error:
            raise CannotCheckError(f"{self._name}: {path} cannot be read") from error


class _UnreadableError(Exception):
    """A file of another pack cannot be read; the text says why."""


class _ChangedError(Exception):
    """A file of another pack has other bytes than that pack has sealed; the text is its path."""


class _Child(Record):
    """Whose parents are looked at."""

    name: str
    """Empty: the pack that is verified."""
    above: tuple[str, ...]
    """Names of the packs from that one up to here."""

    @property
    def called(self) -> str:
        """As sentences call it."""
        return self.name or "this run"


class _Pack(Record):
    """A pack at hand that has the recorded root digest."""

    directory: SafeDirectory
    sums: Sums
    shown: str
    """Its folder, as addresses begin with it."""

    def bytes_of(self, path: str) -> bytes:
        """A small sealed file. Raises _UnreadableError, or _ChangedError: it is not as sealed."""
        data = _read(self.directory, path, limits.MAX_JSON_BYTES)
        if sha256_hex(data) != self.sums.digests.get(path):
            raise _ChangedError(path)
        return data


class _Chain:
    """One walk upward. What could not be checked is told together, at the end."""

    def __init__(self, path: Path, beside: tuple[Path, ...]) -> None:
        self._path = path
        self._beside = beside
        self._unseen: list[str] = []
        self._seen: set[tuple[str, str]] = set()
        self._roots: dict[str, Path] | None = None

    def problems(self, parents: Sequence[ParentPackRecord]) -> Iterator[Problem]:
        """Of each parent, then of what that begins from."""
        yield from self._of(parents, _Child("", (self._path.name,)))
        if self._unseen:
            raise CannotCheckError("; ".join(dict.fromkeys(self._unseen)))

    def _of(self, parents: Sequence[ParentPackRecord], child: _Child) -> Iterator[Problem]:
        for index, one in enumerate(parents):
            pack = pack_init(one.init)
            if pack is None:
                self._unseen.append(f"{shown(one.init)} names no pack")
                continue
            if (one.init, one.root_sha256) in self._seen:
                continue  # said already
            if len(self._seen) >= MAX_PACKS or len(child.above) > MAX_DEPTH:
                self._unseen.append(f"{pack.pack} and what is above it: the chain is too long")
                continue
            self._seen.add((one.init, one.root_sha256))
            yield from self._one(index, one, pack, child)

    def _one(
        self, index: int, one: ParentPackRecord, pack: PackInit, child: _Child
    ) -> Iterator[Problem]:
        if pack.name in child.above:
            ring = " → ".join((*child.above[child.above.index(pack.name) :], pack.name))
            self._unseen.append(f"{ring} begins from itself by name: not followed further")
        try:
            folder, sums, is_it = self.at_hand(one, pack)
        except _UnreadableError as error:
            text = f"{pack.pack}, from which {child.called} began, is not at hand: {error}"
            self._unseen.append(f"{text} (root {one.root_sha256[:12]}…)")
            return
        place = f"{layout.PARENTS}#/parents/{index}"
        if not is_it:
            yield from self._another(one, pack, sums, child)
            return
        with SafeDirectory(folder) as directory:
            found = _Pack(directory, sums, f"../{pack.name}")
            yield from self._held(found, one, pack, child, place)
            if pack.name not in child.above:
                yield from self._above(found, pack, child)

    def _another(
        self, one: ParentPackRecord, pack: PackInit, sums: Sums, child: _Child
    ) -> Iterator[Problem]:
        now, was = sums.root_sha256, one.root_sha256
        text = (
            f"the pack {pack.name} next to this one is another than the {pack.pack} from which "
            f"{child.called} began: that was run again, or this is another of its name. Nothing is "
            f"wrong with this pack for that"
        )
        yield Problem(f"../{pack.name}", text, was, now, "warning", ANOTHER)
        self._unseen.append(
            f"{pack.name} has the root {now[:12]}…, and {child.called} began from {was[:12]}…: "
            "put that pack next to this one, or name it after this one"
        )

    def at_hand(self, one: ParentPackRecord, pack: PackInit) -> tuple[Path, Sums, bool]:
        """A folder with its SHA256SUMS, and whether its root is the recorded one: the pack of this
        name next to the one that is verified, or one that the caller gave.

        Raises _UnreadableError where there is none.
        """
        near = self._path.parent / pack.name
        reason, other = "", None
        try:
            sums = _sums_of(near)
            if sums.root_sha256 == one.root_sha256:
                return near, sums, True
            other = sums
        except _UnreadableError as error:
            reason = str(error)
        given = self._given(one.root_sha256)
        if given is not None:
            return given, _sums_of(given), True
        if other is not None:
            return near, other, False
        raise _UnreadableError(f"{reason}; put it next to this pack, or name it after this one")

    def _given(self, root_sha256: str) -> Path | None:
        if self._roots is None:
            self._roots = {}
            for path in self._beside:
                try:
                    self._roots[_sums_of(path, by_caller=True).root_sha256] = path
                except _UnreadableError:
                    continue
        return self._roots.get(root_sha256)

    def _held(
        self, found: _Pack, one: ParentPackRecord, pack: PackInit, child: _Child, place: str
    ) -> Iterator[Problem]:
        """What the child says of its parent is what that has sealed, and still has."""
        lies = f"{child.called} says otherwise of {pack.pack} than that pack has sealed"
        where = place if not child.name else f"../{child.name}/{place}"
        start = f"{pack.checkpoint}/"
        sealed = {p: d for p, d in found.sums.digests.items() if p.startswith(start)}
        told = {f"{start}{file.path}": file.sha256 for file in one.files}
        for path in sorted(sealed.keys() | told.keys()):
            if sealed.get(path) != told.get(path):
                expected, actual = (side.get(path, "no such file") for side in (sealed, told))
                yield Problem(f"{where}/files", f"{lies}: {shown(path)}", expected, actual)
        try:
            yield from _differences(found, one, where, lies)
        except _ChangedError as error:
            yield _changed(found, str(error), pack, child)
        except (_UnreadableError, MalformedError) as error:
            self._unseen.append(f"{pack.pack}: {error}")
        for file in one.files:
            path = f"{start}{file.path}"
            if sealed.get(path) != file.sha256:
                continue  # said above
            try:
                if _digest(found.directory, path, file.size_bytes) != file.sha256:
                    yield _changed(found, path, pack, child)
            except _UnreadableError as error:
                self._unseen.append(f"{pack.pack}/{path}: {error}")

    def _above(self, found: _Pack, pack: PackInit, child: _Child) -> Iterator[Problem]:
        """The same of what the parent begins from."""
        if layout.PARENTS not in found.sums.digests:
            return
        try:
            record = _document(ParentsRecord, found, layout.PARENTS)
        except _ChangedError as error:
            yield _changed(found, str(error), pack, child)
        except (_UnreadableError, MalformedError) as error:
            self._unseen.append(f"{pack.pack}: {error}")
        else:
            yield from self._of(record.parents, _Child(pack.name, (*child.above, pack.name)))


def _changed(found: _Pack, path: str, pack: PackInit, child: _Child) -> Problem:
    text = (
        f"{pack.pack}, from which {child.called} began, is not what it was: this file of it has "
        f"other bytes than were sealed and begun from. This pack's own files are not meant"
    )
    sealed = found.sums.digests.get(path)
    return Problem(f"{found.shown}/{path}", text, sealed, code=CHANGED)


def _differences(found: _Pack, one: ParentPackRecord, where: str, lies: str) -> Iterator[Problem]:
    """Where facts and values that were recorded of a pack are not those that it has."""
    manifest = _document(ManifestRecord, found, layout.MANIFEST)
    for key in _FACTS:
        expected, actual = getattr(manifest, key), getattr(one, key)
        if expected != actual:
            yield Problem(f"{where}/{key}", lies, str(expected), str(actual))
    if not one.values:
        return
    values = _document(ResultsRecord, found, layout.RESULTS).values
    for name, value in one.values.items():
        there = values.get(name)
        known = there and (there.value, there.unavailable, there.unit, there.level)
        told = (value.value, value.unavailable, value.unit, value.level)
        if known != told or (there and type(there.value) is not type(value.value)):
            text = f"{lies}: {shown(name)}"
            yield Problem(f"{where}/values", text, str(known and known[0]), str(told[0]))


def _document(kind: type[R], found: _Pack, path: str) -> R:
    """A document of a pack. Raises as `bytes_of`, and MalformedError."""
    value = jsonio.load_document(found.bytes_of(path))
    for problem in schema.validate(layout.SCHEMA_OF[path], value):
        raise MalformedError(f"{path}{problem.pointer}: {problem.message}")
    return decode(kind, value)


def _sums_of(folder: Path, *, by_caller: bool = False) -> Sums:
    """SHA256SUMS of a folder, no link unless the caller named it. Raises _UnreadableError."""
    try:
        status = folder.stat() if by_caller else folder.lstat()
        if is_link(status):
            raise _UnreadableError("what is there is a link, which is not followed")
        if not stat.S_ISDIR(status.st_mode):
            raise _UnreadableError("what is there is no folder")
        with SafeDirectory(folder) as directory:
            return parse_sums(_read(directory, layout.SUMS, limits.MAX_SUMS_BYTES))
    except OSError as error:
        is_absent = isinstance(error, FileNotFoundError)
        reason = "it is not next to this pack" if is_absent else error.strerror or str(error)
        raise _UnreadableError(reason) from error


def _status(directory: SafeDirectory, path: str) -> FileStatus:
    descriptor, status = directory.open_file(path)
    os.close(descriptor)
    return FileStatus.of(status)


def _read(directory: SafeDirectory, path: str, max_bytes: int) -> bytes:
    """Bytes of a small file. Raises _UnreadableError."""
    try:
        status = _status(directory, path)
        if status.size_bytes > max_bytes:
            raise _UnreadableError(f"{path} is larger than {max_bytes} bytes")
        reading = read_file(directory, path, status, into_memory=True)
    except FileNotFoundError as error:
        raise _UnreadableError(f"it has no {path}") from error
    except OSError as error:
        raise _UnreadableError(f"{path} cannot be read: {error.strerror or error}") from error
    return reading.content or b""


def _digest(directory: SafeDirectory, path: str, size_bytes: int) -> str:
    """Digest of a file; empty where its size tells already. Raises _UnreadableError."""
    try:
        status = _status(directory, path)
        if status.size_bytes != size_bytes:
            return ""
        return read_file(directory, path, status, into_memory=False).sha256
    except FileNotFoundError as error:
        raise _UnreadableError("is not there, so its bytes were not compared") from error
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror or error}") from error
