"""One file or a folder of them, read by whatever reader knows their form.

Responsible for choosing readers by name and content, and for limits on what is kept. Links and
special files are never followed; what is not read stands among the sources with the reason.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, Protocol

from evidence.errors import MalformedError, UsageError
from evidence.foreign import (
    contents,
    decoding,
    documents,
    forms,
    lines,
    machine,
    mlflow,
    notebooks,
    parsing,
    tables,
    tensorboard,
    wandb_offline,
    weights,
)
from evidence.foreign.decoding import Decoding, Digest
from evidence.foreign.facts import MAX_FACTS, MAX_FACTS_TOGETHER, Fact, Mark, Source
from evidence.foreign.lines import Line, Passage
from evidence.foreign.logs import Log
from evidence.foreign.walking import Entry, entries

MAX_TEXT_BYTES: Final = 512 << 20
"""Of a larger file the digest is taken, and no line is read."""
BYTES_OF_A_FACT: Final = 4
"""No file says more than one thing in so many bytes."""
MIN_LAST_LINES: Final = 500
MIN_FACTS: Final = 2_000
NO_TEXT: Final = "is no text, and in no form that is read"
TEXT, BYTES, UNREAD, PAGE, PROGRAM = "text", "bytes", "unread", "page", "source"


class Reader(Protocol):
    """Goes through a file; what it left out it knows when it has."""

    @property
    def notes(self) -> Iterable[str]:
        """What whoever uses the facts must know."""

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Of a log, lines that tell how the program ended."""

    def facts(self) -> Iterator[Fact]:
        """In the order of the file."""


def folder(root: Path) -> tuple[Source, ...]:
    """Every file below a folder, by its path from there, in order; what cannot be read with why.

    Raises UsageError where the folder itself cannot be opened.
    """
    try:
        found = entries(root)
    except OSError as error:
        raise UsageError(f"{root} cannot be opened: {error.strerror or error}") from error
    most = level([_size(root / one.path) for one in found if not one.why_not])
    return tuple(_entry(root, one, most) for one in found)


