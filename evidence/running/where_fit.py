"""Rows that `where` asks for and that no data set has, found before anything is run.

Responsible for which `where` it is, of a data set or of a stage, and for what the rows have
instead. Taking the rows is `data.read`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from evidence.data.facts import Row, field_names
from evidence.data.read import is_taken, load_data
from evidence.encoding.schema import nearest
from evidence.errors import MilestoneError
from evidence.milestone.wanted import as_typed
from evidence.records.milestone import DataSpec, Milestone
from evidence.running.place import Where
from evidence.stages.eval import EVAL

_MAX_NAMED: Final = 8
_MAX_VALUES: Final = 1000
"""Different values of a field that are looked at."""


def refuse_empty_where(root: Path, milestone: Milestone, where: Where) -> None:
    """Raise MilestoneError for a `where` that leaves no row, at its key.

    What else is wrong with the data is left to whoever reads them: such sets are passed over.
    """
    for name, spec in milestone.data.items():
        rows = _rows(root, name, replace(spec, where={})) if spec.where else ()
        if rows and not _left(rows, spec.where):
            raise where.error(f"/data/{name}/where", _said(rows, spec.where, f"[data.{name}]"))
    for index, stage in enumerate(milestone.stage):
        table = milestone.eval if stage.kind == EVAL.name else milestone.train
        for name in (stage.data or (table.data,)) if stage.where else ():
            rows = _rows(root, name, milestone.data[name])
            if rows and not _left(rows, stage.where):
                text = _said(rows, stage.where, f"[data.{name}]")
                raise where.error(f"/stage/{index}/where", f"of stage {stage.name!r}: {text}")


def _rows(root: Path, name: str, spec: DataSpec) -> Sequence[Row]:
    try:
        return load_data(root, name, spec).rows
    except (MilestoneError, OSError):
        return ()


def _left(rows: Sequence[Row], where: Mapping[str, Any]) -> Sequence[Row]:
    return [row for row in rows if is_taken(row, where)]


def _said(rows: Sequence[Row], where: Mapping[str, Any], label: str) -> str:
    """What is asked for, and the first key at which nothing is left."""
    left = rows
    for key, value in where.items():
        before, left = left, _left(left, {key: value})
        if not left:
            asked = f"no row of {label} has {key} = {as_typed(value)}"
            if before is not rows:
                asked += " and what stands before it in `where`"
            return f"{asked}; {_instead(before, key, value)}"
    raise ValueError("some row is left")


def _instead(rows: Sequence[Row], key: str, value: Any) -> str:
    names = field_names(rows)
    if key not in names:
        listed = _listed(names)
        return f"no row has a field {key!r}{nearest(key, list(names))}; there are: {listed}"
    there = list(_values(rows, key))
    alike = _same_text(there, value if isinstance(value, list) else [value])
    if alike:
        return f"the rows have {_kind(alike[0])} there: write {key} = {as_typed(alike[0])}"
    return f"the rows have: {_listed([as_typed(one) for one in there])}"


def _values(rows: Iterable[Row], key: str) -> Iterator[Any]:
    seen: set[str] = set()
    for row in rows:
        if key in row and len(seen) < _MAX_VALUES and as_typed(row[key]) not in seen:
            seen.add(as_typed(row[key]))
            yield row[key]


def _same_text(there: Sequence[Any], wanted: Sequence[Any]) -> list[Any]:
    """Values that only their type tells from what is asked for: 1 and "1", true and "true"."""
    texts = {str(one).lower() for one in wanted}
    return [one for one in there if str(one).lower() in texts]


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "a number" if isinstance(value, (int, float)) else "a text"


def _listed(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more
