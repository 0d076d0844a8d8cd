"""Whether a format of a marker says what a number is, or something else.

Responsible for formats that carry a meaning: a count, an amount of bytes, a share. How many digits
are shown is the author's to choose. Pure.
"""

from __future__ import annotations

from typing import Final

from evidence.errors import UsageError
from evidence.text.escape import one_line
from evidence.text.formatting import shortest

_WHOLE: Final = ("count", "size", "memory")
_BYTES: Final = ("size", "memory")
_SHARES: Final = ("percent", "share", "whole_percent")
_MAX_SHOWN_CHARS: Final = 100


def refuse_misfit(value: float, form: str, name: str, unit: str | None) -> None:
    """Raise UsageError where `form` would make another statement of `value`.

    `unit` is that of a value of results.json, empty for one without; None where none is known.
    """
    wrong = _misfit(value, form, unit)
    if wrong:
        shown = one_line(name, _MAX_SHOWN_CHARS)
        hint = "Without a format it is written as it is; decimals=N rounds it."
        raise UsageError(f"format={form} {wrong}, and {shown} is {_said(value, unit)}", hint=hint)


def _misfit(value: float, form: str, unit: str | None) -> str:
    if form in _BYTES and unit not in ("bytes", "", None):
        return "is for bytes"
    if form in _WHOLE and value != int(value):
        return "is for whole numbers"
    if form in _SHARES and (unit or (isinstance(value, int) and abs(value) > 1)):
        return "is for shares of 1"
    return ""


def _said(value: float, unit: str | None) -> str:
    return f"{shortest(value)} {unit or ''}".rstrip()
