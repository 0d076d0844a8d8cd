"""Scores of predictions, and what is suspicious about them as a whole. Pure.

Responsible for scorers by name and version, the part of an output that is scored, intervals on
rates, and degenerate outputs. Every rule works in linear time on hostile text. verify recomputes
each score with these very functions. How patterns are matched is `patterns`' business; what a
number is, that of `numbers`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from evidence.records.choices import ChoicesRow
from evidence.records.eval_spec import CHOICE
from evidence.records.inputs import ScorerRecord
from evidence.records.milestone import EvalSpec
from evidence.records.record import Record
from evidence.rules import likelihood, patterns
from evidence.rules.numbers import alike, first_number, spans, tight
from evidence.rules.occurrences import occurrences
from evidence.rules.squad import squad_exact

Scorer = Callable[[str, str], bool]

LOOP_REPEATS: Final = 3
"""A unit this often in a row at the end of an output is a repetition loop."""
LOOP_MIN_CHARS: Final = 6
_TAIL_CHARS: Final = 512

_ARTICLES: Final = frozenset({"a", "an", "the"})
_DROPPED: Final = str.maketrans(dict.fromkeys(".,:;!?…\"'`“”‘„«»()[]{}—", " "))
"""Punctuation between words. Not `+ / % # & @ < = > $`: C is not C++, and 5 not < 5."""
_OPENING: Final = "\"'`“‘„«([{*_"
_EMPHASIS: Final = "*_"
_NEGATED: Final = re.compile(r"['’]t\b")
"""After `can` or `won` it makes another word, and the opposite."""
_MINUS: Final = "-\u2212"


def extract_answer(output: str, answer_after: str | None) -> str:
    """What is scored of an output.

    The first line after the last `answer_after`, stripped; the whole output, stripped, where no
    marker is asked for; empty where it is asked for and missing.
    """
    if answer_after is None:
        return output.strip()
    _, found, rest = output.rpartition(answer_after)
    return rest.strip().split("\n", 1)[0].strip() if found else ""


def exact(answer: str, target: str) -> bool:
    """The same characters."""
    return answer == target


def normalised(answer: str, target: str) -> bool:
    """The same words and numbers: case, punctuation, articles and white space aside.

    Numbers stand as written, with sign and decimal point: 5 is neither -5 nor .5. A text of
    nothing but punctuation is compared as it stands.
    """
    return _normal_form(answer) == _normal_form(target)


def numeric(answer: str, target: str) -> bool:
    """The first number of the answer is worth as much as the first number of the target.

    `1,440`, `1440.0` and `$1440` are the same number, 50 % is 0.5, 3/4 is 0.75; what has no single
    value (12:30, a date) equals its own spelling only. False where either has none.
    """
    wanted = first_number(target)
    return wanted is not None and (answer == target or first_number(answer) == wanted)


def contains(answer: str, target: str) -> bool:
    """The target occurs with bounds of words and numbers: 12 is not in '312', '-12', '144 / 12'."""
    if not target or target not in answer:
        return False
    bounds = list(spans(answer))
    starts, ends = [start for start, _ in bounds], [end for _, end in bounds]
    for start in occurrences(answer, target):
        end = start + len(target)
        first, last = bisect_right(ends, start), bisect_left(starts, end) - 1
        cuts = first <= last and (starts[first] < start or ends[last] > end)
        if not cuts and not _is_part_of_word(answer, start, end):
            return True
    return False


SCORERS: Final[Mapping[str, Scorer]] = {
    "exact": exact,
    "normalised": normalised,
    "numeric": numeric,
    "contains": contains,
    "squad_exact": squad_exact,
}
VERSIONS: Final[Mapping[str, int]] = {
    "exact": 1,
    "normalised": 2,
    "numeric": 2,
    "contains": 2,
    "squad_exact": 1,
}
"""Raised when a scorer's meaning changes; packs are judged by the scorers of their ruleset."""


def score(names: Sequence[str], answer: str, target: str) -> dict[str, bool]:
    """Each named scorer's verdict."""
    return {name: SCORERS[name](answer, target) for name in names}


def scores(
    spec: EvalSpec, output: str, answer: str, target: str, choices: ChoicesRow | None = None
) -> dict[str, bool]:
    """What the milestone asks for: its scorers' verdicts, which patterns the output has, and
    whether the choice that was picked is the right one."""
    behaviour = {one.name: patterns.found(one.pattern, output) for one in spec.scorer}
    found = score(spec.scorers, answer, target) | behaviour
    return found if choices is None else {**found, CHOICE: choices.picked == choices.right}


def records(spec: EvalSpec | None) -> tuple[ScorerRecord, ...]:
    """The scorers of an evaluation as this version applies them; none where there is none."""
    if spec is None:
        return ()
    return (
        *(ScorerRecord(name, "rule", VERSIONS[name], None) for name in spec.scorers),
        *(ScorerRecord(p.name, "regex", patterns.VERSION, p.pattern) for p in spec.scorer),
        *(
            ()
            if spec.choices is None
            else (ScorerRecord(CHOICE, "likelihood", likelihood.VERSION, None),)
        ),
    )


