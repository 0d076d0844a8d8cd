"""Records to JSON values and back, driven by the records' own type hints.

Responsible for one mapping: dataclass ↔ object, tuple ↔ array, `Unavailable` ↔
`{"unavailable": reason}`. Schemas say what is valid (`evidence.schema`); this module runs after
them and only builds the typed record.
"""

from __future__ import annotations

import dataclasses
import types
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from evidence.errors import MalformedError
from evidence.records.availability import Unavailable

T = TypeVar("T")
_MARK = "unavailable"


def encode(value: object) -> Any:
    """JSON value of a record. Fields keep their names; None stays null."""
    if isinstance(value, Unavailable):
        return {_MARK: value.reason}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    return value


def decode(kind: type[T], value: object) -> T:
    """Build a `kind` from a JSON value. Raises MalformedError naming the place that does not fit.

    Fields that are absent take the record's default; unknown keys are refused.
    """
    return cast(T, _decode(kind, value, "/"))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(get_args(kind), value, where)
    if origin is Literal:
        if value in get_args(kind):
            return value
    elif origin is tuple and isinstance(value, list):
        item = get_args(kind)[0]
        return tuple(_decode(item, part, f"{where}{i}/") for i, part in enumerate(value))
    elif origin is dict and isinstance(value, dict):
        item = get_args(kind)[1]
        return {key: _decode(item, part, f"{where}{key}/") for key, part in value.items()}
    elif kind is Unavailable and _is_unavailable(value):
        return Unavailable(str(value[_MARK]))
    elif dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return _decode_record(cast(type, kind), value, where)
    elif kind is Any or _is_scalar(kind, value):
        return value
    raise MalformedError(f"at {where}: {type(value).__name__} does not fit {_name(kind)}")


def _decode_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    if _is_unavailable(value) and Unavailable in kinds:
        return Unavailable(str(value[_MARK]))
    failure: MalformedError | None = None
    for kind in kinds:
        if kind in (type(None), Unavailable):
            continue
        try:
            return _decode(kind, value, where)
        except MalformedError as error:
            failure = error
    raise failure or MalformedError(f"at {where}: {type(value).__name__} does not fit")


def _decode_record(kind: type, value: dict[str, Any], where: str) -> Any:
    hints = _hints(kind)
    unknown = value.keys() - hints.keys()
    if unknown:
        raise MalformedError(f"at {where}: unknown key {sorted(unknown)[0]!r}")
    fields = {key: _decode(hints[key], part, f"{where}{key}/") for key, part in value.items()}
    try:
        return kind(**fields)
    except TypeError as error:
        raise MalformedError(f"at {where}: {error}") from error


def _is_unavailable(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_MARK} and isinstance(value[_MARK], str)


def _is_scalar(kind: Any, value: Any) -> bool:
    if kind is type(None):
        return value is None
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return kind in (str, bool) and isinstance(value, kind)


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))
