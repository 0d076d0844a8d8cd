"""The author's functions that scored answers, held against each other by digests of their files.

Responsible for telling that a function of one name is of two files. Its means can be different
quantities then: each has a row of its own. What a function calls in other files is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from evidence.pack.documents import Documents
from evidence.pack.stage_view import views
from evidence.records.comparison import MeasuredValue, MeasureRecord
from evidence.records.functions import FunctionRecord
from evidence.stages.eval import FUNCTIONS

SHORT_DIGEST: Final = 12
"""Characters of a digest that are shown."""


def digests(documents: Documents) -> dict[str, str]:
    """SHA-256 of the file of each function, by the function as a milestone names it."""
    return {f"{one.file}:{one.name}": one.sha256 for one in _functions(documents).values()}


def by_function(
    packs: Sequence[Documents], rows: Sequence[MeasureRecord]
) -> Iterator[MeasureRecord]:
    """The same rows; a mean over the scores of several functions as one of each."""
    known = [_by_value(one) for one in packs]
    for row in rows:
        found = [one.get(row.name) for one in known]
        distinct = {one.sha256: one for one in found if one is not None}
        if len(distinct) < 2:
            yield row
            continue
        for digest, function in distinct.items():
            values = tuple(map(_own, row.values, found, [digest] * len(found)))
            title = f"{row.title} by {function.file} of {digest[:SHORT_DIGEST]}"
            yield replace(row, title=title, values=values)


def apart(first: Documents, other: Documents) -> tuple[tuple[FunctionRecord, FunctionRecord], ...]:
    """Functions of one name whose files differ, in the order of the first."""
    known = _functions(other)
    both = [(one, known[name]) for name, one in _functions(first).items() if name in known]
    return tuple((one, two) for one, two in both if one.sha256 != two.sha256)


def _functions(documents: Documents) -> dict[str, FunctionRecord]:
    found = documents.document(FUNCTIONS)
    return {} if found is None else {one.name: one for one in found.functions}


def _by_value(documents: Documents) -> Mapping[str, FunctionRecord]:
    """By the name of the mean of its scores, in whichever stage."""
    found = {f"eval.{name}.mean": one for name, one in _functions(documents).items()}
    for stage, view in views(documents):
        for name, one in _functions(view).items():
            found[stage.value(f"eval.{name}.mean")] = one
    return found


def _own(value: MeasuredValue, function: FunctionRecord | None, digest: str) -> MeasuredValue:
    if function is None or function.sha256 == digest:
        return value
    return MeasuredValue(None, f"it is scored by {function.file} of another text")
