"""Data sets: rows read strictly and checked against their declared fields.

Responsible for naming every bad row by file, line, field and reason before any training. Facts
about the data are `facts`', turning rows into text is `template_text`'s. Imports no ML framework.
"""

from __future__ import annotations

import codecs
import io
import shlex
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Final

from msgspec.structs import replace

from evidence import limits
from evidence.data import asked, columns, stored
from evidence.data.apart import rows_apart
from evidence.data.columns import Place
from evidence.data.content import content_of, content_of_file, sha256_of_file
from evidence.data.conversations import as_conversation, has_answer
from evidence.data.facts import DataSet, Row
from evidence.data.files import named_files
from evidence.data.formats import (
    MAX_ROWS_BYTES,
    MAX_UNPACKED_BYTES,
    SNIFFED_BYTES,
    format_of,
    is_zipped,
    unpacked,
    wrong_format,
)
from evidence.data.text_rows import Lines, Unread, rows_of, rows_of_lines
from evidence.encoding import jsonio
from evidence.errors import EvidenceError, MalformedError, MilestoneError
from evidence.records.inputs import DataRecord, FileDigest
from evidence.records.milestone import DataSpec, HubDataSpec, Milestone
from evidence.records.record import Record
from evidence.text import templating

MAX_SHOWN: Final = 20
LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def load_data(root: Path, name: str, spec: DataSpec) -> DataSet:
    """Read and check a data set. Raises MilestoneError that names every bad row (up to 20).

    What does not fit into memory lies in a file of this process (`data.stored`).
    """
    if spec.hub is not None:
        with stored.file_of(_from_hub(spec.hub)) as lines:
            return _read(name, lines, f"hub:{spec.hub.id}", spec, _OWN)
    paths = named_files(root, spec)
    if spec.path is not None:
        with (root / spec.path).open("rb") as file:
            return _read(name, file, spec.path, spec, _OWN)
    return _read_all(name, _opened(root, paths), spec, _OWN)


def _opened(root: Path, paths: Iterable[str]) -> Iterator[tuple[str, BinaryIO]]:
    """One at a time: a pattern may name more files than a process may have open."""
    for path in paths:
        with (root / path).open("rb") as file:
            yield path, file


def read_files(
    name: str,
    files: Iterable[tuple[str, bytes]],
    spec: DataSpec,
    most_bytes: int = MAX_UNPACKED_BYTES,
    *,
    apart: bool = False,
) -> DataSet:
    """Rows of the files of a set, in their order, each with its path. Raises as `read_rows` does;
    `most_bytes` holds for all of them together; `apart`: nobody vouches for these bytes."""
    if not spec.paths:
        ((path, content),) = files
        return read_rows(name, content, path, spec, most_bytes, apart=apart)
    in_memory = ((path, io.BytesIO(content)) for path, content in files)
    return _read_all(name, in_memory, spec, _How(most_bytes, apart))


def read_rows(
    name: str,
    raw: bytes,
    label: str,
    spec: DataSpec,
    most_bytes: int = MAX_UNPACKED_BYTES,
    *,
    apart: bool = False,
) -> DataSet:
    """Rows from the bytes of a file that is called `label` in messages. Raises MilestoneError
    likewise. `most_bytes`: what a compressed file may unpack to; `apart`: whether Parquet and Arrow
    are read in a process apart."""
    return _read(name, io.BytesIO(raw), label, spec, _How(most_bytes, apart))


class _How(Record):
    """How files are read."""

    most_bytes: int
    """To which they may unpack, all together."""
    apart: bool = False
    in_memory: bool = True
    """Whether all rows are: those of a stranger are few, and verify writes nothing."""


_OWN: Final = _How(MAX_ROWS_BYTES, in_memory=False)


def _read_all(
    name: str, files: Iterable[tuple[str, BinaryIO]], spec: DataSpec, how: _How
) -> DataSet:
    """The rows of all files of a set."""
    places: list[str] = []
    known: list[FileDigest] = []
    every = replace(spec, where={})

    def rows() -> Iterator[Row]:
        size_bytes = 0
        for path, file in files:
            left = replace(how, most_bytes=max(0, how.most_bytes - size_bytes))
            one = _read(name, file, path, every, left)
            known.append(FileDigest(path, one.content.sha256, one.content.size_bytes))
            places.extend(map(one.place, range(len(one.rows))))
            if len(places) > limits.MAX_DATA_ROWS:
                raise MilestoneError(
                    f"{path}: more than {limits.MAX_DATA_ROWS} rows, with those before"
                )
            for row in one.rows:
                size_bytes += len(jsonio.dump_row(row))
                yield row

    found = stored.kept(rows(), Row, in_memory=how.in_memory)
    content, label = content_of(lambda: map(jsonio.dump_row, found)), f"[data.{name}]"
    whole = DataSet(name, content, found, label, tuple(places), tuple(known))
    return taken(whole, label, spec.where)


