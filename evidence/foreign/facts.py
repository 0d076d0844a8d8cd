"""What a foreign file says: facts, each with the place where it stands."""

from __future__ import annotations

from typing import Final, TypeAlias

from evidence.records.record import Number, Record

Value: TypeAlias = Number | str | bool | None

MAX_FACTS: Final = 200_000
"""Of one file: the first and the last; that there were more is said."""
MAX_FACTS_TOGETHER: Final = 300_000
"""Of a folder."""
MAX_NAME_CHARS: Final = 120
MAX_TEXT_CHARS: Final = 2_000


class Place(Record, gc=False):
    """Where something stands in a file."""

    file: str
    line: int | None = None
    """From 1; None in a file that has no lines."""
    address: str = ""
    """A JSON pointer, a column or a tag; empty where the line says it all."""

    def __str__(self) -> str:
        line = "" if self.line is None else f":{self.line}"
        return f"{self.file}{line}{f' {self.address}' if self.address else ''}"


class Fact(Record, gc=False):
    """One value under one name."""

    name: str
    """As the file has it."""
    value: Value
    text: str
    """As it was written, which tells how many digits are known."""
    place: Place
    row: int | None = None
    """Facts of one record (a line, an object) share its number, from 0 in each file."""
    step: Number | None = None
    """The step that the record is of, where it says so itself."""
    scope: tuple[str, ...] = ()
    """What it is of: a task and a filter, a section, a stage; outermost first."""


class Mark(Record):
    """A line that tells how a program went on or ended, or that no program wrote it."""

    kind: str
    place: Place
    text: str


class Source(Record):
    """One file and what was read from it."""

    path: str
    size_bytes: int
    sha256: str
    text_sha256: str | None
    """Of its text as UTF-8 with LF line ends: equal for copies that differ in these alone."""
    encoding: str | None
    """None for what is no text."""
    format: str
    """Which reader took it; `text` or `bytes` where none did."""
    facts: tuple[Fact, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader of the facts must know: what was cut, skipped or repaired."""
    num_lines: int | None = None
    """None for what is no text."""
    is_partial: bool = False
    """Whether values were left out: then what is not among the facts may still be in the file, and
    no extreme, count or mean follows from them."""
    is_read: bool = True
    """False for what could not be read, or is none of the files of a run: a link, a device. Its
    digest is empty, and a note says why."""
    marks: tuple[Mark, ...] = ()
    """Of a log: tracebacks, cancellations, placeholders; of each kind the first and the last."""
    encoding_why: str | None = None
    """Which test told the encoding; None for what is no text."""
