"""A name of a value that nothing has: what is missing, and which one is meant, is said."""

from __future__ import annotations

import pytest

from evidence.milestone.parse import parse_milestone
from evidence.results.no_such_value import why_none
from evidence.results.planned_names import value_names
from evidence.stages.stage import stages_of
from tests.milestone import test_table_problems
from tests.milestone.staged import SEEDED, STAGED

THIRD = """[[stage]]
name = "C"
kind = "train"
init = "stage:B"
data = "rows"

[[stage]]
name = "check"
kind = "eval"
of = ["A", "B", "C"]
"""
THREE = STAGED.replace('[[stage]]\nname = "check"\nkind = "eval"\nof = ["A", "B"]\n', THIRD)
ARMS = """
[[arms]]
stages = ["A", "B"]
varies = ["data"]
"""
TABLES = (test_table_problems.TRAIN, test_table_problems.EVAL, test_table_problems.ATTEMPT)


def why(name: str, text: str = THREE) -> str:
    """What is said of it, with every name that such a run would have."""
    milestone = parse_milestone(text.encode())
    known = {*value_names(milestone)}
    for stage in stages_of(milestone) if milestone.is_staged else ():
        known |= {stage.value(one) for one in value_names(stage.milestone)}
    assert name not in known
    return why_none(name, sorted(known), milestone)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("B.train.loss_ende", "Did you mean 'B.train.loss_end'?"),
        ("train.loss_end", "A.train.loss_end, B.train.loss_end, C.train.loss_end"),
        ("check.eval.exact.rate", "check_A.eval.exact.rate, check_B.eval.exact.rate"),
        ("pair.check_B.check_A.exact.low", "Did you mean 'pair.check_A.check_B.exact.low'?"),
        ("pair.check_A.check_B.exact.lo", "Did you mean 'pair.check_A.check_B.exact.low'?"),
        ("pair.check_A.check_C.exact.low", "the one that it comes from directly"),
        ("pair.check_A.check_C.exact.low", 'metric = "check_C.eval.exact.rate"'),
        ("pair.check_A.chek_C.exact.low", "no evaluation 'chek_C'. Did you mean 'check_C'?"),
        ("arms.B.C.num_undeclared", 'No [[arms]] names both: stages = ["B", "C"]'),
        ("arms.B.check_A.num_undeclared", "no training stage 'check_A'. There are: A, B, C."),
        ("parent.M45.C.train.loss_end", 'init = "pack:runs/M45#STAGE"'),
        ("seeds.A.train.loss_end.mean", "write seeds = [1, 2, 3] in stage 'A'"),
        ("zzz", ""),
    ],
)
def test_what_is_missing_and_what_is_meant_is_said(name: str, says: str) -> None:
    assert says in why(name)
    assert bool(says) == bool(why(name))


def test_arms_the_other_way_round_are_named() -> None:
    assert "Did you mean 'arms.A.B.num_undeclared'?" in why("arms.B.A.num_undeclared", THREE + ARMS)
    assert "There are: A.B." in why("arms.A.C.num_undeclared", THREE + ARMS)


def test_of_seeds_each_run_and_the_mean_are_named() -> None:
    said = why("A.train.loss_end", SEEDED)
    assert "A_1.train.loss_end, A_2.train.loss_end, seeds.A.train.loss_end.mean" in said
    assert "Stage 'check'" not in why("seeds.check.train.loss_end.mean", SEEDED)


def test_a_stage_without_seeds_beside_one_with_seeds_is_named() -> None:
    text = STAGED.replace('data = "more"', 'data = "more"\nseeds = [1, 2]')
    assert "Stage 'A' has no seeds" in why("seeds.A.train.loss_end.mean", text)


def test_a_parent_of_another_name_is_told_from_none() -> None:
    text = STAGED.replace('init = "stage:A"', 'init = "pack:runs/M45#C"')
    assert "It begins from: M45." in why("parent.M44.C.train.loss_end", text)


def test_what_is_proposed_is_there() -> None:
    milestone = parse_milestone(THREE.encode())
    names = value_names(milestone)
    assert {"pair.check_A.check_B.exact.low", "pair.check_B.check_C.exact.low"} <= set(names)
    assert not [one for one in names if one.startswith("pair.check_A.check_C.")]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("eval.mean_loss", 'write metrics = ["mean_loss"] in [eval].'),
        ("eval.squad_f1", 'write metrics = ["squad_f1"] in [eval].'),
        ("check_A.eval.perplexity", 'write metrics = ["mean_loss"] in [eval].'),
        ("eval.choice.rate", "write [eval.choices]."),
        ("A.validation.loss_best", "write validate_every_steps = 50 in [train]."),
    ],
)
def test_what_was_not_asked_for_is_said_with_the_key_that_asks(name: str, says: str) -> None:
    assert says in why(name)


@pytest.mark.parametrize(
    ("name", "without"),
    [("eval.mean_loss", "eval"), ("train.loss_end", "train"), ("validation.loss_end", "train")],
)
def test_a_table_that_is_not_there_is_named(name: str, without: str) -> None:
    text = "".join(
        (test_table_problems.HEAD, *(one for one in TABLES if not one.startswith(f"[{without}]")))
    )
    assert why(name, text).startswith(f"This milestone has no [{without}].")
