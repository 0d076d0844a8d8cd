"""Numbers in a text with the digits they show, their unit, and whether they are a bound.

Responsible for what stands there; what it is a number of is found by `meaning`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from evidence.prose.units import MAGNITUDES, UNITS
from evidence.records.record import Record

Relation: TypeAlias = Literal["equal", "about", "at-most", "at-least"]

MAX_DIGITS: Final = 40
_DIGITS: Final = (
    r"(?:0,[0-9]{1,40}|[0-9]{1,9},(?:[0-9]{1,2}|[0-9]{4,40})(?![0-9,.])|"
    r"[0-9]{1,3}(?:,[0-9]{3}){1,9}|[0-9]{1,40})(?:\.[0-9]{1,40})?"
)
_NUMBER: Final = re.compile(
    rf"(?<![\w.])(?<![A-Za-z]-)(?P<sign>[+\-−–]?)(?P<digits>{_DIGITS}|\.[0-9]{{1,40}})"
    r"(?:[eE](?P<exponent>[+\-−]?[0-9]{1,3})|\s?[×x*]\s?10\^?\{?(?P<power>[+\-−]?[0-9]{1,3}|[⁻⁺]?[⁰¹²³⁴-⁹]{1,3})\}?)?"
    r"(?P<glued>(?:%|‰|×|x(?![a-z])|[a-zA-Zµ]{1,12}(?:/(?:s|sec|second|step|iter|gpu)\b)?)?)(?![\w])",
)
_UNIT_AFTER: Final = re.compile(
    r"\s{1,2}(?P<unit>%|‰|[a-zA-Z]{1,14}(?:\s?/\s?(?:s|sec|second|step)\b| per second)?)(?![\w-])"
)
_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺−–", "0123456789-+--")
_BEFORE: Final = re.compile(
    r"(?P<word><=|>=|<|>|≤|≥|~|≈|±|under|below|less than|fewer than|at most|up to|no more than|"
    r"within|over|above|more than|at least|greater than|exceeds|exceeding|about|"
    r"approximately|around|roughly|nearly|almost|circa|approx\.?|some)\s{0,2}[$€]?$",
    re.IGNORECASE,
)
_RELATIONS: Final[dict[str, Relation]] = {
    **dict.fromkeys(
        ("<", "<=", "≤", "under", "below", "less than", "fewer than", "at most", "up to"),
        "at-most",
    ),
    **dict.fromkeys(("no more than", "within"), "at-most"),
    **dict.fromkeys(
        (">", ">=", "≥", "over", "above", "more than", "at least", "greater than", "exceeds"),
        "at-least",
    ),
    "exceeding": "at-least",
}
_REACHES: Final = re.compile(
    r"\b(?:goes|went|rises|rose|climbs|climbed|grows|grew|increases|increased|jumps|jumped)"
    r" up to\s*$"
)
_CLOCK: Final = re.compile(
    r"(?<![\w:.])(?:(?P<h>[0-9]{1,3}):(?P<m>[0-9]{2}):(?P<s>[0-9]{2}(?:\.[0-9]{1,6})?)|"
    r"(?:(?P<hh>[0-9]{1,3})\s?h(?:ours?|rs?)?\s?)?(?P<mm>[0-9]{1,3})\s?m(?:in(?:utes?)?)?\s?(?P<ss>[0-9]{1,2}(?:\.[0-9]{1,6})?)\s?s(?:ec(?:onds?)?)?|"
    r"(?P<hx>[0-9]{1,3})\s?h(?:ours?|rs?)?\s?(?P<mx>[0-9]{1,2})\s?m(?:in(?:utes?)?)?)(?![\w:])"
)
_RATES: Final = {
    "samples": "samples_per_s",
    "sample": "samples_per_s",
    "examples": "samples_per_s",
    "steps": "steps_per_s",
    "it": "steps_per_s",
    "iters": "steps_per_s",
    "tokens": "tokens_per_s",
    "tok": "tokens_per_s",
}
_UNIT_KEYS: Final = {
    "s": "s",
    "bytes": "bytes",
    "W": "W",
    "nats": "",
    "samples/s": "samples_per_s",
    "steps/s": "steps_per_s",
    "tokens/s": "tokens_per_s",
    "steps": "steps",
    "epochs": "epochs",
    "tokens": "tokens",
    "parameters": "parameters",
    "rows": "rows",
    "files": "files",
}
_DECIMAL_GIGA: Final = {"GB": Decimal(2) ** 30, "MB": Decimal(2) ** 20, "KB": Decimal(2) ** 10}


class Quantity(Record):
    """A number as a text has it."""

    text: str
    """With its unit."""
    value: Decimal
    """In its unit's base: seconds, bytes, one; a per cent stays one of a hundred."""
    ulp: Decimal
    """One unit of the last digit shown, in the same base."""
    start: int
    end: int
    unit: str = ""
    """`%`, `s`, `bytes`, `samples_per_s`, `steps`, …; a word that is none is left off."""
    relation: Relation = "equal"
    other_base: Decimal = Decimal(1)
    """By which it may be multiplied: who writes GB may mean GiB."""
    spread: Decimal | None = None
    """What follows ±."""
    spread_ulp: Decimal = Decimal(0)
    is_signed: bool = False
    """Whether a sign was written: a difference."""

    @property
    def num_digits(self) -> int:
        """Significant digits shown."""
        scaled = abs(self.value / self.ulp) if self.ulp else Decimal(0)
        return len(str(int(scaled.to_integral_value()))) if scaled else 1