def wilson(
    num_correct: float, num_total: float, z: float = 1.959963984540054
) -> tuple[float, float]:
    """Wilson score interval of a rate (E. B. Wilson, JASA 22, 1927), 95 % by default.

    `num_correct` is a sum of outcomes from 0 to 1; of outcomes between, see `intervals`.
    Raises ValueError for an empty sample: a rate that was not measured has no interval.
    """
    if num_total <= 0:
        raise ValueError("a rate of nothing has no interval")
    rate, square = num_correct / num_total, z * z
    centre = rate + square / (2 * num_total)
    spread = z * math.sqrt((rate * (1 - rate) + square / (4 * num_total)) / num_total)
    scale = 1 + square / num_total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


class Degenerate(Record):
    """What is suspicious about a set of outputs. Places count from 0."""

    num_distinct: int
    empty: tuple[int, ...]
    looping: tuple[int, ...]
    echoing: tuple[int, ...]


def degenerate(pairs: Sequence[tuple[str, str]]) -> Degenerate:
    """Facts over (prompt, output) pairs."""
    outputs = [output.strip() for _, output in pairs]
    return Degenerate(
        num_distinct=len(set(outputs)),
        empty=tuple(i for i, output in enumerate(outputs) if not output),
        looping=tuple(i for i, output in enumerate(outputs) if is_looping(output)),
        echoing=tuple(i for i, (prompt, output) in enumerate(pairs) if is_echo(prompt, output)),
    )


def is_looping(text: str) -> bool:
    """Whether the end of a text repeats one unit of at least LOOP_MIN_CHARS, LOOP_REPEATS times.

    The last repetition may be cut off, as it is at a length limit. Looks at the last _TAIL_CHARS
    characters only; white space is collapsed.
    """
    if len(text) < LOOP_REPEATS * LOOP_MIN_CHARS:
        return False
    from_end = " ".join(text.split())[-_TAIL_CHARS:][::-1]
    shortest = from_end[: (LOOP_REPEATS - 1) * LOOP_MIN_CHARS]
    size = from_end.find(shortest, 1)  # where any unit can begin to be there again
    while 0 < size <= len(from_end) // LOOP_REPEATS:
        least = max(LOOP_REPEATS * size, LOOP_REPEATS * LOOP_MIN_CHARS) - size
        if len(from_end) >= size + least and from_end.startswith(from_end[:least], size):
            return True
        size = from_end.find(shortest, size + 1)
    return False


def is_echo(prompt: str, output: str) -> bool:
    """Whether an output is nothing but (part of) its prompt again."""
    given, given_output = " ".join(prompt.split()), " ".join(output.split())
    return bool(given_output) and (
        given_output.startswith(given) or (len(given_output) >= 12 and given_output in given)
    )


def constant_fields(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Names of fields that hold one and the same value in all rows (of at least two)."""
    if len(rows) < 2:
        return ()
    first = rows[0]
    return tuple(
        name for name in first if all(name in row and row[name] == first[name] for row in rows[1:])
    )


def _normal_form(text: str) -> tuple[str, ...]:
    """Words and numbers of a text; the text itself, without white space around, if it has none."""
    plain = alike(unicodedata.normalize("NFC", text))
    found: list[str] = []
    place = 0
    for start, end in spans(plain):
        found += _words(plain[place:start], is_first=place == 0, before_number=True)
        found.append(tight(plain[start:end]).casefold())
        place = end
    found += _words(plain[place:], is_first=place == 0, before_number=False)
    return tuple(found) or (text.strip(),)


def _words(text: str, *, is_first: bool, before_number: bool) -> list[str]:
    """Words of a text without articles."""
    written = text.split()
    found: list[str] = []
    for index, word in enumerate(written):
        after = written[index + 1] if index + 1 < len(written) else "5" if before_number else ""
        if not _is_article(word.lstrip(_OPENING), after.lstrip(_OPENING), is_first and not index):
            for part in word.translate(_DROPPED).split():
                found += _unhyphenated(part.strip(_EMPHASIS))
    return [word.casefold() for word in found]


def _is_article(word: str, after: str, opens: bool) -> bool:
    """Whether it belongs to the word after it: not so in "Vitamin A", "A, B" and "plan A works"."""
    if word.lower() not in _ARTICLES or (word == "A" and not opens):
        return False
    return (after[:1].isalpha() and len(after) > 1) or (after == "5" and word.lower() != "a")


def _unhyphenated(word: str) -> list[str]:
    """Parts between hyphens; a hyphen before or after the whole is a sign and stays: A- is no A."""
    inside = word.strip("-")
    if not inside:
        return []
    parts = inside.split("-")
    parts[0] = "-" * word.startswith("-") + parts[0]
    parts[-1] += "-" * word.endswith("-")
    return [part for part in parts if part]


def _is_part_of_word(text: str, start: int, end: int) -> bool:
    """Whether start..end is a part of a longer word, as `C` is of `C++` and `A` of `A-`."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if text[start].isalnum():
        sign = before in _MINUS and not text[start - 2 : start - 1].isalnum() if before else False
        if before.isalnum() or sign:
            return True
    if text[end - 1].isalnum() and after:
        if unicodedata.combining(after) or _NEGATED.match(text, end):
            return True
        sign = after in _MINUS and not text[end + 1 : end + 2].isalnum()
        return after.isalnum() or after in "+#" or sign
    return False
