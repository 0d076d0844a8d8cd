"""Laws of a milestone that has [train] or [eval] alone."""

from __future__ import annotations

import pytest

from evidence.errors import MalformedError
from evidence.milestone.parse import parse_milestone

HEAD = """
schema = "milestone.v1"
id = "T1"
title = "One table"
kind = "fine-tune-and-eval"
objective = "Do one thing."

[model]
path = "model"

[data.train]
path = "train.jsonl"
text = "{{ prompt }}{{ answer }}"
answer = ["answer"]

[data.eval]
path = "eval.jsonl"
"""
TRAIN = "[train]\nbatch_size = 1\ngradient_accumulation = 1\nlearning_rate = 0.1\n"
EVAL = "[eval]\nmax_new_tokens = 4\n"
ATTEMPT = '[[attempt]]\nname = "cpu"\nbackend = "transformers"\n'


def refused(*parts: str) -> str:
    with pytest.raises(MalformedError) as error:
        parse_milestone("".join((HEAD, *parts)).encode())
    return error.value.message


@pytest.mark.parametrize("tables", [TRAIN, EVAL])
def test_either_table_alone_is_a_milestone(tables: str) -> None:
    milestone = parse_milestone((HEAD + tables + ATTEMPT).encode())
    assert (milestone.given_train is None) == (tables == EVAL)
    assert (milestone.given_eval is None) == (tables == TRAIN)


def test_neither_table_is_refused() -> None:
    assert "'train' and 'eval' are missing" in refused(ATTEMPT)


def test_what_an_attempt_says_of_a_table_that_is_not_there_is_refused() -> None:
    assert "no [train]" in refused(EVAL, ATTEMPT, "[attempt.train]\nseed = 1\n")
    assert "no [eval]" in refused(TRAIN, ATTEMPT, "[attempt.eval]\nlimit = 1\n")


def test_numbers_of_an_evaluation_are_its_own_only_where_nothing_is_trained() -> None:
    alone = parse_milestone((HEAD + EVAL + 'dtype = "float32"\n' + ATTEMPT).encode())
    assert alone.numerics.dtype == "float32"
    assert parse_milestone((HEAD + EVAL + ATTEMPT).encode()).numerics.dtype == "bfloat16"
    assert "trains nothing" in refused(TRAIN, EVAL, 'dtype = "float32"\n', ATTEMPT)
    of_attempt = '[attempt.eval]\ndtype = "float32"\n'
    assert "trains nothing" in refused(TRAIN, EVAL, ATTEMPT, of_attempt)


def test_seeds_and_processes_of_no_training_are_refused() -> None:
    seeds = HEAD.replace("[model]", "seeds = [1, 2]\n[model]")
    with pytest.raises(MalformedError, match=r"seeds are of a training"):
        parse_milestone((seeds + EVAL + ATTEMPT).encode())
    assert "no [train]" in refused(EVAL, "[launch]\nprocesses = 2\n", ATTEMPT)