def quantities(text: str) -> Iterator[Quantity]:
    """Every number of a text, in order. Parts of words and versions are none."""
    taken: list[tuple[int, int]] = []
    found: list[Quantity] = []
    for clock in _CLOCK.finditer(text):
        found.append(_clock(clock, text))
        taken.append(clock.span())
    for match in _NUMBER.finditer(text):
        if any(start < match.end() and match.start() < end for start, end in taken):
            continue
        if text[match.end() : match.end() + 1] == "." and text[match.end() + 1 :][:1].isdigit():
            continue  # a version
        if match["digits"].count(".") and text[max(0, match.start() - 1)] == ".":
            continue
        quantity = _quantity(match, text)
        if quantity is not None:
            found.append(quantity)
    yield from _with_spreads(sorted(found, key=lambda one: one.start), text)


def _clock(match: re.Match[str], text: str) -> Quantity:
    part = match.groupdict()
    hours = Decimal(part["h"] or part["hh"] or part["hx"] or 0)
    minutes = Decimal(part["m"] or part["mm"] or part["mx"] or 0)
    said = part["s"] or part["ss"]
    seconds = Decimal(said or 0)
    ulp = Decimal(60) if said is None else Decimal(1).scaleb(int(seconds.as_tuple().exponent))
    value = hours * 3600 + minutes * 60 + seconds
    relation = _relation(text[: match.start()], "")
    return Quantity(match.group().strip(), value, ulp, match.start(), match.end(), "s", relation)


def _quantity(match: re.Match[str], text: str) -> Quantity | None:
    shown = match["digits"]
    digits = shown.replace(",", "." if _is_decimal_comma(shown) else "")
    if len(digits) > MAX_DIGITS:
        return None
    value = Decimal(digits)
    ulp = Decimal(1).scaleb(int(value.as_tuple().exponent))
    power = match["exponent"] or match["power"]
    if power is not None:
        value, ulp = (one.scaleb(int(power.translate(_SUPERSCRIPTS))) for one in (value, ulp))
    unit, factor, other, end = _unit(match, text)
    if unit is None:
        return None
    sign = match["sign"]
    before = text[: match.start()]
    is_range = sign in "-–−" and sign != "" and before[-1:].isalnum()
    if sign and sign in "-−–" and not is_range:
        value = -value
    return Quantity(
        text=text[match.start() : end].strip(),
        value=value * factor,
        ulp=ulp * factor,
        start=match.start(),
        end=end,
        unit=unit,
        relation=_relation(before, text[end : end + 1]),
        other_base=other,
        is_signed=bool(sign) and not is_range,
    )


