"""Records to JSON values and back, driven by the records' own type hints.

Responsible for one mapping: record ↔ object, tuple ↔ array, `Unavailable` ↔
`{"unavailable": reason}`. Schemas say what is valid (`encoding.schema`); this module runs after
them and only builds the typed record.

msgspec builds nearly all of them. Where it will not, or refuses a value, our own reader decides:
it takes a record *or* `Unavailable` (to msgspec, two objects that nothing tells apart), and says
by which names the part that does not fit is reached, keys of tables included.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, lru_cache, partial
from threading import RLock
from typing import Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, Struct, ValidationError, convert, msgpack, to_builtins
from msgspec.structs import fields

from evidence.errors import MalformedError
from evidence.records.availability import Unavailable

T = TypeVar("T")
Reader = Callable[[Any], Any]
"""Makes what a type hint asks for of a JSON value. Raises _MisfitError."""

_MARK: Final = "unavailable"
_SHORT_CHARS: Final = 200
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


class _MisfitError(Exception):
    """A value that does not fit. Each level of the value on the way out adds its own name."""

    def __init__(self, message: str) -> None:
        self.message = message
        self.names: list[object] = []


def encode(value: object) -> Any:
    """JSON value of a record. None stays null."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Unavailable):
        return {_MARK: value.reason}
    if isinstance(value, Struct):
        found = {}
        silent = _silent(type(value))
        for name, key in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            part = getattr(value, name)
            if name in silent and part == silent[name]:
                continue
            found[key] = part if type(part) in _PLAIN else encode(part)
        return found
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    return value


@cache
def _silent(kind: type[Struct]) -> dict[str, object]:
    """Fields that are not written where they hold their default: of records that say so
    (`omit_defaults`), to which a field was added that most of them do not need."""
    if not kind.__struct_config__.omit_defaults:
        return {}
    return {
        one.name: one.default if one.default_factory is NODEFAULT else one.default_factory()
        for one in fields(kind)
        if not one.required
    }


_one_at_a_time: Final = RLock()
"""msgspec looks at a type, and at those in it, when it first meets it: two threads that meet it at
once read what is half made, and the process dies (0.22). Behind that any number may convert."""


def encode_rows(rows: Sequence[object]) -> list[Any]:
    """The same for each of many records of one kind."""
    if rows and _is_known_to_msgspec(cast(Any, type(rows[0]))):
        return list(to_builtins(rows))  # no `Unavailable` in it, which is written in its own way
    return [encode(row) for row in rows]


def decode(kind: type[T], value: object) -> T:
    """Build a `kind` from a JSON value. Raises MalformedError naming the place that does not fit.

    Fields that are absent take the record's default; unknown keys are refused.
    """
    if _is_known_to_msgspec(cast(Any, kind)):
        try:
            return convert(value, kind)
        except ValidationError:
            pass  # our own reader says where
    try:
        return cast(T, _reader(cast(Any, kind))(value))
    except _MisfitError as error:
        where = "".join(f"{name}/" for name in reversed(error.names))
        raise MalformedError(f"at /{where}: {error.message}") from error


@cache
def _is_known_to_msgspec(kind: object) -> bool:
    with _one_at_a_time:
        try:
            convert(None, cast(Any, kind))
        except ValidationError:
            return True
        except TypeError:
            return False
        return True


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
    return partial(_scalar, kind)


def _same(value: Any) -> Any:
    return value


def _scalar(kind: object, value: Any) -> Any:
    if type(value) is int and kind is float:
        with suppress(OverflowError):
            return float(value)
    # By exact type: in Python, but not in JSON, True is a number.
    if type(value) is not kind:
        raise _misfit(kind, value)
    return value


def _one_of(accepted: tuple[object, ...], kind: object, value: Any) -> Any:
    if value in accepted:
        return value
    raise _misfit(kind, value)


def _unavailable(kind: object, value: Any) -> Unavailable:
    if _is_unavailable(value):
        return _with_reason(value[_MARK])
    raise _misfit(kind, value)


def _array(item: Reader, kind: object, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _misfit(kind, value)
    return tuple(_named(number, item, part) for number, part in enumerate(value))


def _table(item: Reader, kind: object, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _misfit(kind, value)
    return {key: _named(key, item, part) for key, part in value.items()}


def _record(kind: type, value: Any) -> Any:
    if not isinstance(value, dict):
        raise _misfit(kind, value)
    readers = _readers(kind)
    if not value.keys() <= readers.keys():
        raise _MisfitError(f"unknown key {min(value.keys() - readers.keys())!r}")
    fields = {readers[key][0]: _named(key, readers[key][1], part) for key, part in value.items()}
    try:
        return kind(**fields)
    except TypeError as error:
        raise _MisfitError(str(error)) from error


@cache
def _readers(kind: type[Struct]) -> dict[str, tuple[str, Reader]]:
    """By its name in JSON, the name of each field in Python and what reads it."""
    hints = get_type_hints(kind)
    names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return {key: (name, _reader(hints[name])) for name, key in names}


def _named(name: object, reader: Reader, part: Any) -> Any:
    try:
        return reader(part)
    except _MisfitError as error:
        error.names.append(name)
        raise


def _union(kind: Any) -> Reader:
    kinds = get_args(kind)
    readers = tuple(_reader(one) for one in kinds if one not in (type(None), Unavailable))

    def read(value: Any) -> Any:
        if type(value) in kinds:  # a whole number stays one in `float | int`
            return value
        if Unavailable in kinds and _is_unavailable(value):
            return _with_reason(value[_MARK])
        failure = _misfit(kind, value)
        for reader in readers:
            try:
                return reader(value)
            except _MisfitError as error:
                failure = error
        raise failure

    return read


def _with_reason(reason: str) -> Unavailable:
    """The same record for the same short reason: thousands of samples have one."""
    return _same_reason(reason) if len(reason) <= _SHORT_CHARS else Unavailable(reason)


_same_reason = lru_cache(maxsize=64)(Unavailable)


def _is_unavailable(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_MARK} and isinstance(value[_MARK], str)


def _misfit(kind: object, value: object) -> _MisfitError:
    name = getattr(kind, "__name__", str(kind))
    return _MisfitError(f"{type(value).__name__} does not fit {name}")


def packer(kind: type[T]) -> tuple[Callable[[T], bytes], Callable[[bytes], T]]:
    """What writes values of a kind as short bytes (MessagePack), and what reads just these again.

    For bytes that this process keeps for itself: nothing strict is asked of them.
    """
    with _one_at_a_time:
        encoder, decoder = msgpack.Encoder(), msgpack.Decoder(kind)
    return encoder.encode, decoder.decode
