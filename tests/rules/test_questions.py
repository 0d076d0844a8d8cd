"""Questions that meet are found in time that grows with the questions, whatever they share."""

from __future__ import annotations

import pytest

from evidence.rules.questions import Question, by_words, exact, meeting

INSTRUCTION = "Answer the question below in one word and write nothing else at all please: "


def asked(numbers: range) -> tuple[Question, ...]:
    texts = (f"{INSTRUCTION * 3}{number}?" for number in numbers)
    return tuple(Question((text,), (text,)) for text in texts)


@pytest.mark.timeout(40)
def test_an_instruction_that_all_questions_share_does_not_make_it_quadratic() -> None:
    own, others = asked(range(16_000)), asked(range(8_000, 24_000))
    rows, met = meeting(own, others, by_words)
    assert (len(rows), len(met)) == (16_000, 16_000)
    assert meeting(own, others, exact) == (tuple(range(8_000, 16_000)), set(range(8_000)))
