"""What is advised where texts do not fit holds: in text, and in the tokens of the tokenizer."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.data.content import content_of_file
from evidence.data.examples import form_mismatches, seams_of, token_mismatches, training_examples
from evidence.data.facts import DataSet
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.run import AttemptPlan
from evidence.running.forms import form_warnings
from evidence.running.text_fit import coder_of

NO_BYTES = content_of_file(BytesIO(b""))
ROOT = Path(__file__).parents[2]
MILESTONE = """schema = "milestone.v1"
id = "F1"
title = "Forms"
kind = "fine-tune-and-eval"
objective = "What is advised holds."

[model]
config = "MODEL"
init_seed = 1
tokenizer = "MODEL"

[data.train]
path = "rows.jsonl"
text = "{{ prompt }}\\nAnswer: {{ answer }}"
answer = ["answer"]

[train]
batch_size = 1
gradient_accumulation = 1
learning_rate = 1e-3

[eval]
data = "train"
prompt = "{{ prompt }}\\n"
target_field = "answer"

[[attempt]]
name = "tiny"
backend = "transformers"
"""
NUMBERS = [{"id": str(n), "prompt": f"What is {n} + 2?", "answer": str(n + 2)} for n in range(9)]
WORDS = [{"id": str(n), "prompt": f"Row {n}?", "answer": "yes no maybe"} for n in range(9)]


def asked(model: str, rows: list[dict[str, str]]) -> tuple[AttemptPlan, dict[str, DataSet]]:
    plan = plan_attempts(parse_milestone(MILESTONE.replace("MODEL", model).encode()))[0]
    return plan, {"train": DataSet(name="train", content=NO_BYTES, rows=tuple(rows))}


@pytest.mark.parametrize("rows", [NUMBERS, WORDS], ids=["numbers", "words"])
def test_a_prompt_that_is_advised_fits_in_text_and_in_tokens(rows: list[dict[str, str]]) -> None:
    pytest.importorskip("tokenizers")
    plan, sets = asked("milestones/models/tiny-gemma", rows)
    (said,) = form_warnings(ROOT, plan, sets, plan)
    found = re.search(r'prompt = "([^"]*)"', said)
    assert found is not None
    assert "has the last word" not in said
    prompt = found[1].replace("\\n", "\n")
    mended = replace(plan, given_eval=replace(plan.eval, prompt=prompt))
    assert form_mismatches(mended, sets["train"], sets["train"]) == ()
    coder = coder_of(ROOT, mended)
    assert not isinstance(coder, str)
    examples = training_examples(mended, sets["train"], coder)
    for row, seam in zip(examples, seams_of(mended, rows, rows[0], coder.chat), strict=True):
        assert not list(token_mismatches(seam.text, seam.fed_text, row, coder, 128))


def test_without_a_tokenizer_it_is_said_that_it_has_the_last_word(tmp_path: Path) -> None:
    plan, sets = asked("nowhere", NUMBERS)
    (said,) = form_warnings(tmp_path, plan, sets, plan)
    assert 'prompt = "{{ prompt }}\\nAnswer:"' in said
    assert "the tokenizer has the last word" in said
