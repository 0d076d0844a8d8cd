"""Records to JSON values and back, driven by the records' own type hints.

Responsible for one mapping: record ↔ object, tuple ↔ array, `Unavailable` ↔
`{"unavailable": reason}`. Schemas say what is valid (`encoding.schema`); this module runs after
them and only builds the typed record.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from msgspec import Struct

from evidence.errors import MalformedError
from evidence.records.availability import Unavailable

T = TypeVar("T")
Reader = Callable[[Any], Any]
"""Makes what a type hint asks for of a JSON value. Raises _MisfitError."""

FieldReader = tuple[frozenset[type], Reader]
"""Types that a field takes as they are, and the reader for everything else."""

_NONE_ACCEPTED: Final[frozenset[type]] = frozenset()
_MARK: Final = "unavailable"
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


class _MisfitError(Exception):
    """A value that does not fit. Each level of the value on the way out adds its own name."""

    def __init__(self, message: str) -> None:
        self.message = message
        self.names: list[object] = []


def encode(value: object) -> Any:
    """JSON value of a record. Fields keep their names; None stays null."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Unavailable):
        return {_MARK: value.reason}
    if isinstance(value, Struct):
        found = {}
        for name in value.__struct_fields__:
            part = getattr(value, name)
            found[name] = part if type(part) in _PLAIN else encode(part)
        return found
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    return value


def decode(kind: type[T], value: object) -> T:
    """Build a `kind` from a JSON value. Raises MalformedError naming the place that does not fit.

    Fields that are absent take the record's default; unknown keys are refused.
    """
    try:
        return cast(T, _reader(cast(Any, kind))(value))
    except _MisfitError as error:
        where = "".join(f"{name}/" for name in reversed(error.names))
        raise MalformedError(f"at /{where}: {error.message}") from error


@cache
def _reader(kind: Any) -> Reader:
    """Type hints are looked at once: what is left for each value is a chain of plain calls."""
    origin = get_origin(kind)
    if kind is Any:
        return _same
    if origin in (Union, types.UnionType):
        return _union(kind)
    if origin is Literal:
        return partial(_one_of, get_args(kind), kind)
    if origin is tuple:
        return partial(_array, _reader(get_args(kind)[0]), kind)
    if origin is dict:
        return partial(_table, _reader(get_args(kind)[1]), kind)
    if kind is Unavailable:
        return partial(_unavailable, kind)
    if isinstance(kind, type) and issubclass(kind, Struct):
        # By name and when needed: a record may hold records of its own kind.
        return partial(_record, kind)
    return partial(_scalar, _SCALARS.get(kind, ()), kind)


_SCALARS: Final[Mapping[object, tuple[type, ...]]] = {
    type(None): (type(None),),
    float: (float, int),
    int: (int,),
    str: (str,),
    bool: (bool,),
}


def _same(value: Any) -> Any:
    return value


def _scalar(accepted: tuple[type, ...], kind: object, value: Any) -> Any:
    # By exact type first: in Python, but not in JSON, True is a number.
    if type(value) in accepted:
        return value
    if isinstance(value, accepted) and not isinstance(value, bool):
        return value
    raise _misfit(kind, value)


def _one_of(accepted: tuple[object, ...], kind: object, value: Any) -> Any:
    if value in accepted:
        return value
    raise _misfit(kind, value)


def _unavailable(kind: object, value: Any) -> Unavailable:
    if _is_unavailable(value):
        return Unavailable(str(value[_MARK]))
    raise _misfit(kind, value)


def _array(item: Reader, kind: object, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _misfit(kind, value)
    found: list[Any] = []
    try:
        for part in value:
            found.append(item(part))
    except _MisfitError as error:
        error.names.append(len(found))
        raise
    return tuple(found)


def _table(item: Reader, kind: object, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _misfit(kind, value)
    return _read_each(value, dict.fromkeys(value, (_NONE_ACCEPTED, item)))


def _record(kind: type, value: Any) -> Any:
    if not isinstance(value, dict):
        raise _misfit(kind, value)
    readers = _readers(kind)
    if not value.keys() <= readers.keys():
        raise _MisfitError(f"unknown key {min(value.keys() - readers.keys())!r}")
    fields = _read_each(value, readers)
    try:
        return kind(**fields)
    except TypeError as error:
        raise _MisfitError(str(error)) from error


@cache
def _readers(kind: type) -> dict[str, FieldReader]:
    hints = inspect.get_annotations(kind)
    if any(isinstance(hint, str) for hint in hints.values()):
        hints = get_type_hints(kind)  # postponed ones are evaluated here, which takes its time
    return {name: (_taken_as_is(hint), _reader(hint)) for name, hint in hints.items()}


def _taken_as_is(hint: Any) -> frozenset[type]:
    """Types (exact: True is no number) whose values its reader would give back as they are."""
    if hint is Any:
        return _NONE_ACCEPTED
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return frozenset(one for kind in kinds for one in _SCALARS.get(kind, ()))


def _read_each(value: dict[str, Any], readers: Mapping[str, FieldReader]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    key = ""
    try:
        for key, part in value.items():
            accepted, reader = readers[key]
            found[key] = part if type(part) in accepted else reader(part)
    except _MisfitError as error:
        error.names.append(key)
        raise
    return found


def _union(kind: Any) -> Reader:
    kinds = get_args(kind)
    others = tuple(
        _reader(one) for one in kinds if one is not type(None) and one is not Unavailable
    )
    nullable, may_be_unavailable = type(None) in kinds, Unavailable in kinds

    def read(value: Any) -> Any:
        if value is None and nullable:
            return None
        if may_be_unavailable and _is_unavailable(value):
            return Unavailable(str(value[_MARK]))
        failure = _MisfitError(f"{type(value).__name__} does not fit")
        for other in others:
            try:
                return other(value)
            except _MisfitError as error:
                failure = error
        raise failure

    return read


def _is_unavailable(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_MARK} and isinstance(value[_MARK], str)


def _misfit(kind: object, value: object) -> _MisfitError:
    name = getattr(kind, "__name__", str(kind))
    return _MisfitError(f"{type(value).__name__} does not fit {name}")
