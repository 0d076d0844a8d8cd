"""What likelihoods of a prediction's texts must be, by what the milestone asks and the row says.

Responsible for one row. The likelihoods themselves need the model; scores are `evaluation`'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from evidence.records.choices import ChoicesRow
from evidence.records.milestone import EvalSpec
from evidence.records.run import PredictionRow
from evidence.rules import likelihood
from evidence.verification.consistency.registry import Problems, differs
from evidence.verification.problem import Problem


def likelihood_problems(spec: EvalSpec, row: PredictionRow, place: str) -> Problems:
    """`place`: where the row stands, up to its pointer."""
    if row.measured and not spec.measured:
        yield Problem(f"{place}/measured", "the milestone asks no function of the author's")
    asked = "mean_loss" in spec.metrics
    for key in ("answer_loss", "num_answer_tokens"):
        if (getattr(row, key) is not None) != asked:
            text = "is there exactly where the milestone asks for mean_loss"
            yield Problem(f"{place}/{key}", text)
    if row.answer_loss is not None and row.num_answer_tokens is not None:
        loss, count = row.answer_loss, row.num_answer_tokens
        if loss < 0 or (count == 0) != (row.target == "") or (count == 0 and loss != 0):
            text = "not a loss that an answer of so many tokens can have"
            yield Problem(f"{place}/answer_loss", text, actual=f"{loss!r} of {count}")
    if (row.choices is not None) != (spec.choices is not None):
        yield Problem(f"{place}/choices", "are there exactly where the milestone asks for them")
    elif row.choices is not None and spec.choices is not None:
        possible = list(_impossible(row.choices, f"{place}/choices"))
        yield from possible
        if not possible:
            found = likelihood.compared(row.choices, spec.choices.normalise)
            expected, text = likelihood.picked(found), "not the likeliest of these choices"
            yield from differs(f"{place}/choices/picked", text, expected, row.choices.picked)
            yield from _same_text(row, place)


def _impossible(one: ChoicesRow, place: str) -> Iterator[Problem]:
    count = len(one.texts)
    if not (count >= 2 and len(one.log_likelihoods) == len(one.num_tokens) == count):
        yield Problem(place, "each choice has one log-likelihood and one number of tokens")
        return
    if len(set(one.texts)) < count or "" in one.texts:
        yield Problem(f"{place}/texts", "choices are texts, each another one")
    if not 0 <= one.right < count:
        yield Problem(f"{place}/right", "there is no such choice", f"below {count}", one.right)
    if any(not math.isfinite(found) or found > 0 for found in one.log_likelihoods):
        yield Problem(f"{place}/log_likelihoods", "a probability is at most one")
    if any(found < 1 for found in one.num_tokens):
        yield Problem(f"{place}/num_tokens", "a text has a token")


def _same_text(row: PredictionRow, place: str) -> Iterator[Problem]:
    """A choice that is the expected answer is the right one; the same was measured twice then."""
    found = row.choices
    if found is None or row.target not in found.texts:
        return
    at = found.texts.index(row.target)
    text = "another choice has the expected answer"
    yield from differs(f"{place}/choices/right", text, at, found.right)
    if row.answer_loss is None:
        return
    same = (-found.log_likelihoods[at], found.num_tokens[at])
    if same != (row.answer_loss, row.num_answer_tokens):
        text = "not what the choice of this text has"
        yield Problem(f"{place}/answer_loss", text, repr(same[0]), repr(row.answer_loss))
