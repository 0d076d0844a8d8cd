"""Numbers as people and programs write them, with the digits that they show."""

from __future__ import annotations

import math
import re
from typing import Final

from evidence.foreign.facts import Value

MAX_CHARS: Final = 60
NUMBER: Final = r"[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,4})?"
"""Digits with thousands separators or an exponent, or without."""
_PLAIN: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,4})?\Z")
_WHOLE: Final = re.compile(r"[-+]?\d+\Z")
_SEPARATED: Final = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?\Z")
_WRAPPED: Final = re.compile(
    rf"(?:np\.|numpy\.|jnp\.|torch\.)?[A-Za-z]{{3,12}}\d{{0,3}}\((?P<inner>{NUMBER})\)\Z"
)
"""`np.float64(0.5)`, as newer numpy shows its scalars in a dictionary."""
_MEASURED: Final = re.compile(
    rf"(?P<value>{NUMBER})\s?(?:%|[KMGT]i?B|ms|s|W|C|MHz|tok/s|it/s|GF)\Z"
)
_CLOCK: Final = re.compile(
    r"(?:(?P<days>\d{1,4}) days?,? )?(?P<hours>\d{1,4}):(?P<minutes>[0-5]\d)"
    r":(?P<seconds>[0-5]\d(?:\.\d{1,9})?)\Z"
)
_UNITS: Final = re.compile(
    r"(?:(?P<days>\d{1,4})\s?d(?:ays?)?,?\s?)?(?:(?P<hours>\d{1,4})\s?h(?:ours?|rs?)?,?\s?)?"
    r"(?:(?P<minutes>\d{1,4})\s?m(?:in(?:ute)?s?)?,?\s?)?"
    r"(?:(?P<seconds>\d{1,5}(?:\.\d{1,9})?)\s?s(?:ec(?:ond)?s?)?)?\Z"
)
_TIMES: Final = re.compile(r"time|duration|elapsed|took|wall|eta\b", re.IGNORECASE)
_MOMENTS: Final = re.compile(r"start|begin|finish|stamp|\bat\b|\bnow\b|\bend\b", re.IGNORECASE)
_WORDS: Final = {"nan", "inf", "-inf", "+inf", "infinity", "-infinity"}
_NAMES: Final = {"true": True, "false": False, "none": None, "null": None}


def read(text: str) -> Value:
    """A number where it is one; True, False, None by their names; else the text itself.

    NaN and infinities stay words: they are no numbers to compare.
    """
    shown = text.strip()
    if len(shown) > MAX_CHARS:
        return text
    try:  # most are; what Python takes besides is sorted out by the patterns
        if _WHOLE.match(shown):
            return int(shown)
        if _PLAIN.match(shown):
            value = float(shown)
            return value if math.isfinite(value) else text
    except ValueError:
        return text
    lower = shown.lower()
    if lower in _WORDS:
        return text
    if _SEPARATED.match(shown):
        return text if is_list(shown) else read(shown.replace(",", ""))
    wrapped = _WRAPPED.match(shown)
    if wrapped is not None:
        return read(wrapped["inner"])
    return _NAMES.get(lower, text)


def is_list(text: str) -> bool:
    """Whether `64,128,256` lists sizes, and is no number with separators."""
    parts = text.split(",")
    sizes = [int(part) for part in parts if part.isdigit()]
    return (
        len(sizes) == len(parts) > 2
        and all(size % 16 == 0 for size in sizes)
        and sizes == sorted(set(sizes))
    )


def with_unit(text: str) -> Value:
    """A number, also where a unit stands behind it: `123 MiB`, `45 %`."""
    value = read(text)
    found = _MEASURED.match(text.strip()[:MAX_CHARS]) if isinstance(value, str) else None
    return value if found is None else read(found["value"])


def lasting(name: str, text: str) -> Value:
    """The seconds of a duration, under a name that says it is one; else the text."""
    if ":" not in text or len(text) > MAX_CHARS or _MOMENTS.search(name) or not _TIMES.search(name):
        return text
    value = seconds(text)
    return text if value is None else value


def seconds(text: str) -> float | None:
    """Of a duration written `0:01:13.22`, `1 day, 2:03:04` or `1m 13s`; None where it is none."""
    shown = text.strip().lower()
    if not shown or len(shown) > MAX_CHARS:
        return None
    found = _CLOCK.match(shown) or _UNITS.match(shown)
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes = (int(found[name] or 0) for name in ("days", "hours", "minutes"))
    return days * 86_400 + hours * 3_600 + minutes * 60 + float(found["seconds"] or 0)
