"""What is said of another thing than the evidence knows is not contradicted by it."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Final

import pytest
from audit.corpus import ACCUSED

from evidence.audit.audit import audit_folder

EVIDENCE: Final = {
    "all_results.json": json.dumps(
        {"epoch": 2.0, "eval_accuracy": 0.8399, "eval_loss": 0.5611, "eval_samples": 1000,
         "train_loss": 0.7446, "train_runtime": 120.5, "train_samples": 800}
    ),
    "config.yaml": "learning_rate: 2.0e-5\nbatch_size: 8\nseed: 42\noptimizer: adamw\n",
    "log.txt": "step 50 loss: 1.2345\nstep 100 loss: 0.9876\nstep 150 loss: 0.4321\n",
}  # fmt: skip
CLAIMS: Final = (
    *(("accuracy", "0.7123"), ("eval loss", "1.7123"), ("train loss", "1.9123")),
    *(("training time", "999 s"), ("learning rate", "7e-4"), ("batch size", "96")),
)
OTHERS: Final = (
    *("teacher", "EMA", "smoothed", "int8", "small subset", "with dropout", "first attempt"),
    *("previous version", "stage 1", "class 2", "seed 7", "top-5", "GPT-4", "zero-shot", "2023"),
    *("per token", "10% of data", "ensemble of 5", "reported in [3]", "upper bound", "human"),
    *("train+val", "held-in", "n=50", "on a laptop", "goal", "ablation", "in-domain", "rank 3"),
    *("macro", "raw", "normalized", "full fine-tuning", "GPU 1", "at start", "per class", "MNLI"),
)
LAYOUTS: Final = (
    "- {measure} ({other}): {value}",
    "- {other} {measure}: {value}",
    "| Metric | Value |\n|-|-|\n| {measure} ({other}) | {value} |",
    "| Metric | {other} |\n|-|-|\n| {measure} | {value} |",
    "| | {measure} |\n|-|-|\n| {other} | {value} |",
    "| Run | {measure} |\n|-|-|\n| main | 0.5 |\n| {other} | {value} |",
    "The {measure} ({other}) is {value}.",
    "The {other} {measure} was {value}.",
    "With {other}, the {measure} is {value}.",
    "## {other}\n\n- {measure}: {value}",
    "## Results ({other})\n\n| Metric | Value |\n|-|-|\n| {measure} | {value} |",
    "{other}:\n\n- {measure}: {value}",
)
HARMLESS: Final = (
    *("", "## Results\n\n", "## 3. Training details\n\n", "# 📊 Evaluation metrics\n\n"),
    *("Final numbers:\n\n", "We report the following.\n\n", "# Run summary\n\n## Metrics\n\n"),
)
"""What stands above a claim of the run itself."""


@pytest.mark.parametrize("layout", LAYOUTS, ids=range(len(LAYOUTS)))
def test_what_is_of_another_thing_is_no_accusation(layout: str, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    for name, text in EVIDENCE.items():
        (folder / name).write_text(text, "utf-8")
    documents = []
    for number, (other, (measure, value)) in enumerate(product(OTHERS, CLAIMS)):
        documents.append(tmp_path / f"{number}.md")
        page = layout.format(other=other, measure=measure, value=value)
        documents[-1].write_text(page + "\n", "utf-8")
    audit = audit_folder(documents, [], folder)
    accused = [
        f"{Path(one.document).read_text('utf-8')!r}: {one.message}"
        for one in audit.claims
        if one.verdict in ACCUSED
    ]
    assert not accused, f"{len(accused)} of {len(documents)}:\n" + "\n".join(accused[:20])


@pytest.mark.parametrize("heading", HARMLESS, ids=range(len(HARMLESS)))
@pytest.mark.parametrize(("measure", "value"), CLAIMS)
def test_of_the_thing_itself_it_is(heading: str, measure: str, value: str, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    for name, text in EVIDENCE.items():
        (folder / name).write_text(text, "utf-8")
    page = tmp_path / "page.md"
    page.write_text(f"{heading}- {measure}: {value}\n", "utf-8")
    claims = audit_folder([page], [], folder).claims
    assert [one.verdict for one in claims if one.value == value] == ["contradicted"]