def file(path: Path, name: str, found_as: str = "", max_facts: int = MAX_FACTS) -> Source:
    """One file under the name that its facts give. Raises OSError where it cannot be opened.

    `found_as`: the name that tells its form, where the file lies under another one.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as stream:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(f"{name} is no plain file")
        known = decoding.digest(stream)
        kept = _Kept(max_facts)
        _Reading(stream, path, name, PurePosixPath(found_as or name), known).into(kept)
        same_text, num_lines = known.text_sha256, known.num_lines
        if known.decoding is not None and same_text is None and kept.is_text:
            with decoding.again(stream, known.decoding) as text:
                same_text, num_lines = decoding.text_digest(text)
        after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        kept.notes.append("changed while it was read: its values may not be of this digest")
    how = known.decoding if kept.is_text else None
    if how is not None and not how.is_exact:
        kept.notes.append(f"is read as {how.encoding}, since it holds {how.why}")
    return Source(
        path=name,
        size_bytes=known.size_bytes,
        sha256=known.sha256,
        text_sha256=same_text if kept.is_text else None,
        encoding=None if how is None else how.encoding,
        format=kept.format,
        facts=tuple(kept.facts),
        notes=tuple(kept.notes),
        num_lines=num_lines if how is not None else None,
        is_partial=kept.is_partial,
        marks=kept.marks,
        encoding_why=None if how is None else how.why,
    )


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def level(sizes: list[int]) -> int:
    """How many facts a file may give, so that all together keep to their limit: small files give
    all of theirs."""
    most = [min(size // BYTES_OF_A_FACT + 1, MAX_FACTS) for size in sizes]
    left = MAX_FACTS_TOGETHER
    for position, one in enumerate(sorted(most)):
        share = left // (len(most) - position)
        if one > share:
            return max(MIN_FACTS, share)
        left -= one
    return MAX_FACTS


def _entry(root: Path, entry: Entry, max_facts: int) -> Source:
    why = entry.why_not
    if not why:
        try:
            return file(root / entry.path, entry.path, max_facts=max_facts)
        except OSError as error:
            why = f"cannot be read: {error.strerror or error}"
    return Source(
        path=entry.path,
        size_bytes=0,
        sha256="",
        text_sha256=None,
        encoding=None,
        format=UNREAD,
        notes=(why,),
        is_read=False,
    )


class _Kept:
    """Of the facts of a file the first and the last, and what is to be said of it."""

    def __init__(self, max_facts: int) -> None:
        self.format = BYTES
        self.facts: list[Fact] = []
        self.notes: list[str] = []
        self.marks: tuple[Mark, ...] = ()
        self.is_partial = False
        self.is_text = False
        self._most = max_facts

    def from_lines(self, form: str, reader: Reader, passage: Passage) -> None:
        """Of a text: where it says more than is kept, lines in its middle are not read."""
        self.format = form
        found = reader.facts()
        self.facts = list(islice(found, self._most // 2))
        if len(self.facts) == self._most // 2:
            passage.skip_to_last(self._num_last_lines())
            self._add_last(found, passage.last_left_out)
        elif passage.last_left_out:
            self._cut_after(lines.MAX_LINES)
        self.notes += reader.notes
        self.marks = reader.marks

    def _add_last(self, found: Iterator[Fact], last_left_out: int) -> None:
        """Of facts from lines among those left out a part, and of the others the last."""
        telling: list[Fact] = []
        last: deque[Fact] = deque(maxlen=self._most - len(self.facts))
        num_last = 0
        for one in found:
            if (one.place.line or 0) > last_left_out:
                num_last += 1
                last.append(one)
            elif len(telling) < self._most // 4:
                telling.append(one)
        if last_left_out or num_last > len(last):
            first, end = self.facts[-1].place.line, last[0].place.line if last else last_left_out
            self._cut(f"of lines {first} to {end} at most those that name an evaluation")
        room = self._most - len(self.facts) - len(telling)
        self.facts += [*telling, *list(last)[-room:]]

    def from_stream(self, form: str, read: Callable[[], Iterator[Fact]]) -> None:
        """Of bytes or a document, until it turns out to be broken."""
        self.format = form
        last: deque[Fact] = deque(maxlen=self._most // 2)
        num_found = 0
        try:
            for one in read():
                num_found += 1
                if len(self.facts) < self._most - self._most // 2:
                    self.facts.append(one)
                else:
                    last.append(one)
        except MalformedError as error:
            self.notes.append(error.message)
            self.is_partial = True
        if num_found > len(self.facts) + len(last):
            self._cut(f"none of the {num_found - len(self.facts) - len(last)} between them")
        self.facts += last

    def _cut(self, what: str) -> None:
        self.is_partial = True
        self.notes.append(
            f"says more than {self._most} values: the first and the last are kept, and {what}"
        )

    def _cut_after(self, num_lines: int) -> None:
        self.is_partial = True
        self.notes.append(
            f"has more than {num_lines} lines: of the others only the last are read, and those "
            "that name an evaluation"
        )

    def _num_last_lines(self) -> int:
        """How many lines at the end are likely to say as much as is kept of it."""
        a_line = len(self.facts) / max(1, self.facts[-1].place.line or 1)
        return min(lines.MAX_LAST_LINES, int(self._most / a_line) + MIN_LAST_LINES)


class _Reading:
    """One file, and the name that tells its form."""

    def __init__(
        self, stream: BinaryIO, path: Path, name: str, called: PurePosixPath, known: Digest
    ) -> None:
        self._stream, self._path, self._name, self._known = stream, path, name, known
        self._called, self._ending = called, called.suffix.lower()

    def into(self, kept: _Kept) -> None:
        """Read it with the reader of its form."""
        known, stream, name = self._known, self._stream, self._name
        streamed = _of_bytes(self._called.name, self._ending)
        unread = contents.unread(known.head, self._ending)
        if streamed is not None and not contents.is_pointer(known.head):
            form, read = streamed
            stream.seek(0)
            kept.from_stream(form, lambda: read(stream, name))
        elif known.head.startswith(mlflow.MAGIC):
            kept.from_stream("mlflow", lambda: mlflow.database(self._path, name))
        elif known.decoding is None or unread:
            kept.notes.append(unread or NO_TEXT)
        elif known.size_bytes > MAX_TEXT_BYTES:
            kept.notes.append(f"is larger than {MAX_TEXT_BYTES} bytes: no line of it is read")
            kept.is_partial = True
        else:
            kept.is_text = True
            self._text(known.decoding, kept)

    def _text(self, how: Decoding, kept: _Kept) -> None:
        if self._ending in forms.SOURCES:
            kept.format = PROGRAM
        elif self._ending in forms.PAGES:
            kept.format = PAGE
        elif self._ending in parsing.MAX_BYTES:
            self._document(how, kept)
        else:
            self._lines(how, self._ending, kept)

    def _document(self, how: Decoding, kept: _Kept) -> None:
        most, name = parsing.MAX_BYTES[self._ending], self._name
        kept.format = TEXT
        if self._known.size_bytes > most:
            why = f"is larger than the {most} bytes that are read of such a file"
        else:
            try:
                with decoding.again(self._stream, how) as text:
                    value = parsing.parsed(text.read(), self._ending)
            except MalformedError as error:
                why = error.message
            else:
                if notebooks.is_notebook(value):
                    kept.from_stream("notebook", lambda: notebooks.facts(value, name))
                    kept.notes.append(notebooks.NOTE)
                    return
                form = documents.format_of(value)
                is_text = self._ending in (".yaml", ".yml")
                kept.from_stream(form, lambda: documents.facts(value, name, form, is_text=is_text))
                return
        if self._ending == ".json":  # JSON lines under another name
            head = self._head(how)
            if forms.of(head, "") == "json-lines" and len(head) > 1:
                self._lines(how, ".jsonl", kept)
                return
        kept.notes.append(why)
        kept.is_partial = True

    def _head(self, how: Decoding) -> list[Line]:
        return list(islice(self._numbered(how), forms.NUM_SNIFFED))

    def _numbered(self, how: Decoding) -> Iterator[Line]:
        """Opened when the first line is asked for, which may be never."""
        yield from lines.lines(decoding.again(self._stream, how))

    def _lines(self, how: Decoding, ending: str, kept: _Kept) -> None:
        head, name = self._head(how), self._name
        passage = Passage(self._numbered(how))
        if not ending and mlflow.kind_of(name) == "metric" and mlflow.is_metric(head):
            kept.from_lines("mlflow", _Plain(mlflow.metric(passage, name)), passage)
        elif not ending and mlflow.kind_of(name) == "param" and len(head) == 1:
            kept.from_lines("mlflow", _Plain(mlflow.param(head[0], name)), passage)
        else:
            form = forms.of(head, ending)
            kept.from_lines(form, _reader(form, passage, name), passage)


def _of_bytes(
    name: str, ending: str
) -> tuple[str, Callable[[BinaryIO, str], Iterator[Fact]]] | None:
    if ending == ".safetensors":
        return "safetensors", weights.header_facts
    if tensorboard.is_events(name):
        return "tensorboard", tensorboard.facts
    if ending == ".wandb":
        return "wandb", wandb_offline.facts
    return None


def _reader(form: str, passage: Iterable[Line], name: str) -> Reader:
    match form:
        case "json-lines":
            return tables.JsonRows(passage, name)
        case "csv" | "tsv":
            return tables.Cells(passage, name, "," if form == "csv" else "\t")
        case "nvidia-smi":
            return _Plain(machine.nvidia_smi(passage, name))
        case "packages":
            return _Plain(machine.packages(passage, name))
        case "environment":
            return _Plain(machine.environment(passage, name))
        case _:
            return Log(passage, name)


class _Plain:
    """A reader that leaves nothing out."""

    notes: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()

    def __init__(self, found: Iterator[Fact]) -> None:
        self._found = found

    def facts(self) -> Iterator[Fact]:
        """In the order of the file."""
        return self._found
