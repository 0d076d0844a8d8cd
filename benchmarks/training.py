"""Fine-tuning on the CPU: our worker against the script it replaces, and against plain Trainer.

    python benchmarks/training.py [--small] [--pairs N]

`recipe` is that of the reference script: Trainer, batch 1 × 4, every row padded to 128. `trainer`
has the same settings, and pads the rows of a batch to the longest of them, as Trainer's own
collator does: what somebody has who writes no script of ours and no reference one. All get the same
text (prompt + steps + answer), the same labels, the same order, the same determinism and the same
thread count. The time is that of the training loop alone; the memory that of the whole process.

Both learn at the milestone's own rate. At the stand-in's, a hundred times higher, rounding grows
over the run: a last row says what becomes of it there, for which there is no bar.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from pairs import asked, machine, result_of

ROOT = Path(__file__).parents[1]

SIDE = """
import json, os, resource, sys, time
from msgspec.structs import replace
from pathlib import Path
import torch
from transformers import Trainer, TrainingArguments
from evidence.milestone.parse import load_milestone
from evidence.milestone.plan import plan_attempts
from evidence.data.read import load_data
from evidence.data.examples import training_examples
from evidence.worker.interface import Job
from evidence.backends.transformers.models import (
    load_model, make_repeatable)
from evidence.backends.tokenizer import coder, load_tokenizer, vocabulary
from evidence.worker.recorder import Recorder
from evidence.backends.transformers.ranks import Ranks
from evidence.backends.transformers.training import ExampleDataset, train

side, root, scratch, rate = sys.argv[1], Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
plan = plan_attempts(load_milestone(root / "milestones/M43.toml")[0])[2]
plan = replace(plan, given_train=replace(plan.train, learning_rate=rate))
make_repeatable(plan)
tokenizer = load_tokenizer(plan.model, root)
data = load_data(root, "train", plan.data["train"])
examples = training_examples(plan, data, coder(tokenizer))
model = load_model(plan.model, root, torch.float32, torch.device("cpu"))
losses = []
def emit(name, **event):
    if name == "step":
        losses.append(event["row"]["loss"])
cpu = time.process_time()
if side == "ours":
    job = Job(plan, "train", str(root), scratch, scratch, 1, None, "")
    recorder = Recorder(138, 42, 128, vocabulary(tokenizer))
    spent = train(job, model, 0, examples, recorder, emit, Ranks(), (), str)[0]["runtime_s"]
    mean = sum(losses) / len(losses)
else:
    def collate(items):
        width = 128 if side == "recipe" else max(len(i["ids"]) for i in items)
        pad = lambda row, fill: [*row, *[fill] * (width - len(row))]
        return {
            "input_ids": torch.tensor([pad(i["ids"], 0) for i in items]),
            "labels": torch.tensor([pad(i["labels"], -100) for i in items]),
            "attention_mask": torch.tensor([pad([1] * len(i["ids"]), 0) for i in items]),
        }
    spec = plan.train
    arguments = TrainingArguments(
        output_dir=scratch, per_device_train_batch_size=1, gradient_accumulation_steps=4,
        num_train_epochs=1, learning_rate=spec.learning_rate, weight_decay=spec.weight_decay,
        optim="adafactor", seed=42, data_seed=42, logging_steps=1, save_strategy="steps",
        save_steps=50, save_total_limit=2, remove_unused_columns=False, use_cpu=True,
        report_to=[], disable_tqdm=True,
    )
    rows = ExampleDataset(examples)
    trainer = Trainer(model=model, args=arguments, train_dataset=rows, data_collator=collate)
    began = time.monotonic()
    trainer.train()
    spent = time.monotonic() - began
    found = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    mean = sum(found) / len(found)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("RESULT", json.dumps({"wall_s": spent, "cpu_s": time.process_time() - cpu, "mean": mean,
                            "peak_mib": peak}))
"""


SIDES = ("ours", "recipe", "trainer")
RATE = 2e-5
"""Learning rate of the milestone."""
STAND_IN_RATE = 1e-3


def measure(side: str, rate: float = RATE) -> dict[str, float]:
    """One run of one side, in a process and a folder of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        found: dict[str, float] = result_of(
            ["-c", SIDE, side, str(ROOT), scratch, repr(rate)], {"OMP_NUM_THREADS": "2"}
        )
    return found


def main() -> None:
    """Print the table."""
    pairs = asked(__doc__, 7).pairs
    for side in SIDES:
        measure(side)
    rounds = [{side: measure(side) for side in SIDES} for _ in range(pairs)]
    print(machine(), "", sep="\n")
    print("| what | median | spread | bar |", "|---|---|---|---|", sep="\n")
    for side, bar in (("recipe", "≥ 2.2"), ("trainer", "≥ 1")):
        _row(f"samples/s, ours / {side}", [one[side]["wall_s"] / one["ours"]["wall_s"]
                                           for one in rounds], bar)  # fmt: skip
    peaks = [one["ours"]["peak_mib"] / one["trainer"]["peak_mib"] for one in rounds]
    _row("peak memory of the process, ours / trainer", peaks, "≤ 1.05")
    gap = max(abs(one["ours"]["mean"] / one["recipe"]["mean"] - 1) for one in rounds)
    grown = measure("ours", STAND_IN_RATE)["mean"] / measure("recipe", STAND_IN_RATE)["mean"] - 1
    print(f"| mean train loss at {RATE:g}, relative difference to recipe | {gap:.1e} | | ≤ 1e-6 |")
    print(f"| the same at the stand-in's {STAND_IN_RATE:g} | {abs(grown):.1e} | | |")


def _row(what: str, ratios: list[float], bar: str) -> None:
    low, high = min(ratios), max(ratios)
    print(f"| {what} | {statistics.median(ratios):.2f} | {low:.2f} to {high:.2f} | {bar} |")


if __name__ == "__main__":
    main()