def _is_decimal_comma(shown: str) -> bool:
    """`0,761` and `73,2`: between thousands there are three digits, and no zero stands first."""
    whole, comma, rest = shown.partition(",")
    return comma == "," and "," not in rest and (whole == "0" or len(rest.partition(".")[0]) != 3)


def _unit(match: re.Match[str], text: str) -> tuple[str | None, Decimal, Decimal, int]:
    """Unit, factor to its base, the other base it may be in, and where it ends; None where the
    letters behind the digits make it a name (`2b-it`, `cu128`)."""
    glued, end = match["glued"], match.end()
    factor, other = Decimal(1), Decimal(1)
    after = _UNIT_AFTER.match(text, end)
    word = glued
    if glued in MAGNITUDES:
        factor = MAGNITUDES[glued]
        word = after["unit"] if after else ""
        end = after.end() if after and _known(after["unit"]) else end
    elif not glued and after is not None:
        word = after["unit"]
        if word in MAGNITUDES or word.lower() in ("million", "billion", "thousand"):
            factor = MAGNITUDES.get(word, MAGNITUDES.get(word.lower(), Decimal(1)))
            end = after.end()
            after = _UNIT_AFTER.match(text, end)
            word = after["unit"] if after else ""
        end = after.end() if after and _known(word) else end
    if not word:
        return "", factor, other, end
    key = _known(word)
    if key is None:
        return (None if glued and glued not in MAGNITUDES else ""), factor, other, end
    unit, scale = key
    if word in _DECIMAL_GIGA:
        other = _DECIMAL_GIGA[word] / scale
    return unit, factor * scale, other, end


def _known(word: str) -> tuple[str, Decimal] | None:
    plain = re.sub(r"\s?/\s?|(?<!\s)\s+per\s+", "/", word.strip())
    rate = re.fullmatch(r"([a-z]{1,12})/(?:s|sec|second)", plain, re.IGNORECASE)
    if rate is not None and rate[1].lower() in _RATES:
        return _RATES[rate[1].lower()], Decimal(1)
    if plain in ("%", "percent"):
        return "%", Decimal(1)
    if plain in ("×", "x", "X"):
        return "x", Decimal(1)
    found = UNITS.get(plain, UNITS.get(plain.lower()))
    if found is None or plain == "W":
        return ("W", Decimal(1)) if plain == "W" else None
    if found.of[:1] == ("",) or not found.of:
        return None
    return _UNIT_KEYS.get(found.of[0], found.of[0]), found.factor


def _relation(before: str, after: str) -> Relation:
    if _REACHES.search(before[-40:]):
        return "equal"
    found = _BEFORE.search(before[-24:])
    if found is not None and found["word"] != "±":
        return _RELATIONS.get(found["word"].lower(), "about")
    return "at-least" if after == "+" else "equal"


def _with_spreads(found: list[Quantity], text: str) -> Iterator[Quantity]:
    """`0.81 ± 0.02` is one quantity with a spread."""
    skip = False
    for index, one in enumerate(found):
        if skip:
            skip = False
            continue
        following = found[index + 1] if index + 1 < len(found) else None
        between = "" if following is None else text[one.end : following.start].strip()
        if following is not None and between in ("±", "+/-", "+-", "\\pm", "$\\pm$", "+/−"):
            skip = True
            yield Quantity(
                text=text[one.start : following.end].strip(),
                value=one.value,
                ulp=one.ulp,
                start=one.start,
                end=following.end,
                unit=one.unit or following.unit,
                relation=one.relation,
                spread=abs(following.value),
                spread_ulp=following.ulp,
            )
        else:
            yield one
