"""How far two conditions of an evaluation are the same: what was asked, what was answered. Pure.

Responsible for counting; what follows from the counts is said in `text.evaluations`. A pair whose
output, answer and expected answer are equal scores alike under every scorer, so that N − k of N
rows is the most that any rate can differ by.
"""

from __future__ import annotations

from collections.abc import Sequence

from evidence.records.availability import Unavailable
from evidence.records.evaluation import SamenessRecord
from evidence.records.run import PredictionRow
from evidence.rules.matching import matched
from evidence.rules.paired import NO_PAIR
from evidence.rules.wording import spaced


def same_evaluation(
    first: Sequence[PredictionRow], second: Sequence[PredictionRow]
) -> SamenessRecord | Unavailable:
    """Rows of both conditions, matched by id and row of the evaluation set, and what is equal."""
    found = matched(first, second)
    if not found.pairs:
        return NO_PAIR
    apart = [(one.prompt, other.prompt) for one, other in found.pairs if one.prompt != other.prompt]
    equal = [one.output == other.output for one, other in found.pairs]
    answers = [one.answer == other.answer for one, other in found.pairs]
    targets = [one.target == other.target for one, other in found.pairs]
    return SamenessRecord(
        num_rows=len(found.pairs),
        num_only_first=found.num_only_first,
        num_only_second=found.num_only_second,
        num_equal_prompts=len(found.pairs) - len(apart),
        num_prompts_apart_in_space=sum(spaced(one) == spaced(other) for one, other in apart),
        num_equal_outputs=sum(equal),
        num_equal_answers=sum(answers),
        num_equally_scored=sum(map(all, zip(equal, answers, targets, strict=True))),
    )
