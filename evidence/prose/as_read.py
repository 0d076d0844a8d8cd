"""A text as whoever reads it sees its numbers: without the marks that break them apart.

Responsible for markup, escapes, entities, invisible characters and the digits of other scripts
around or inside numbers. Line ends stay where they are. What is no number is left as it is.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SEPARATORS: Final = {
    "٫": ".",
    "٬": ",",
    "．": ".",
    "，": ",",
    "％": "%",
    "٪": "%",
    "⁄": "/",
    "∕": "/",
}
_POINTS: Final = r"[\d.,]{1,60}"
_MARKED: Final = re.compile(rf"(\*{{1,3}}|`{{1,3}}|~~)({_POINTS})\1")
_UNDERSCORED: Final = re.compile(rf"(?<!\w)(__?)({_POINTS})\1(?!\w)")
"""1.**0**2; an underscore inside of a word marks nothing."""
_LINKED: Final = re.compile(rf"(?<!!)\[({_POINTS})\]\([^()\s]{{0,200}}\)")
_TAG_INSIDE: Final = re.compile(
    r"(?<=[\d.,])(?:<!--[^\n]{0,80}?-->|</?[A-Za-z][^<>\n]{0,80}>)+(?=[\d.,])"
)
_BACKSLASH: Final = re.compile(r"\\(?=[.,])|(?<=[.,])\\(?=\d)")
_GROUPED: Final = re.compile(r"(?<![\d.,])\d{1,3}(?:[\u00a0\u2009\u202f'’]\d{3}){1,9}(?!\d)")
_PER_CENT: Final = re.compile(r"\bper[ \t]cent\b", re.IGNORECASE)
_BARE_POINT: Final = re.compile(r"(?<![^\s(\[|=~≈<>])\.(?=\d)")
"""Of .95: no name of a file, and no end of a sentence, begins with a point and a digit."""
_PER_CENT_COMMA: Final = re.compile(
    r"(?<![\d.,])(\d{1,3}),(\d{1,2}|\d{4,30})(?=[ \t]?(?:[%‰]|percent\b))"
)
_COMMA: Final = re.compile(
    r"\b((?:loss|accuracy|score|match|rate|share|precision|recall|perplexity|error)"
    r"(?:[ \t]+(?:of|is|was|at|to|:|=))?[ \t]+0),(?=\d{1,30}(?!\d|,\d))",
    re.IGNORECASE,
)
"""An accuracy of 0,95, which no grouping gives; anywhere else it may be two numbers: rows 0,10."""
_OUT_OF: Final = re.compile(r"(?<![\d.,])(\d{1,9})[ \t]+out[ \t]+of[ \t]+(?:the[ \t]+)?(?=\d)")
_SMALL_DIGITS: Final = re.compile(r"(?:(?<![^\s(|~≈])|(?<=\b0\.))([^\W_]{2,30})(?=[ \t]*[%‰])")
_FRACTION: Final = re.compile(
    r"(?<![\w.,])([½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])(?=[ \t]+of[ \t]+(?:the[ \t]+|all[ \t]+)?"
    r"(?:answers|questions|outputs|predictions|examples)\b)"
    r"|(?<=accuracy of )([½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])(?!\w)"
)
"""A share of answers. Half of a day, or a ½ in a formula, is none that was measured."""
_MAX_LAYERS: Final = 4
"""Marks inside of marks: **1.*0*2**."""


def as_read(text: str) -> str:
    """The text with every number in one piece, in ASCII digits, on the line where it was."""
    plain = _ENTITY.sub(_character, text)
    if not plain.isascii():
        plain = "".join(map(_plain, plain))
        plain = _FRACTION.sub(_share, _SMALL_DIGITS.sub(_as_digits, plain))
        plain = _GROUPED.sub(lambda match: re.sub(r"\D", "", match.group()), plain)
    plain = _PER_CENT.sub("percent", plain)
    plain = _TAG_INSIDE.sub("", _BACKSLASH.sub("", plain))
    plain = _COMMA.sub(r"\1.", _PER_CENT_COMMA.sub(r"\1.\2", _BARE_POINT.sub("0.", plain)))
    plain = _OUT_OF.sub(r"\1/", plain)
    for _ in range(_MAX_LAYERS):
        before = plain
        plain = _UNDERSCORED.sub(r"\2", _MARKED.sub(r"\2", plain))
        plain = _LINKED.sub(r"\1", plain)
        if plain == before:
            break
    return plain


def _character(match: re.Match[str]) -> str:
    found = html.unescape(match.group())
    return " " if found.isspace() else found


def _as_digits(match: re.Match[str]) -> str:
    """A run of raised, lowered or circled digits that stands for itself: no power, no footnote."""
    digits = [unicodedata.digit(one, -1) for one in match[1]]
    if -1 in digits or any(one.isascii() for one in match[1]):
        return match.group()
    return "".join(map(str, digits))


def _share(match: re.Match[str]) -> str:
    """½ as a per cent, to a tenth where it has no end."""
    part = 100 * unicodedata.numeric(match[1] or match[2])
    return f"{part:.0f} percent" if part == int(part) else f"{part:.1f} percent"


def _plain(character: str) -> str:
    """Nothing for what is not seen; a digit of any script in ASCII."""
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me"):
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return _SEPARATORS.get(character, character)
