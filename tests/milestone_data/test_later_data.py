"""Laws of the data of stages, arms and checks: what they are for is in them, and nothing leaks.

That their answers are right, and their mistakes wrong, is test_answers.py's concern.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from itertools import combinations
from typing import Any

from evidence.rules.under_test import parts_of, under_test
from tests.milestone_data.committed import (
    CLEAN,
    CONTROL,
    CORRECT,
    DATA,
    EVALUATION,
    INJECTED,
    ROOT,
    STAGES,
    TRAINING,
    folded,
)
from tests.rules.answers import answer

MAX_BYTES = 200_000
"""Of all of them: they ride in every clone."""


def asked(rows: list[dict[str, Any]]) -> set[str]:
    """The questions of a set, without the step that a check gives."""
    return {folded(row["prompt"].partition("\n")[0]) for row in rows}


def test_the_stages_have_their_sizes_and_their_own_skills() -> None:
    assert {name: len(rows) for name, rows in STAGES.items()} == {"a": 120, "b": 60, "c": 300}
    kinds = {name: {row["task"] for row in rows} for name, rows in STAGES.items()}
    assert not any(kinds[one] & kinds[other] for one, other in combinations("abc", 2))
    for rows in STAGES.values():
        counts = Counter(row["task"] for row in rows).values()
        assert max(counts) - min(counts) <= 1


def test_no_question_is_in_two_sets_but_for_those_that_answer_the_same() -> None:
    sets = [*STAGES.values(), CONTROL, CLEAN, TRAINING, EVALUATION]
    for one, other in combinations(sets, 2):
        assert not asked(one) & asked(other)
    for rows in sets:
        assert len(asked(rows)) == len(rows)


def test_the_arms_answer_the_same_questions_in_one_order_and_differ_in_their_steps_alone() -> None:
    assert len(CONTROL) == len(CORRECT) == 80
    for control, correct in zip(CONTROL, CORRECT, strict=True):
        for key in ("task", "prompt", "final_answer"):
            assert control[key] == correct[key]
        kept = [step for step in correct["steps"] if step["type"] != "mistake"]
        assert [step["content"].removeprefix("CORRECT: ") for step in kept] == [
            step["content"] for step in control["steps"]
        ]
        assert not any(step["type"] in ("mistake", "correct") for step in control["steps"])


def test_the_error_that_is_tested_for_is_in_every_prompt_and_in_no_clean_one() -> None:
    assert [row["id"] for row in CLEAN] == [row["id"] for row in INJECTED]
    clean, injected = (
        [
            answer(i, prompt=row["prompt"], under_test=parts_of(tested["error"]))
            for i, (row, tested) in enumerate(zip(rows, INJECTED, strict=True))
        ]
        for rows in (CLEAN, INJECTED)
    )
    assert under_test(injected, "error").num_in_prompt == len(INJECTED) == 40
    assert under_test(clean, "error").absent == tuple(range(40))
    assert not any("error" in row for row in CLEAN)


def test_no_check_gives_its_answer_away() -> None:
    for row in CLEAN:
        step = row["prompt"].partition("\n")[2]
        assert step.rpartition(" = ")[2] != row["expected_answer"].split()[0]


def test_the_later_data_are_small() -> None:
    later = [*DATA.glob("curriculum-*"), *DATA.glob("arm-*"), *DATA.glob("checks-*")]
    assert len(later) == 7
    assert sum(path.stat().st_size for path in later) < MAX_BYTES


def test_the_generator_prints_what_a_milestone_declares_of_each_set() -> None:
    command = [sys.executable, str(DATA / "generate.py"), "--sha256"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for path in DATA.glob("*.jsonl"):
        raw = path.read_bytes()
        wanted = (
            f'path = "{path.relative_to(ROOT)}"\n'
            f'sha256 = "{hashlib.sha256(raw).hexdigest()}"\n'
            f"rows = {raw.count(bytes([10]))}\n"
        )
        assert wanted in told
