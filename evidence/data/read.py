"""Data sets: rows read strictly and checked against their declared fields.

Responsible for naming every bad row by file, line, field and reason before any training. Facts
about the data are `facts`', turning rows into text is `template_text`'s. Imports no ML framework.
"""

from __future__ import annotations

import codecs
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from evidence import limits
from evidence.data import asked, columns
from evidence.data.apart import rows_apart
from evidence.data.columns import Place
from evidence.data.conversations import as_conversation, has_answer
from evidence.data.facts import DataSet, Row
from evidence.data.files import named_files
from evidence.data.formats import MAX_UNPACKED_BYTES, format_of, unpacked, wrong_format
from evidence.data.text_rows import Lines, Unread, rows_of
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.errors import EvidenceError, MalformedError, MilestoneError
from evidence.records.inputs import DataRecord, FileDigest
from evidence.records.milestone import DataSpec, FileFormat, HubDataSpec, Milestone
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
    """Read and check a data set. Raises MilestoneError that names every bad row (up to 20)."""
    if spec.hub is not None:
        raw, label = _from_hub(spec.hub), f"hub:{spec.hub.id}"
        return read_rows(name, raw, label, spec)
    files = ((path, (root / path).read_bytes()) for path in named_files(root, spec))
    return read_files(name, files, spec)


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
    rows: list[Row] = []
    places: list[str] = []
    known: list[FileDigest] = []
    raw = bytearray()
    for path, content in files:
        every, left = replace(spec, where={}), max(0, most_bytes - len(raw))
        one = read_rows(name, content, path, every, left, apart=apart)
        known.append(FileDigest(path, sha256_hex(content), len(content)))
        places += map(one.place, range(len(one.rows)))
        rows += one.rows
        raw += b"".join(map(jsonio.dump_row, one.rows))
        if len(rows) > limits.MAX_DATA_ROWS:
            raise MilestoneError(
                f"{path}: more than {limits.MAX_DATA_ROWS} rows, with those before"
            )
    label = f"[data.{name}]"
    found = DataSet(name, bytes(raw), tuple(rows), label, tuple(places), tuple(known))
    return taken(found, label, spec.where)


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
    _refuse_no_data(raw, label)
    kind = format_of(label, spec)
    try:
        data = unpacked(raw, label, most_bytes)
        _refuse_wrong_format(data, kind, name)
        found, place = _parsed(data, kind, spec, most_bytes, apart=apart)
    except EvidenceError as error:
        raise MilestoneError(f"{label}: {error.message}", hint="Nothing was run.") from error
    rows: list[Row] = []
    lines: list[int] = []
    problems: list[str] = []
    for line, value in found:
        row, texts = _row(value, spec)
        problems.extend(f"{label}{place(line)}: {text}" for text in texts)
        rows.append(row)
        lines.append(line)
    if not rows and not problems:
        problems.append(f"{label}: has no rows")
    if problems:
        raise MilestoneError(
            _shown(problems),
            hint=f"Mend these rows, or the field types in [data.{name}.fields]. Nothing was run.",
        )
    places = () if kind == "jsonl" else tuple(f"{label}{place(line)}" for line in lines)
    return taken(DataSet(name, raw, tuple(rows), label, places), label, spec.where)


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
    data: bytes, kind: FileFormat, spec: DataSpec, most_bytes: int, *, apart: bool
) -> tuple[Lines, Place]:
    """Rows of an unpacked file with their numbers, and what a number is called behind its name."""
    if kind not in ("parquet", "arrow"):
        return rows_of(data, kind, spec.fields), ":{}".format
    if apart:
        return rows_of(rows_apart(data, kind, most_bytes), "jsonl", {}), ": row {}".format
    rows, place = columns.rows_of(data, kind, most_bytes)
    return rows, lambda number: f": {place(number)}"


def _refuse_wrong_format(data: bytes, kind: FileFormat, name: str) -> None:
    wrong = wrong_format(data, kind, name)
    if wrong:
        raise MalformedError(wrong)


def _refuse_no_data(raw: bytes, label: str) -> None:
    if raw.startswith(LFS_POINTER):
        raise MilestoneError(
            f"{label}: is a Git LFS pointer, not the data that it stands for",
            hint="`git lfs pull` brings the data. Nothing was run.",
        )
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
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
    rows = tuple(data.rows[index] for index in indices)
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


def _from_hub(hub: HubDataSpec) -> bytes:
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
    return b"".join(jsonio.dump_row(row) for row in table)