def _read(name: str, file: BinaryIO, label: str, spec: DataSpec, how: _How) -> DataSet:
    """The rows of one file, from its beginning."""
    _refuse_no_data(file, label)
    content = content_of_file(file)
    reader = _Reader(label, spec)
    try:
        found, reader.place = _parsed(file, label, name, spec, how)
        rows = stored.kept(reader.rows(found), Row, in_memory=how.in_memory)
    except EvidenceError as error:
        raise MilestoneError(f"{label}: {error.message}", hint="Nothing was run.") from error
    problems = reader.problems or ([] if rows else [f"{label}: has no rows"])
    if problems:
        raise MilestoneError(
            _shown(problems),
            hint=f"Mend these rows, or the field types in [data.{name}.fields]. Nothing was run.",
        )
    if sha256_of_file(file) != content.sha256:
        raise MilestoneError(
            f"{label}: changed while it was read", hint="Run it again when nobody writes it."
        )
    is_plain = format_of(label, spec) == "jsonl"  # row after row is a line
    places = () if is_plain else tuple(f"{label}{reader.place(line)}" for line in reader.lines)
    return taken(DataSet(name, content, rows, label, places), label, spec.where)


class _Reader:
    """Checks rows as they come, and remembers where each stands and what is wrong."""

    def __init__(self, label: str, spec: DataSpec) -> None:
        self._label, self._spec = label, spec
        self.place: Place = ":{}".format
        self.lines = array("Q")
        self.problems: list[str] = []

    def rows(self, found: Lines) -> Iterator[Row]:
        for line, value in found:
            row, texts = _row(value, self._spec)
            self.problems.extend(f"{self._label}{self.place(line)}: {text}" for text in texts)
            self.lines.append(line)
            yield row


def _row(value: object, spec: DataSpec) -> tuple[Row, Iterable[str]]:
    """A row as it is used, and what is wrong with it."""
    if isinstance(value, Unread):
        return {}, value.texts
    texts = tuple(_row_problems(value, spec))
    row = value if isinstance(value, dict) else {}
    if spec.format is None or not row:
        return row, texts
    try:
        return as_conversation(row, spec.format), texts
    except MalformedError as error:
        return row, (*texts, error.message)


def _parsed(
    file: BinaryIO, label: str, name: str, spec: DataSpec, how: _How
) -> tuple[Lines, Place]:
    """Rows of a file with their numbers, and what a number is called behind its name.

    Read row by row are JSON lines, Parquet and Arrow; the others, and what is compressed of these,
    are taken into memory whole, and let go when their rows are read.
    """
    kind = format_of(label, spec)
    head = b"".join(_first(unpacked(file, label, how.most_bytes), SNIFFED_BYTES))
    wrong = wrong_format(head[:SNIFFED_BYTES], kind, name)
    if wrong:
        raise MalformedError(wrong)
    pieces = unpacked(file, label, how.most_bytes)
    if kind == "jsonl":
        return rows_of_lines(pieces), ":{}".format
    whole_bytes = min(how.most_bytes, MAX_UNPACKED_BYTES)
    if kind not in ("parquet", "arrow"):
        whole = b"".join(unpacked(file, label, whole_bytes))
        return rows_of(whole, kind, spec.fields), ":{}".format
    if how.apart:
        lines = rows_apart(b"".join(pieces), kind, how.most_bytes)
        return rows_of_lines([lines]), ": row {}".format
    if is_zipped(file):
        file = io.BytesIO(b"".join(unpacked(file, label, whole_bytes)))
    rows, place = columns.rows_of(file, kind, how.most_bytes)
    return rows, lambda number: f": {place(number)}"


def _first(pieces: Iterable[bytes], size_bytes: int) -> Iterator[bytes]:
    """The first pieces, until there are so many bytes."""
    for piece in pieces:
        yield piece
        size_bytes -= len(piece)
        if size_bytes <= 0:
            return


