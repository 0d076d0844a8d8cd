"""Scores of predictions, and what is suspicious about them as a whole. Pure.

Responsible for scorers by name and version, the part of an output that is scored, intervals on
rates, and degenerate outputs. Every rule works in linear time on hostile text. verify recomputes
each score with these very functions. How patterns are matched is `patterns`' business.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from evidence.records.inputs import ScorerRecord
from evidence.records.milestone import EvalSpec
from evidence.records.record import Record
from evidence.rules import patterns

Scorer = Callable[[str, str], bool]

LOOP_REPEATS: Final = 3
"""A unit this often in a row at the end of an output is a repetition loop."""
LOOP_MIN_CHARS: Final = 6
_TAIL_CHARS: Final = 512
_MAX_DIGITS: Final = 64

_ARTICLES: Final = frozenset({"a", "an", "the"})
_NUMBER: Final = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\d)")
_PUNCTUATION: Final = str.maketrans(dict.fromkeys(string.punctuation, " "))


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
    """The same words: case, punctuation, articles and white space aside.

    A target of nothing but articles or punctuation is compared as it stands.
    """
    words = _words(target)
    return _words(answer) == words if words else answer.strip() == target.strip()


def numeric(answer: str, target: str) -> bool:
    """The first number of the answer has the value of the first number of the target.

    `1,440`, `1440.0` and `$1440` are the same number. False where either has none.
    """
    wanted = first_number(target)
    return wanted is not None and first_number(answer) == wanted


def contains(answer: str, target: str) -> bool:
    """The target occurs with word bounds: 12 is in '144 / 12' and not in '312'."""
    if not target:
        return False
    start = answer.find(target)
    while start >= 0:
        end = start + len(target)
        if not _joined(answer[start - 1 : start], target[0]) and not _joined(
            target[-1], answer[end : end + 1]
        ):
            return True
        start = answer.find(target, start + 1)
    return False


SCORERS: Final[Mapping[str, Scorer]] = {
    "exact": exact,
    "normalised": normalised,
    "numeric": numeric,
    "contains": contains,
}
VERSIONS: Final[Mapping[str, int]] = dict.fromkeys(SCORERS, 1)
"""Raised when a scorer's meaning changes; packs are judged by the scorers of their ruleset."""


def score(names: Sequence[str], answer: str, target: str) -> dict[str, bool]:
    """Each named scorer's verdict."""
    return {name: SCORERS[name](answer, target) for name in names}


def scores(spec: EvalSpec, output: str, answer: str, target: str) -> dict[str, bool]:
    """What the milestone asks for: its scorers' verdicts, and which patterns the output has."""
    behaviour = {one.name: patterns.found(one.pattern, output) for one in spec.scorer}
    return score(spec.scorers, answer, target) | behaviour


def records(spec: EvalSpec) -> tuple[ScorerRecord, ...]:
    """The scorers of an evaluation as this version applies them."""
    return (
        *(ScorerRecord(name, "rule", VERSIONS[name], None) for name in spec.scorers),
        *(ScorerRecord(p.name, "regex", patterns.VERSION, p.pattern) for p in spec.scorer),
    )


def first_number(text: str) -> Decimal | None:
    """Value of the first number in a text, None where there is none (or an absurd one)."""
    match = _NUMBER.search(text)
    if match is None or len(match.group()) > _MAX_DIGITS:
        return None
    try:
        return Decimal(match.group().replace(",", ""))
    except InvalidOperation:
        return None


def wilson(num_correct: int, num_total: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson score interval of a rate (E. B. Wilson, JASA 22, 1927), 95 % by default.

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
    tail = " ".join(text.split())[-_TAIL_CHARS:]
    for size in range(1, len(tail) // LOOP_REPEATS + 1):
        period = 0
        while period < len(tail) - size and tail[-1 - period] == tail[-1 - period - size]:
            period += 1
        covered = period + size
        if covered >= LOOP_REPEATS * size and covered >= LOOP_REPEATS * LOOP_MIN_CHARS:
            return True
    return False


def is_echo(prompt: str, output: str) -> bool:
    """Whether an output is nothing but (part of) its prompt again."""
    given, said = " ".join(prompt.split()), " ".join(output.split())
    return bool(said) and (said.startswith(given) or (len(said) >= 12 and said in given))


def constant_fields(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Names of fields that hold one and the same value in all rows (of at least two)."""
    if len(rows) < 2:
        return ()
    first = rows[0]
    return tuple(
        name for name in first if all(name in row and row[name] == first[name] for row in rows[1:])
    )


def _words(text: str) -> list[str]:
    words = text.casefold().translate(_PUNCTUATION).split()
    return [word for word in words if word not in _ARTICLES]


def _joined(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum()
