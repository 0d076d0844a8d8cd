"""Data sets: rows read strictly, checked against their declared fields, and described.

Responsible for naming every bad row by file, line, field and reason before any training, and for
facts about the data. Turning rows into text is `text`'s. Imports no ML framework.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

from evidence import jsonio
from evidence.digest import git_blob_sha1, sha256_hex, with_lf
from evidence.errors import MalformedError, MilestoneError
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord
from evidence.records.milestone import DataSpec, HubDataSpec, Milestone

Row = dict[str, Any]

PROMPT: Final = "prompt"
META: Final = "meta"
"""Field that says where a row comes from; two rows that differ only in it are duplicates."""
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


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set in memory: its bytes (as on disk, or canonical for the hub) and its rows."""

    name: str
    raw: bytes
    rows: tuple[Row, ...]


def load_data(root: Path, name: str, spec: DataSpec) -> DataSet:
    """Read and check a data set. Raises MilestoneError that names every bad row (up to 20)."""
    if spec.hub is not None:
        raw, label = _from_hub(spec.hub), f"hub:{spec.hub.id}"
    else:
        label = str(spec.path)
        raw = (root / label).read_bytes()
    if raw.startswith(LFS_POINTER):
        raise MilestoneError(
            f"{label}: is a Git LFS pointer, not the data that it stands for",
            hint="`git lfs pull` brings the data. Nothing was run.",
        )
    rows: list[Row] = []
    problems: list[str] = []
    for line, value in _parsed(raw, label, problems):
        problems.extend(f"{label}:{line}: {text}" for text in _row_problems(value, spec))
        rows.append(value if isinstance(value, dict) else {})
    if not rows and not problems:
        problems.append(f"{label}: has no rows")
    if problems:
        more = len(problems) - MAX_SHOWN
        shown = problems[:MAX_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        raise MilestoneError(
            "\n".join(shown),
            hint=f"Mend these rows, or the field types in [data.{name}.fields]. Nothing was run.",
        )
    return DataSet(name=name, raw=raw, rows=tuple(rows))


def describe_data(root: Path, name: str, milestone: Milestone) -> DataRecord:
    """Facts about one data set of a milestone; rows are counted from 0."""
    spec = milestone.data[name]
    data = load_data(root, name, spec)
    duplicates = _duplicates(data.rows)
    return DataRecord(
        name=name,
        path=spec.path,
        hub=None if spec.hub is None else spec.hub.id,
        revision=None if spec.hub is None else spec.hub.revision,
        sha256=sha256_hex(data.raw),
        sha256_lf=sha256_hex(with_lf(data.raw)),
        git_blob=git_blob_sha1(data.raw),
        size_bytes=len(data.raw),
        line_ends=_line_ends(data.raw),
        num_rows=len(data.rows),
        field_names=field_names(data.rows),
        num_duplicate_rows=len(duplicates),
        duplicate_rows=tuple(duplicates),
        num_conflicting_prompts=_conflicts(data.rows, spec.answer),
        overlap_rows=_overlap(root, name, data.rows, milestone),
    )


def field_names(rows: Sequence[Row]) -> tuple[str, ...]:
    """Every field that some row has, in order of first appearance."""
    return tuple(dict.fromkeys(key for row in rows for key in row))


def _parsed(raw: bytes, label: str, problems: list[str]) -> Iterator[tuple[int, Any]]:
    text = raw if raw.endswith(b"\n") or not raw else raw + b"\n"
    try:
        for line, data in jsonio.iter_lines(text):
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


def _line_ends(raw: bytes) -> Literal["lf", "crlf", "mixed", "none"]:
    crlf, total = raw.count(b"\r\n"), raw.count(b"\n")
    if total == 0:
        return "none"
    return "lf" if crlf == 0 else "crlf" if crlf == total else "mixed"


def _duplicates(rows: Sequence[Row]) -> list[int]:
    seen: set[str] = set()
    found = []
    for index, row in enumerate(rows):
        content = {key: value for key, value in row.items() if key != META}
        key = json.dumps(content, sort_keys=True)
        if key in seen:
            found.append(index)
        seen.add(key)
    return found


def _conflicts(rows: Sequence[Row], answer: Sequence[str]) -> int | Unavailable:
    if not answer:
        return Unavailable("no answer fields are declared")
    if not all(isinstance(row.get(PROMPT), str) for row in rows):
        return Unavailable(f"no field named {PROMPT!r} in every row")
    answers: dict[str, set[str]] = {}
    for row in rows:
        given = json.dumps([row.get(name) for name in answer], sort_keys=True)
        answers.setdefault(row[PROMPT], set()).add(given)
    return sum(len(given) > 1 for given in answers.values())


def _overlap(
    root: Path, name: str, rows: Sequence[Row], milestone: Milestone
) -> tuple[int, ...] | Unavailable:
    other = milestone.eval.data
    if name == other:
        return Unavailable("this is the evaluation set itself")
    if not all(isinstance(row.get(PROMPT), str) for row in rows):
        return Unavailable(f"no field named {PROMPT!r} in every row")
    evaluated = load_data(root, other, milestone.data[other]).rows
    if not all(isinstance(row.get(PROMPT), str) for row in evaluated):
        return Unavailable(f"no field named {PROMPT!r} in every evaluation row")
    asked = {_folded(row[PROMPT]) for row in evaluated}
    return tuple(index for index, row in enumerate(rows) if _folded(row[PROMPT]) in asked)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
