"""The committed data sets as the laws read them. Says nothing about what they must hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DATA = ROOT / "milestones" / "data"
MODELS = ROOT / "milestones" / "models"


def rows(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file, one a line, every line ended by LF."""
    *lines, rest = path.read_bytes().split(b"\n")
    assert rest == b"", f"{path.name} does not end with LF"
    return [json.loads(line, parse_constant=_refuse) for line in lines]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


TRAINING = rows(DATA / "dev-reasoning.jsonl")
EVALUATION = rows(DATA / "eval.jsonl")
STAGES = {name: rows(DATA / f"curriculum-{name}.jsonl") for name in "abc"}
CONTROL, CORRECT = (rows(DATA / f"arm-{name}.jsonl") for name in ("control", "correct"))
CLEAN, INJECTED = (rows(DATA / f"checks-{name}.jsonl") for name in ("clean", "injected"))


def completion(row: dict[str, Any]) -> str:
    """What follows the prompt's line in M43's text: steps, then the answer."""
    steps = "".join(f"{step['content']}\n" for step in row["steps"])
    return f"{steps}Answer: {row['final_answer']}"


def folded(text: str) -> str:
    """A prompt without what a reader overlooks: case and amount of whitespace."""
    return " ".join(text.casefold().split())
