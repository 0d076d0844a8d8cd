"""Data sets: rows read strictly and checked against their declared fields.

Responsible for naming every bad row by file, line, field and reason before any training. Facts
about the data are `facts`', turning rows into text is `template_text`'s. Imports no ML framework.
"""

from __future__ import annotations

import codecs
import shlex
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from evidence import limits
from evidence.data import asked
from evidence.data.conversations import as_conversation, has_answer
from evidence.data.facts import DataSet, Row
from evidence.encoding import jsonio
from evidence.errors import MalformedError, MilestoneError
from evidence.records.inputs import DataRecord
from evidence.records.milestone import DataSpec, HubDataSpec, Milestone
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
    else:
        label = str(spec.path)
        raw = (root / label).read_bytes()
    return read_rows(name, raw, label, spec)


def read_rows(name: str, raw: bytes, label: str, spec: DataSpec) -> DataSet:
    """Rows from bytes that are called `label` in messages. Raises MilestoneError likewise."""
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
    rows: list[Row] = []
    problems: list[str] = []
    for line, value in _parsed(raw, label, problems):
        problems.extend(f"{label}:{line}: {text}" for text in _row_problems(value, spec))
        row = value if isinstance(value, dict) else {}
        if spec.format is not None and row:
            try:
                row = as_conversation(row, spec.format)
            except MalformedError as error:
                problems.append(f"{label}:{line}: {error.message}")
        rows.append(row)
    if not rows and not problems:
        problems.append(f"{label}: has no rows")
    if problems:
        raise MilestoneError(
            _shown(problems),
            hint=f"Mend these rows, or the field types in [data.{name}.fields]. Nothing was run.",
        )
    return taken(DataSet(name=name, raw=raw, rows=tuple(rows)), label, spec.where)


def taken(data: DataSet, label: str, where: Mapping[str, Any]) -> DataSet:
    """The rows that have what `where` asks for. Raises MilestoneError where none has."""
    rows = tuple(row for row in data.rows if is_taken(row, where))
    if not rows:
        said = ", ".join(f"{key} = {value!r}" for key, value in where.items())
        raise MilestoneError(f"{label}: no row has {said}, which `where` asks for")
    return DataSet(name=data.name, raw=data.raw, rows=rows)


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
    label = f"hub:{spec.hub.id}" if spec.hub is not None else str(spec.path)
    if spec.format is not None:
        _refuse_unanswered(data, label, milestone.eval.limit)
        return
    problems = [
        f"{label}:{index + 1}: field {field!r} is {'null' if row[field] is None else 'no text'}, "
        "and it is what an output is compared with"
        for index, row in enumerate(data.rows[: milestone.eval.limit])
        if field in row and (row[field] is None or isinstance(row[field], (list, dict)))
    ]
    if problems:
        hint = f"Write the expected answer into {field!r}, or leave the row out. Nothing was run."
        raise MilestoneError(_shown(problems), hint=hint)


def _refuse_unanswered(data: DataSet, label: str, limit: int | None) -> None:
    """Raises MilestoneError for conversations to evaluate that end without the expected answer."""
    problems = [
        f"{label}:{index + 1}: ends with no text of the assistant, which an output is compared with"
        for index, row in enumerate(data.rows[:limit])
        if not has_answer(row)
    ]
    if problems:
        hint = "End each conversation with the expected answer, or leave it out. Nothing was run."
        raise MilestoneError(_shown(problems), hint=hint)


def _shown(problems: Sequence[str]) -> str:
    more = len(problems) - MAX_SHOWN
    return "\n".join([*problems[:MAX_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _parsed(raw: bytes, label: str, problems: list[str]) -> Iterator[tuple[int, Any]]:
    text = raw if raw.endswith(b"\n") or not raw else raw + b"\n"
    try:
        for line, data in jsonio.iter_lines(text, limits.MAX_DATA_ROWS):
            try:
                yield line, jsonio.load_document(data.rstrip(b"\r"))
            except MalformedError as error:
                problems.append(f"{label}:{line}: {error.message}")
    except MalformedError as error:
        problems.append(f"{label}:{error.line}: {error.message}")


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
