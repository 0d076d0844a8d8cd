"""Laws of the project's own data: counts, correctness, and no leak into the evaluation."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "milestones" / "data"
REFERENCE = ROOT.parent / "shared" / "reference" / "datasets" / "dev-reasoning-v2.jsonl"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


TRAINING = rows(DATA / "dev-reasoning.jsonl")
EVALUATION = rows(DATA / "eval.jsonl")


def folded(text: str) -> str:
    return " ".join(text.casefold().split())


@pytest.mark.parametrize("script", ["data/generate.py", "models/train_tokenizer.py"])
def test_the_generators_give_the_committed_bytes(script: str) -> None:
    command = [sys.executable, str(ROOT / "milestones" / script), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_training_set_has_its_counts() -> None:
    assert Counter(row["meta"]["category"] for row in TRAINING) == {
        "reasoning": 385,
        "synthetic": 110,
        "golden-style": 35,
        "edge-case": 20,
    }


def test_the_evaluation_set_has_its_counts() -> None:
    assert Counter(row["section"] for row in EVALUATION) == {
        "core": 60,
        "trace_sensitive": 25,
        "edge_case": 15,
    }
    assert len({row["id"] for row in EVALUATION}) == 100
    assert {row["difficulty"] for row in EVALUATION} == {"easy", "medium", "hard"}


def test_no_prompt_is_there_twice_and_none_is_in_both_sets() -> None:
    training = [folded(row["prompt"]) for row in TRAINING]
    evaluation = [folded(row["prompt"]) for row in EVALUATION]
    assert len(set(training)) == len(training)
    assert len(set(evaluation)) == len(evaluation)
    assert not set(training) & set(evaluation)


# Answers are worked out again from the words of the question, apart from the generator.


def numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


def count_letter(prompt: str) -> str:
    letter, word = re.findall(r"letter (\w) in (\w+)", prompt)[0]
    return str(word.count(letter))


WORKED_OUT: dict[str, Callable[[str, list[int]], str]] = {
    "unit_price": lambda _, n: f"{Fraction(n[1], n[0])} dollars",
    "distance": lambda _, n: f"{n[0] * n[1]} km",
    "area": lambda _, n: f"{n[0] * n[1]} square m",
    "percent": lambda _, n: str(Fraction(n[0] * n[1], 100)),
    "remainder": lambda _, n: str(n[0] % n[1]),
    "shopping": lambda _, n: f"{n[2] - n[0] * n[1]} dollars",
    "sequence": lambda _, n: str(2 * n[-1] - n[-2]),
    "average": lambda _, n: str(Fraction(sum(n), 3)),
    "minutes": lambda _, n: f"{n[2] * 60 + n[3] - n[0] * 60 - n[1]} minutes",
    "reverse": lambda prompt, _: "".join(reversed(prompt.split()[3])),
    "count_letter": lambda prompt, _: count_letter(prompt),
    "sort_numbers": lambda _, n: " ".join(map(str, sorted(n))),
    "largest": lambda _, n: str(max(n)),
    "checked_sum": lambda _, n: str(n[0] + n[1]),
    "corrected_product": lambda _, n: str(n[0] * n[1]),
}


def test_every_drawn_answer_is_right() -> None:
    for row in TRAINING:
        kind = row["meta"]["task_type"]
        if kind != "edge_case":
            assert row["final_answer"] == WORKED_OUT[kind](row["prompt"], numbers(row["prompt"])), (
                row
            )


def test_every_calculation_in_a_step_is_right() -> None:
    sums = re.compile(r"(-?\d+) ([-+*/]) (\d+) = (-?\d+)")
    seen = 0
    for row in TRAINING:
        for step in row["steps"]:
            if found := sums.fullmatch(step["content"]):
                a, sign, b, c = found.groups()
                left = {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b),
                        "/": Fraction(int(a), int(b) or 1)}[sign]  # fmt: skip
                assert left == int(c), step
                seen += 1
    assert seen > 300


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference material is not beside us")
def test_the_rows_have_the_format_of_the_reference_and_words_of_their_own() -> None:
    theirs = rows(REFERENCE)
    assert {tuple(row) for row in theirs} == {tuple(row) for row in TRAINING}
    assert not {folded(row["prompt"]) for row in theirs} & {folded(r["prompt"]) for r in TRAINING}
