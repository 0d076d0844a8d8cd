"""Numbers in a text: where each stands, and what it is worth. Pure, in linear time.

Responsible for what belongs to a number: its sign, decimal point, thousands separators, exponent,
fraction bar, percent sign. What joins numbers to something that has no single value (a clock time,
a date, a version, a sum that nobody worked out) is one number too, known by its spelling alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from evidence.records.record import Record

Worth = Fraction | str
"""A value; or a spelling without blanks, of what has no single value (12:30, 2024-05-01, 1,5)."""

MAX_CHARS: Final = 64
"""A longer number is none: nobody meant it."""
_MAX_EXPONENT: Final = 999

_LETTER: Final = r"A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u052f"
"""Letters of scripts that put blanks between words; others may touch a number."""
_RAISED: Final = r"\u00b2\u00b3\u00b9\u2070-\u2079"
_PARTS: Final = r"\u00bc-\u00be\u2150-\u215e"
_BLANK: Final = r"[ \t\u00a0\u2009\u202f]"
_SIGNS: Final = "-+±"
_CURRENCIES: Final = "$€£¥₹₽₩₿¢"
_ALIKE: Final = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},  # full-width forms of ASCII
    **dict.fromkeys((0x2212, 0x2013, 0x2010, 0x2011, 0xFE63), ord("-")),
    0x2044: ord("/"),
    0x2215: ord("/"),
    0x2236: ord(":"),
    0x2019: ord("'"),
}
"""One character for another, so that places stay what they are."""

_RUN: Final = (
    r"\\[dt]?frac\{\d++\}\{\d++\}"
    rf"|(?:\d++\ ?)?[{_PARTS}]"
    rf"|\d++\ \d++/\d++(?![\d/])"
    rf"|(?<!\d[ \u00a0\u2009\u202f])\d{{1,3}}(?:[ \u00a0\u2009\u202f]\d{{3}}(?!\d))++(?:\.\d++)?+"
    rf"|(?:(?<![.\w])\.)?\d(?:[\d{_LETTER}{_RAISED}{_PARTS}]|[._,:/'^*×÷·+\-](?=[.+\-]?\d))*+"
)
_SCALES: Final = {
    "%": Fraction(1, 100),
    r"\%": Fraction(1, 100),
    "percent": Fraction(1, 100),
    "per cent": Fraction(1, 100),
    "‰": Fraction(1, 1000),
    "hundred": Fraction(100),
    "thousand": Fraction(10**3),
    "million": Fraction(10**6),
    "billion": Fraction(10**9),
    "trillion": Fraction(10**12),
}
_SCALE: Final = (
    rf"{_BLANK}*+(?:\\?%|‰|(?i:percent|per\ cent|hundred|thousand|million|billion|trillion)\b)"
)
_ONE: Final = rf"(?:{_RUN})(?:{_SCALE})?+"
_JOIN: Final = r"(?:\*\*|[-+*/÷×^:·±]|[xX](?=[ \d]))"
_SPELLED: Final = re.compile(
    rf"[{_LETTER}][\d{_LETTER}_]*+(?:(?:-|(?<=\d)[.](?=\d))[\d{_LETTER}]++)*+"
    rf"|(?P<number>{_ONE}"
    rf"(?:{_BLANK}*+{_JOIN}{_BLANK}*+[-+]?[{_CURRENCIES}]?(?:{_ONE}))*+)"
)
_SINGLE: Final = re.compile(rf"(?P<run>{_RUN})(?P<scale>{_SCALE})?+")
_PLAIN: Final = re.compile(
    r"(?P<whole>\d{1,3}(?P<mark>[,'_ \u00a0\u2009\u202f])\d{3}(?:(?P=mark)\d{3})*+|\d++)?+"
    r"(?P<part>\.\d++)?+(?:[eE](?P<exponent>[-+]?\d++))?+"
    rf"(?P<unit>[{_LETTER}][{_LETTER}{_RAISED}]*+)?"
)
_PART: Final = re.compile(f"[{_PARTS}]")
_RATIO: Final = re.compile(r"(?:(\d++)\ (?=\d))?+(\d++)\ ?/\ ?(\d++)")
_LATEX: Final = re.compile(r"\\[dt]?frac\{(\d++)\}\{(\d++)\}")
_MAGNITUDES: Final = frozenset({"k", "K", "M", "G", "B", "T", "mn", "bn", "tn"})
"""Written onto a number they change what it is worth, and differ from field to field."""


class Number(Record):
    """Characters start..end (exclusive) of a text, and what they are worth."""

    start: int
    end: int
    worth: Worth | None
    """None: too long to be meant."""


def alike(text: str) -> str:
    """A text of as many characters, with plain digits, signs and bars for their look-alikes."""
    return text.translate(_ALIKE)


def tight(said: str) -> str:
    """Without the blanks that hold no two digits apart: `50 %` is `50%`; `1 1/2` is not `11/2`."""
    return re.sub(r"(?<=\S)\s+(?=\D)|(?<=\D)\s+", "", said)


def numbers(text: str) -> Iterator[Number]:
    """Each number of a text, in order."""
    plain = alike(text)
    for match in _SPELLED.finditer(plain):
        if match["number"] is not None:
            start = _start(plain, match.start())
            yield Number(start, match.end(), _worth(plain, start, match.start(), match.end()))


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each number of a text begins and ends; what it is worth takes far longer to say."""
    plain = alike(text)
    for match in _SPELLED.finditer(plain):
        if match["number"] is not None:
            yield _start(plain, match.start()), match.end()


