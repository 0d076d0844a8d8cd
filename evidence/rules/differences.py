"""Nested values made flat, and the keys in which several of them differ. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from evidence.records.availability import Unavailable
from evidence.records.comparison import DifferenceRecord, Scalar

NOT_AVAILABLE: Final = "not available"


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    """Dotted keys to scalars; lists as their JSON text."""
    found: dict[str, Scalar] = {}
    for key, part in value.items():
        name = f"{prefix}{key}"
        if isinstance(part, Mapping):
            found |= flat(part, f"{name}.")
        else:
            found[name] = scalar(part)
    return found


def scalar(value: object) -> Scalar:
    """A value as one cell. The reasons of what is not available are not compared."""
    if isinstance(value, Unavailable):
        return NOT_AVAILABLE
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True)


def differences(facts: Sequence[Mapping[str, Scalar]]) -> tuple[DifferenceRecord, ...]:
    """Keys whose values are not all equal, in the order in which they appear."""
    keys = dict.fromkeys(key for one in facts for key in one)
    rows = (DifferenceRecord(key, tuple(one.get(key) for one in facts)) for key in keys)
    return tuple(row for row in rows if len({(_sort(v), v) for v in row.values}) > 1)


def measured_in_all(
    facts: Sequence[Mapping[str, Scalar]], sections: Sequence[str]
) -> list[dict[str, Scalar]]:
    """The facts without those sections (`framework.`, at whatever depth) that one of them lacks
    whole: what was not measured is no difference."""
    known = [{_section(key, sections) for key in one} for one in facts]
    common = set.intersection(*known)
    return [
        {key: value for key, value in one.items() if _section(key, sections) in {"", *common}}
        for one in facts
    ]


def _section(key: str, sections: Sequence[str]) -> str:
    """The beginning of a key up to the end of one of these; empty where it is of none."""
    ends = [at + len(one) for one in sections if (at := f".{key}".find(f".{one}")) >= 0]
    return key[: min(ends)] if ends else ""


def _sort(value: Scalar) -> str:
    """What a value is compared with: 1 and 1.0 are one number, and true is none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "number" if is_number else type(value).__name__


def _plain(value: object) -> object:
    """The same with whole floats as whole numbers, for one spelling of equal lists."""
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