def _refuse_no_data(file: BinaryIO, label: str) -> None:
    file.seek(0)
    head = file.read(len(LFS_POINTER))
    if head == LFS_POINTER:
        raise MilestoneError(
            f"{label}: is a Git LFS pointer, not the data that it stands for",
            hint="`git lfs pull` brings the data. Nothing was run.",
        )
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise MilestoneError(
            f"{label}: is UTF-16 text, and data are UTF-8",
            hint=f"`iconv -f UTF-16 -t UTF-8 {shlex.quote(label)}` prints it so. Nothing was run.",
        )


def taken(data: DataSet, label: str, where: Mapping[str, Any]) -> DataSet:
    """The rows that have what `where` asks for. Raises MilestoneError where none has."""
    indices = [index for index, row in enumerate(data.rows) if is_taken(row, where)]
    if not indices:
        said = ", ".join(f"{key} = {value!r}" for key, value in where.items())
        raise MilestoneError(f"{label}: no row has {said}, which `where` asks for")
    if len(indices) == len(data.rows):
        return data
    rows = stored.some_of(data.rows, indices)
    return replace(data, rows=rows, places=tuple(map(data.place, indices)))


def is_taken(row: Row, where: Mapping[str, Any]) -> bool:
    """Whether a row has the values that are asked for; 1 and true are not the same."""
    for key, values in where.items():
        wanted = values if isinstance(values, list) else [values]
        found = row.get(key)
        if found not in (one for one in wanted if isinstance(one, bool) == isinstance(found, bool)):
            return False
    return True


def describe_data(root: Path, name: str, milestone: Milestone) -> DataRecord:
    """Facts about one data set of a milestone; rows are counted from 0."""
    spec = milestone.data[name]
    data = load_data(root, name, spec)
    if milestone.given_eval is None:
        return asked.describe(milestone, data, None, templating.compile_text)
    other = milestone.eval.data
    evaluation = None if name == other else load_data(root, other, milestone.data[other])
    if evaluation is None:
        _refuse_targets(data, milestone)
    return asked.describe(milestone, data, evaluation, templating.compile_text)


def _refuse_targets(data: DataSet, milestone: Milestone) -> None:
    """Raises MilestoneError for expected answers that are no text, number or boolean."""
    spec, field = milestone.data[data.name], milestone.eval.target_field
    if spec.format is not None:
        _refuse_unanswered(data, milestone.eval.limit)
        return
    problems = [
        f"{data.place(index)}: field {field!r} is {'null' if row[field] is None else 'no text'}, "
        "and it is what an output is compared with"
        for index, row in enumerate(data.rows[: milestone.eval.limit])
        if field in row and (row[field] is None or isinstance(row[field], (list, dict)))
    ]
    if problems:
        hint = f"Write the expected answer into {field!r}, or leave the row out. Nothing was run."
        raise MilestoneError(_shown(problems), hint=hint)


def _refuse_unanswered(data: DataSet, limit: int | None) -> None:
    """Raises MilestoneError for conversations to evaluate that end without the expected answer."""
    problems = [
        f"{data.place(index)}: ends with no text of the assistant, which an output is compared with"
        for index, row in enumerate(data.rows[:limit])
        if not has_answer(row)
    ]
    if problems:
        hint = "End each conversation with the expected answer, or leave it out. Nothing was run."
        raise MilestoneError(_shown(problems), hint=hint)


def _shown(problems: Sequence[str]) -> str:
    more = len(problems) - MAX_SHOWN
    return "\n".join([*problems[:MAX_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _row_problems(row: object, spec: DataSpec) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"is {type(row).__name__}, not an object with fields"
        return
    for name, declared in spec.fields.items():
        kind, optional = declared.removesuffix("?"), declared.endswith("?")
        if name not in row or (row[name] is None and optional):
            if not optional:
                yield f"field {name!r} is missing"
            continue
        value = row[name]
        fits = isinstance(value, _TYPES[kind]) and (kind == "boolean") == isinstance(value, bool)
        if not fits:
            yield f"field {name!r} is {type(value).__name__}, declared as {kind}"
    for name in spec.answer:
        if row.get(name) in ("", [], {}) or (name in row and row[name] is None):
            yield f"field {name!r} is empty, and it is what the model must learn"


def _from_hub(hub: HubDataSpec) -> Iterator[bytes]:
    if find_spec("datasets") is None:
        raise MilestoneError(
            f"the data set {hub.id} is on the hub, and the package 'datasets' is not installed",
            hint="pip install datasets",
        )
    try:
        table = import_module("datasets").load_dataset(
            hub.id, hub.config, split=hub.split, revision=hub.revision
        )
    except Exception as error:
        raise MilestoneError(f"cannot load the data set {hub.id}: {error}") from error
    return map(jsonio.dump_row, table)