def first_number(text: str) -> Worth | None:
    """What the first number of a text is worth, None where there is none.

    Of an equation, the number after its last `=`: `10 - 4 = 6` says 6.
    """
    if len(text) <= MAX_CHARS and text.isascii() and text.isdecimal():
        return Fraction(int(text))  # most targets are no more than that
    plain, found = alike(text), None
    for match in _SPELLED.finditer(plain):
        if match["number"] is not None:
            start = _start(plain, match.start())
            if found is not None and text[found[2] : start].strip() != "=":
                break
            found = start, match.start(), match.end()
    return None if found is None else _worth(plain, *found)


def _start(text: str, digits: int) -> int:
    """Where a number begins whose digits begin there: its sign may stand before a currency.

    A sign with blanks after it counts where nothing stands before it; `total - 5` says 5.
    """
    place = digits
    while place and text[place - 1] in _CURRENCIES:
        place -= 1
    if place and text[place - 1] in _SIGNS:
        before = text[place - 2] if place > 1 else ""
        return digits if before.isalnum() or before in (")", "]") else place - 1
    sign = _before_blanks(text, place)
    if sign < place - 1 and sign >= 0 and text[sign] in _SIGNS:
        before = text[max(_before_blanks(text, sign), 0)] if sign else "\n"
        return sign if before in "\n=(" else digits
    return digits


def _before_blanks(text: str, place: int) -> int:
    """The place of the character before the blanks that end at `place`; -1 where none is."""
    place -= 1
    while place >= 0 and text[place] in " \t":
        place -= 1
    return place


def _worth(text: str, start: int, digits: int, end: int) -> Worth | None:
    if end - start > MAX_CHARS:
        return None
    sign = "-" if text[start] == "-" else ""
    said = text[digits:end]
    if text[start] == "±":
        return "±" + tight(said).lstrip("0").casefold()  # two values are none
    single = _SINGLE.fullmatch(said)
    if single is not None:
        value = _value(single["run"])
        if value is not None:
            if single["scale"]:
                value *= _SCALES[single["scale"].strip().casefold()]
            return -value if sign else value
    elif (value := _ratio(said)) is not None:
        return -value if sign else value
    return sign + tight(said).lstrip("0").casefold()


def _value(run: str) -> Fraction | None:
    """Of a run that has one value; None of a date, a clock time, a list, a name."""
    if run.isdecimal():
        return Fraction(int(run))
    if _PART.fullmatch(run[-1]):
        rest = run[:-1].strip() or "0"
        part = Fraction(unicodedata.numeric(run[-1])).limit_denominator(10)
        return int(rest) + part if rest.isdecimal() else None
    if (ratio := _ratio(run)) is not None:
        return ratio
    match = _PLAIN.fullmatch(run)
    if match is None or not (match["whole"] or match["part"]):
        return None
    exponent = int(match["exponent"] or "0")
    if match["unit"] in _MAGNITUDES or abs(exponent) > _MAX_EXPONENT:
        return None
    whole = re.sub(r"\D", "", match["whole"] or "0")
    value = Fraction(whole + (match["part"] or ""))
    return value * Fraction(10) ** exponent if exponent else value


def _ratio(said: str) -> Fraction | None:
    match = _RATIO.fullmatch(said)
    latex = _LATEX.fullmatch(said)
    if latex is not None:
        whole, above, below = "0", latex[1], latex[2]
    elif match is not None:
        whole, above, below = match[1] or "0", match[2], match[3]
    else:
        return None
    return int(whole) + Fraction(int(above), int(below)) if int(below) else None
