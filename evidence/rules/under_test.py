"""Whether the thing that an evaluation is about stands in its prompts. Pure.

Responsible for one question: is the text that a row declares to be under test, such as an error
that was put in, in what the model was fed? Case, Unicode form and white space do not count, and
the text must not begin or end within a word or number: 54 is not in 154. Standing there is not the
same as being noticed; not standing there, nothing can be noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from evidence.records.evaluation import UnderTestRecord
from evidence.records.run import PredictionRow
from evidence.rules.occurrences import occurrences
from evidence.rules.wording import normalised


def under_test(predictions: Sequence[PredictionRow], field: str) -> UnderTestRecord:
    """Which prompts hold what their row of the evaluation set has in `field`: each text of it.

    A row that has none is not checked.
    """
    absent: list[int] = []
    not_checked: list[int] = []
    for one in predictions:
        if not one.under_test:
            not_checked.append(one.index)
        elif not all(stands_in(part, one.prompt) for part in one.under_test):
            absent.append(one.index)
    return UnderTestRecord(
        field=field,
        num_rows=len(predictions),
        num_in_prompt=len(predictions) - len(absent) - len(not_checked),
        absent=tuple(sorted(absent)),
        not_checked=tuple(sorted(not_checked)),
    )


def stands_in(part: str, text: str) -> bool:
    """Whether a text occurs in another, normalised, and not as a part of a longer word."""
    wanted, found = normalised(part), normalised(text)
    return any(_is_whole(found, place, place + len(wanted)) for place in occurrences(found, wanted))


def _is_whole(text: str, start: int, end: int) -> bool:
    cut_before = text[start].isalnum() and text[start - 1 : start].isalnum()
    cut_after = text[end - 1].isalnum() and text[end : end + 1].isalnum()
    return not (cut_before or cut_after)


def parts_of(value: Any) -> tuple[str, ...]:
    """The texts that have to stand in the prompt: a text or number, or each of a list of them. None
    where a part is neither, or blank."""
    found = tuple(_texts(value if isinstance(value, list) else [value]))
    return found if all(found) else ()


def _texts(values: Sequence[Any]) -> Iterator[str]:
    for one in values:
        if isinstance(one, str):
            yield one if normalised(one) else ""
        else:
            is_number = isinstance(one, (int, float)) and not isinstance(one, bool)
            yield str(one) if is_number else ""
