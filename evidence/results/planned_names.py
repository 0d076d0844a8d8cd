"""The names that results.json of a milestone will have, known before anything is run.

Responsible for asking the very functions that compute values, over evidence in which nothing is
known yet. Names that come from data (fields, groups) are the caller's.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord, HardwareRecord
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.results.compute import compute_results

R = TypeVar("R", bound=Record)

SEEN_OF_A_FIELD: Final = ("num_rows_in_sequence", "num_rows_in_target", "num_rows_cut")
"""What `seen.<field>.` goes on with."""
_TEXT: Final = "attempt = []\n"
"""Of a milestone whose settings have no address."""
_EMPTY: Final[dict[Any, Any]] = {str: "", int: 0, float: 0.0, bool: False, bytes: b""}


def value_names(milestone: Milestone) -> tuple[str, ...]:
    """Every name that does not depend on data; what is said of GPUs, for the first of them."""
    hardware = _hollow(HardwareRecord, gpus=(_hollow(GpuRecord),))
    found = _hollow(Documents, milestone=milestone, milestone_text=_TEXT, hardware=hardware)
    return tuple(compute_results(found).values)


def _hollow(kind: type[R], **given: Any) -> R:
    """A record in which nothing is known: unavailable, none or empty, whichever it allows."""
    hints = get_type_hints(kind)
    fields = kind.__struct_fields__
    return kind(**{name: given.get(name, _empty(hints[name])) for name in fields})


def _empty(hint: Any) -> Any:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _of_union(parts)
    if origin is Literal:
        return parts[0]
    if isinstance(hint, type) and issubclass(hint, Record):
        return _hollow(hint)
    if hint in _EMPTY:
        return _EMPTY[hint]
    return () if origin is tuple else {}


def _of_union(parts: tuple[Any, ...]) -> Any:
    if Unavailable in parts:
        return Unavailable("nothing was run yet")
    return None if NoneType in parts else _empty(parts[0])
