"""What the summary of several stages says: once, in words, and of files where they lie."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence.records.inputs import SeenQuestions
from evidence.text import evaluations
from tests.shared import made_once
from tests.stages.test_several import project, run


def asked_again(folder: Path) -> Path:
    """A pack whose two trainings have a question of the evaluation each, in capitals."""
    made = project(folder / "project")
    asked = [{"id": f"q{half}", "prompt": f"WHAT IS {half}00 + {half}?", "expected_answer": "7"}
             for half in (1, 2)]  # fmt: skip
    (made / "checks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    ended = run(made)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return made / "runs/T5"


@pytest.mark.torch
def test_a_sentence_of_several_stages_stands_once_and_names_files_where_they_lie(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    pack = made_once(tmp_path_factory, "asked-again", asked_again)
    text = (pack / "t5_summary.md").read_text()
    said = "overlaps with an evaluation question, none of them exactly"
    assert text.count(said) == 1
    assert f"Stages A, B: 1 training row has a prompt that {said}" in text
    for stage in ("A", "B"):
        folder = f"| `stages/{stage}/training_output/final_model/` | Saved model checkpoint ("
        assert text.count(folder) == 1
        assert f"| `stages/{stage}/inputs.json` | Data, model and tokenizer of the stage" in text
    assert "| ; " not in text


def test_questions_that_are_only_alike_are_not_said_to_be_in_the_training_data() -> None:
    said = evaluations.of_seen("A", SeenQuestions(20, 120, (), (1, 2), (1,)))
    assert said == "2 of 20 questions overlap with the training data of A, none of them exactly"
    said = evaluations.of_seen("A", SeenQuestions(20, 120, (), (), (1,)))
    assert said == "1 of 20 questions overlaps with the training data of A, none of them exactly"
