"""Records in which nothing is known: each field unavailable, none or empty, whichever it allows.

Responsible for the values only. They stand for evidence that was lost, and for evidence that is
not there yet.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from evidence.records.availability import Unavailable
from evidence.records.record import Record

R = TypeVar("R", bound=Record)

_EMPTY: Final[dict[Any, Any]] = {str: "", int: 0, float: 0.0, bool: False, bytes: b""}


def hollow(kind: type[R], reason: str, **given: Any) -> R:
    """A record of which nothing is known, for this reason, but what is given."""
    hints = get_type_hints(kind)
    fields = kind.__struct_fields__
    return kind(**{name: given.get(name, _empty(hints[name], reason)) for name in fields})


def _empty(hint: Any, reason: str) -> Any:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if Unavailable in parts:
            return Unavailable(reason)
        return None if NoneType in parts else _empty(parts[0], reason)
    if origin is Literal:
        return parts[0]
    if isinstance(hint, type) and issubclass(hint, Record):
        return hollow(hint, reason)
    if hint in _EMPTY:
        return _EMPTY[hint]
    return () if origin is tuple else {}
