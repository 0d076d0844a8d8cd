"""The packs that a pack begins from, where they are at hand: next to it, or given by the caller.

Responsible for whether such a pack is the one that was begun from, has the digests and values that
were recorded of it, and still has those bytes; and so on upward. What this pack says of itself is
checked elsewhere, and what else holds of a parent is said by verify of that pack. Reads plain
files below plain folders only, within limits; nothing is loaded and nothing followed.
"""

from __future__ import annotations

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
from evidence.verification.ledger import Rule
from evidence.verification.origin.parent_files import UnreadableError, digest_of, read, sums_of
from evidence.verification.problem import CannotCheckError, Problem, shown
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.reading.sums import Sums

PARENTS: Final = Rule("parent-packs", "the packs that it begins from are, at hand, what they were")
CHANGED: Final = "parent-changed"
ANOTHER: Final = "another-parent"
MAX_DEPTH: Final = 16
"""Packs above one another that are looked at."""
MAX_PACKS: Final = 64
"""Of one chain altogether: a stranger's may branch."""
_NAMED: Final = 5
_COUNTED: Final = ("rate", "num_correct", "num_examples")
_FACTS: Final = ("milestone", "status", "stand_in", "outcome_sha256")

R = TypeVar("R")


def parent_problems(
    path: Path, parents: Sequence[ParentPackRecord], beside: tuple[Path, ...]
) -> Iterator[Problem]:
    """What is wrong with the packs from which the pack at `path` says that it begins.

    `beside`: packs that the caller gave, wherever they lie. Raises CannotCheckError at the end for
    those that are not at hand.
    """
    yield from _Chain(path.absolute(), beside).problems(parents)


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
        except UnreadableError as error:
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
        except (UnreadableError, OSError) as error:
            raise CannotCheckError(f"{self._name}: {path} cannot be read") from error


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
        """A small sealed file. Raises UnreadableError, or _ChangedError: it is not as sealed."""
        data = read(self.directory, path, limits.MAX_JSON_BYTES)
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
            self._unseen.append(f"{ring}: a name that comes again, not followed further")
        try:
            folder, sums, is_it = self.at_hand(one, pack)
        except UnreadableError as error:
            text = f"{pack.pack}, from which {child.called} began, is not at hand: {error}"
            self._unseen.append(f"{text} (root {one.root_sha256[:12]}…)")
            return
        place = f"{layout.PARENTS}#/parents/{index}"
        if not is_it:
            yield from self._another(folder, sums, one, pack, child)
            return
        with SafeDirectory(folder) as directory:
            found = _Pack(directory, sums, f"../{pack.name}")
            yield from self._held(found, one, pack, child, place)
            if pack.name not in child.above:
                yield from self._above(found, pack, child)

    def _another(
        self, folder: Path, sums: Sums, one: ParentPackRecord, pack: PackInit, child: _Child
    ) -> Iterator[Problem]:
        now, was = sums.root_sha256, one.root_sha256
        text = (
            f"the pack {pack.name} next to this one is another than the {pack.pack} from which "
            f"{child.called} began: that was run again, or this is another of its name"
        )
        if _has_checkpoint(sums, one, pack):
            with SafeDirectory(folder) as directory:
                try:
                    unlike = list(_unlike(_Pack(directory, sums, f"../{pack.name}"), one))
                    yield from _impossible(unlike, pack, child)
                    names = ", ".join(shown(each.name) for each in unlike[:_NAMED])
                    said = f"says otherwise of {names}" if unlike else "says the same of it"
                    text += f". It has the same checkpoint, byte for byte, and {said}"
                except (_ChangedError, UnreadableError, MalformedError) as error:
                    self._unseen.append(f"what {pack.name} says of the checkpoint: {error}")
        yield Problem(f"../{pack.name}", text, was, now, "warning", ANOTHER)
        self._unseen.append(
            f"{pack.name} has the root {now[:12]}…, and {child.called} began from {was[:12]}…: "
            "put that pack next to this one, or name it after this one"
        )

    def at_hand(self, one: ParentPackRecord, pack: PackInit) -> tuple[Path, Sums, bool]:
        """A folder with its SHA256SUMS, and whether its root is the recorded one: the pack of this
        name next to the one that is verified, or one that the caller gave.

        Raises UnreadableError where there is none.
        """
        near = self._path.parent / pack.name
        reason, other = "", None
        try:
            if near == self._path:
                raise UnreadableError("the folder of that name is this pack itself, or a copy")
            sums = sums_of(near)
            if sums.root_sha256 == one.root_sha256:
                return near, sums, True
            other = sums
        except UnreadableError as error:
            reason = str(error)
        given = self._given(one.root_sha256)
        if given is not None:
            return given, sums_of(given), True
        if other is not None:
            return near, other, False
        raise UnreadableError(f"{reason}; put it next to this pack, or name it after this one")

    def _given(self, root_sha256: str) -> Path | None:
        if self._roots is None:
            self._roots = {}
            for path in self._beside:
                try:
                    self._roots[sums_of(path, by_caller=True).root_sha256] = path
                except UnreadableError:
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
        except (UnreadableError, MalformedError) as error:
            self._unseen.append(f"{pack.pack}: {error}")
        for file in one.files:
            path = f"{start}{file.path}"
            if sealed.get(path) != file.sha256:
                continue  # said above
            try:
                if digest_of(found.directory, path, file.size_bytes) != file.sha256:
                    yield _changed(found, path, pack, child)
            except UnreadableError as error:
                self._unseen.append(f"{pack.pack}/{path}: {error}")

    def _above(self, found: _Pack, pack: PackInit, child: _Child) -> Iterator[Problem]:
        """The same of what the parent begins from."""
        if layout.PARENTS not in found.sums.digests:
            return
        try:
            record = _document(ParentsRecord, found, layout.PARENTS)
        except _ChangedError as error:
            yield _changed(found, str(error), pack, child)
        except (UnreadableError, MalformedError) as error:
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


