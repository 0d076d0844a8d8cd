"""Measurements in a text: numbers that claim something was measured.

Responsible for finding them, with their unit and the words around. A number is a measurement when
it has a unit, a decimal point, an exponent or a per cent sign, or follows the name of a metric.
Versions (2.8.0, Python 3.11), identifiers (M43, sm_120, gemma-2b), dates, years, ordinals and open
counts (1000+) are not. What Jinja replaces by a value is no literal. Of numbers in words only
per cents are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from evidence import limits
from evidence.errors import PastLimitError
from evidence.prose.as_read import as_read
from evidence.prose.spelled import MAX_WORDS, begins, spelled
from evidence.prose.units import MAGNITUDES, METRICS, SOFTWARE, SPELLED, UNITS, Unit
from evidence.records.record import Record
from evidence.text.escape import one_line

_CONTEXT_CHARS: Final = 80
_NOUN_DISTANCE: Final = 3
"""How many words after a number its noun may be: 138 optimizer steps, 3.1 million parameters."""

_WORD: Final = re.compile(r"\S+")
_PIECE: Final = re.compile(r"[^=:|→;<>]+")
# Bounded, so that a hostile text costs time in proportion to its length and no huge powers of ten.
_NUMBER: Final = r"(?:\d{1,3}(?:,\d{3}){1,9}|\d{1,30})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?"
_QUANTITY: Final = re.compile(rf"[+\-−~≈<>≤≥±$€]*({_NUMBER})([^\d\s]*)")
_RANGE: Final = re.compile(rf"({_NUMBER})(?:[/–—]|-(?=\d))({_NUMBER})([^\d\s]*)")
_DATE: Final = re.compile(r"\d{4}-\d{2}(?:-\d{2})?(?:T\S*)?")
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:Z|UTC)?")
_VERSION: Final = re.compile(r"v?\d++(?:\.\d++){2,}+\S*+|v\d\S*+")
_YEAR: Final = re.compile(r"(?:19|20)\d{2}")
_WRAPPING: Final = "|\"'()[]{}*_`,;:!?.…“”‘’«»"
_LIST_MARK: Final = re.compile(r"^[ \t]*\d{1,9}[.)]\s", re.MULTILINE)
_NAMED: Final = re.compile(r"\{\{\s*[A-Za-z_][\w.]*(?:\s*\|\s*(?:fixed|as)\([^(){}]*\))*\s*\}\}")
_STATEMENT: Final = re.compile(r"\{%[^{}]*%\}|\{#[^{}]*#\}")
_SENTENCE_END: Final = (".", "!", "?", ";")
_CLAUSE_END: Final = (*_SENTENCE_END, ",", ":", ")", "|")
_MAX_SHOWN_CHARS: Final = 80


class Literal(Record):
    """One measurement as typed."""

    text: str
    """With its unit: `1.02`, `3 epochs`, `87.3 %`."""
    value: Decimal
    """As typed, a magnitude word applied: 3.1 million is 3100000."""
    precision: Decimal
    """One unit of the last digit typed: 0.01 for `1.02`, 100000 for `3.1 million`."""
    unit: Unit
    line: int
    """In the text, from 1."""
    start: int
    """Where its number begins in the text as it is read, and where it ends."""
    end: int
    before: str
    """The words before it on its line, lower case."""
    after: str


class _Word(Record):
    text: str
    start: int
    opens_sentence: bool
    ends_clause: bool


class _Numeral(Record):
    """A number inside a word, before it is known whether it measures anything."""

    digits: str
    suffix: str
    start: int
    end: int
    word: int
    """Its last word."""
    in_words: bool = False


def plain_text(text: str) -> str:
    """A text as it is read, what is no prose blanked out."""
    return as_read(_blanked(text))


def measurements(plain: str) -> Iterator[Literal]:
    """Every measurement of a `plain_text`, in order.

    Raises PastLimitError for a text full of them.
    """
    words = _words(plain)
    line, counted = 1, 0
    for number, numeral in enumerate(_numerals(words), 1):
        line += plain.count("\n", counted, numeral.start)
        counted = numeral.start
        if number > limits.MAX_PROSE_NUMBERS:
            raise PastLimitError(f"more than {limits.MAX_PROSE_NUMBERS} numbers", line=line)
        literal = _measured(numeral, words, plain, line)
        if literal is not None:
            yield literal


def _blanked(text: str) -> str:
    """The text with what is no prose blanked out; every position stays where it was."""
    for pattern in (_NAMED, _STATEMENT, _LIST_MARK):
        text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    return text


def _words(text: str) -> list[_Word]:
    words: list[_Word] = []
    opens = True
    for match in _WORD.finditer(text):
        raw = match.group()
        stripped = raw.strip(_WRAPPING)
        if stripped:
            start = match.start() + raw.index(stripped)
            words.append(_Word(stripped, start, opens, raw.endswith(_CLAUSE_END)))
            opens = raw.endswith(_SENTENCE_END)
    return words


def _numerals(words: list[_Word]) -> Iterator[_Numeral]:
    read = 0
    for index, word in enumerate(words):
        whole = word.text
        if index < read or whole.startswith("#"):
            continue
        in_words = _in_words(words, index)
        if in_words is not None:
            read = in_words.word + 1
            yield in_words
        elif not any(pattern.fullmatch(whole) for pattern in (_DATE, _CLOCK, _VERSION)):
            for piece in _PIECE.finditer(whole):
                inner = piece.group().strip(_WRAPPING)
                start = word.start + piece.start() + piece.group().find(inner)
                yield from _in_piece(inner, start, index)


def _in_words(words: list[_Word], index: int) -> _Numeral | None:
    if not begins(words[index].text):
        return None
    clause = [words[index]]
    while len(clause) < MAX_WORDS and not clause[-1].ends_clause:
        following = words[index + len(clause) : index + len(clause) + 1]
        if not following:
            break
        clause += following
    value, taken = spelled([word.text for word in clause])
    if not taken:
        return None
    last = clause[taken - 1]
    end = last.start + len(last.text)
    return _Numeral(str(value), "", clause[0].start, end, index + taken - 1, in_words=True)


def _in_piece(piece: str, start: int, word: int) -> Iterator[_Numeral]:
    several = _RANGE.fullmatch(piece)
    if several is not None:
        first, second, suffix = several.groups()
        yield _Numeral(first, suffix, start, start + len(first), word)
        begins = start + several.start(2)
        yield _Numeral(second, suffix, begins, begins + len(second), word)
        return
    one = _QUANTITY.fullmatch(piece)
    if one is not None:
        begins = start + one.start(1)
        yield _Numeral(one.group(1), one.group(2), begins, begins + len(one.group(1)), word)


def _measured(numeral: _Numeral, words: list[_Word], text: str, line: int) -> Literal | None:
    glued = numeral.suffix.rstrip(_WRAPPING)
    unit, magnitude, noun_end = _unit(glued, numeral, words)
    if glued and unit is None:
        return None  # `2b`, `4th`, `1000+`: a name, an ordinal, an open count
    if numeral.in_words and (unit is None or unit.of not in SPELLED):
        return None  # three epochs, one file: words for what is rather told than measured
    end = numeral.end
    around = text[max(0, numeral.start - _CONTEXT_CHARS) : numeral.start]
    before = around.rpartition("\n")[2].lower()
    if unit is None:
        unit = _unit_before(numeral.word, words)
    if unit is None and not _claims(numeral, words):
        return None
    digits = numeral.digits.replace(",", "")
    exponent = Decimal(digits).as_tuple().exponent
    return Literal(
        text=" ".join(text[numeral.start : max(end, noun_end)].split()),
        value=Decimal(digits) * magnitude,
        precision=Decimal(1).scaleb(int(exponent)) * magnitude,
        unit=unit or Unit(),
        line=line,
        start=numeral.start,
        end=end,
        before=before,
        after=text[end : end + _CONTEXT_CHARS].partition("\n")[0].lower(),
    )


def _unit(glued: str, numeral: _Numeral, words: list[_Word]) -> tuple[Unit | None, Decimal, int]:
    """Unit of a number, its magnitude word, and where the last of these words ends."""
    magnitude, end = Decimal(1), 0
    following = _clause_after(numeral.word, words)
    if glued in MAGNITUDES:
        magnitude = MAGNITUDES[glued]
    elif glued:
        end = numeral.end + len(glued)
        return UNITS.get(glued, UNITS.get(glued.lower())), magnitude, end
    if following and not glued and following[0].text.lower() in MAGNITUDES:
        word = following.pop(0)
        magnitude, end = MAGNITUDES[word.text.lower()], word.start + len(word.text)
    for position, word in enumerate(following):
        unit = UNITS.get(word.text, UNITS.get(word.text.lower()))
        if unit is not None and (unit.is_noun or position == 0):
            return unit, magnitude, word.start + len(word.text)
    return None, magnitude, end  # a bare `2B` is a model's size in its name


def _claims(numeral: _Numeral, words: list[_Word]) -> bool:
    """Whether a number without a unit is a measurement at all."""
    index = numeral.word
    previous = words[index - 1] if index and not words[index].opens_sentence else None
    if previous is not None and previous.text.lower() in SOFTWARE:
        return False
    sentence = _sentence_before(index, words)
    named = any(word.lower() in METRICS for word in sentence)
    if named or any(part.lower() in METRICS for part in _PIECE.findall(words[index].text)):
        return _YEAR.fullmatch(numeral.digits) is None
    # After a name, a number is rather a version or a reference: Apache 2.0, Table 1.5.
    if "." not in numeral.digits and "e" not in numeral.digits.lower():
        return False
    return previous is None or previous.opens_sentence or not previous.text[0].isupper()


def _clause_after(index: int, words: list[_Word]) -> list[_Word]:
    """Up to three words after a number, in its own clause."""
    found: list[_Word] = []
    while len(found) < _NOUN_DISTANCE and index + 1 < len(words) and not words[index].ends_clause:
        index += 1
        found.append(words[index])
    return found


def _sentence_before(index: int, words: list[_Word]) -> list[str]:
    """Up to six words before a number, in its own sentence."""
    found: list[str] = []
    while index and len(found) < 6 and not words[index].opens_sentence:
        index -= 1
        found.append(words[index].text)
    return found


def _unit_before(index: int, words: list[_Word]) -> Unit | None:
    """Unit of a number that follows it: `Steps: 138`, `samples/s = 7.5`, but not `Step 10`."""
    if not index or words[index].opens_sentence:
        return None
    previous = words[index - 1].text
    unit = UNITS.get(previous, UNITS.get(previous.lower()))
    return unit if unit is not None and previous.endswith("s") and len(previous) > 1 else None


def shown(literal: Literal) -> str:
    """The words of a measurement for a message: one line, cut where it is long."""
    return one_line(literal.text, _MAX_SHOWN_CHARS)
