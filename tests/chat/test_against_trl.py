"""The same conversations through TRL's trainer under `evidence record`, and through a milestone.

TRL is not among the packages of development: where it is not installed this is skipped, and says
so. Marked templates alone: for others TRL has templates of its own, by the name of the model.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from evidence.verification.verification import verify_pack
from tests.chat.shapes import MARKED
from tests.chat.talking import document, project, rows, say
from tests.project import rows as lines_of
from tests.project import write_rows

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(find_spec("trl") is None, reason="TRL is not installed: make test-tools"),
]
PROGRAM = """
import json
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

with open("train.jsonl") as lines:
    rows = [{"messages": json.loads(line)["messages"]} for line in lines]
config = SFTConfig(
    output_dir="out", assistant_only_loss=True, per_device_train_batch_size=1,
    num_train_epochs=1, learning_rate=1e-3, lr_scheduler_type="linear", max_length=300,
    logging_steps=1, save_strategy="no", report_to=[], use_cpu=True, bf16=False,
)
SFTTrainer(
    model=AutoModelForCausalLM.from_pretrained("model"), args=config,
    train_dataset=Dataset.from_list(rows),
    processing_class=AutoTokenizer.from_pretrained("model"),
).train()
"""
TOLERANCE = 1e-6


def seen_rows(pack: Path, name: str) -> list[tuple[list[int], list[int]]]:
    """Ids and labels of the rows that were kept, in the order in which they were fed."""
    found: Any = document(pack, name)
    return [(row["ids"], row["labels"]) for one in found["batches"] for row in one["rows"]]


def test_the_same_tokens_carry_loss_as_in_trl(tmp_path: Path) -> None:
    root = project(tmp_path / "mine", MARKED)
    write_rows(root / "train.jsonl", [row for row in rows() if "tools" not in row])
    (root / "train.py").write_text(PROGRAM, "utf-8")
    say(root, "run", "C1", "--set", "train.gradient_accumulation=1")
    say(root, "record", "T1", "--", sys.executable, "train.py")
    ours, theirs = root / "runs/C1", root / "runs/T1"
    assert verify_pack(ours).verdict == verify_pack(theirs).verdict == "INTACT"
    steps = [lines_of(ours / "training_output/metrics.jsonl"),
             lines_of(theirs / "program/steps.jsonl")]  # fmt: skip
    assert len(steps[0]) == len(steps[1]) == 8
    for mine, other in zip(*steps, strict=True):
        for count in ("num_rows", "num_tokens", "num_target_tokens"):
            assert mine[count] == other[count] > 0
        assert mine["loss"] == pytest.approx(other["loss"], rel=TOLERANCE)
        assert mine["grad_norm"] == pytest.approx(other["grad_norm"], rel=TOLERANCE)
    kept, recorded = seen_rows(ours, "seen.json"), seen_rows(theirs, "program/seen.json")
    assert kept
    assert kept == recorded[: len(kept)]


def test_the_program_that_this_is_held_against_would_be_told_apart(tmp_path: Path) -> None:
    """Whose labels are other ones: TRL without `assistant_only_loss` learns every token."""
    root = project(tmp_path / "mine", MARKED)
    write_rows(root / "train.jsonl", [row for row in rows() if "tools" not in row])
    (root / "train.py").write_text(PROGRAM.replace("assistant_only_loss=True, ", ""), "utf-8")
    say(root, "record", "T1", "--", sys.executable, "train.py")
    (first, *_) = lines_of(root / "runs/T1/program/steps.jsonl")
    assert first["num_target_tokens"] > first["num_tokens"] / 2
