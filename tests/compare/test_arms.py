"""Two packs as two arms: what differs between them, and nothing that does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evidence.compare.configuration import plan_of
from evidence.records.arms import Arm, ArmsRecord
from evidence.results.arms import arm_of
from evidence.rules.arms import compare_arms, undeclared
from evidence.text.arms import of_undeclared
from evidence.verification.verification import VerifiedPack
from tests.compare.conftest import packs

__all__ = ["packs"]

Packs = Callable[[str], VerifiedPack]


def arm(packs: Packs, name: str) -> Arm:
    documents = packs(name).documents
    return arm_of(documents, plan_of(documents), name)


def arms(packs: Packs, name: str, *varies: str) -> ArmsRecord:
    return compare_arms(arm(packs, "as-it-is"), arm(packs, name), varies)


@pytest.mark.parametrize("name", ["as-it-is", "default-spelled-out", "threads"])
def test_packs_that_state_the_same_are_arms_that_differ_in_nothing(packs: Packs, name: str) -> None:
    assert arms(packs, name).differences == ()


@pytest.mark.parametrize(
    ("variant", "declared"),
    [("seed", "train.seed"), ("rate", "train.learning_rate"), ("shorter", "train.epochs"),
     ("rows", "data"), ("fewer-questions", "eval.limit")],
)  # fmt: skip
def test_an_edit_is_one_difference_and_all_else_follows_from_it(
    packs: Packs, variant: str, declared: str
) -> None:
    found = arms(packs, variant)
    assert [one.name for one in undeclared(found)] == [declared]
    meant = arms(packs, variant, declared)
    assert undeclared(meant) == ()
    assert of_undeclared(undeclared(meant)) == ""
    assert {one.standing for one in meant.differences} <= {"declared", "consequence"}


def test_half_the_epochs_are_half_the_steps_and_no_second_fault(packs: Packs) -> None:
    found = {one.name: one for one in arms(packs, "shorter").differences}
    assert found["budget.steps"].standing == "consequence"
    assert found["budget.steps"].follows_from == ("train.epochs",)
    assert found["budget.steps"].values == (10, 5)