class _Unlike(Record):
    """A fact or value that was recorded of a pack, and that this pack has otherwise."""

    name: str
    is_value: bool
    there: object
    told: object


def _unlike(found: _Pack, one: ParentPackRecord) -> Iterator[_Unlike]:
    """Where facts and values that were recorded of a pack are not those that it has."""
    manifest = _document(ManifestRecord, found, layout.MANIFEST)
    for key in _FACTS:
        there, told = getattr(manifest, key), getattr(one, key)
        if there != told:
            yield _Unlike(key, is_value=False, there=there, told=told)
    if not one.values:
        return
    values = _document(ResultsRecord, found, layout.RESULTS).values
    for name, value in one.values.items():
        own = values.get(name)
        known = own and (own.value, own.unavailable, own.unit, own.level)
        stated = (value.value, value.unavailable, value.unit, value.level)
        if known != stated or (own and type(own.value) is not type(value.value)):
            yield _Unlike(name, is_value=True, there=own and own.value, told=value.value)


def _differences(found: _Pack, one: ParentPackRecord, where: str, lies: str) -> Iterator[Problem]:
    for each in _unlike(found, one):
        there, told = str(each.there), str(each.told)
        if each.is_value:
            yield Problem(f"{where}/values", f"{lies}: {shown(each.name)}", there, told)
        else:
            yield Problem(f"{where}/{each.name}", lies, there, told)


def _has_checkpoint(sums: Sums, one: ParentPackRecord, pack: PackInit) -> bool:
    """Whether a pack has sealed just the files that were begun from."""
    start = f"{pack.checkpoint}/"
    sealed = {p[len(start) :]: d for p, d in sums.digests.items() if p.startswith(start)}
    return sealed == {file.path: file.sha256 for file in one.files}


def _impossible(unlike: list[_Unlike], pack: PackInit, child: _Child) -> Iterator[Problem]:
    """Values that cannot differ where the outcome digest does not: they are computed from what
    that is of, the losses and the predictions."""
    if any(each.name == "outcome_sha256" and not each.is_value for each in unlike):
        return
    place = f"../{child.name}/{layout.PARENTS}" if child.name else layout.PARENTS
    for each in unlike:
        if each.is_value and _follows_from_outcome(each.name):
            text = (
                f"the {pack.name} next to this one has the same outcome, digest for digest, from "
                f"which this value follows, and another value: {shown(each.name)}"
            )
            yield Problem(place, text, str(each.there), str(each.told))


def _follows_from_outcome(name: str) -> bool:
    """Whether losses and predictions alone give this value."""
    *before, last = name.split(".")
    return ("train" in before and last.startswith("loss_")) or (
        "eval" in before and last in _COUNTED
    )


def _document(kind: type[R], found: _Pack, path: str) -> R:
    """A document of a pack. Raises as `bytes_of`, and MalformedError."""
    return parsed(kind, found.bytes_of(path), path, layout.SCHEMA_OF[path])


def parsed(kind: type[R], data: bytes, path: str, form: str) -> R:
    """A document of another pack, of the form that its schema gives. Raises MalformedError."""
    value = jsonio.load_document(data)
    for problem in schema.validate(form, value):
        raise MalformedError(f"{path}{problem.pointer}: {problem.message}")
    return decode(kind, value)
