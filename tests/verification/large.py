"""Honest packs of long runs: so many steps, answers and samples, and all that follows from them.

Responsible for making them. What verifying them may cost is the tests' and the benchmarks'.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from toy import prediction, toy, training_of_toy, write
from toy_parts import EPOCHS, HIDDEN, NUM_PARAMETERS, VOCAB, N

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.rules import arithmetic
from evidence.rules.sampling import NUM_PROBED
from evidence.self_test.forger import ForgedPack

MAX_EPOCHS: Final = 10_000
LOSS_ROWS: Final = 5_000
"""Of the loss table, about: the rest is not what these packs are for."""


def long_run(
    folder: Path,
    num_steps: int = 20,
    num_predictions: int = 5,
    num_samples: int = 5,
    output: str = "Well.",
) -> Path:
    """A pack on disk. `num_steps` is a multiple of 10, or of 10,000 above 100,000."""
    made = toy()
    if num_steps != 20:
        with_steps(made, num_steps)
    if num_predictions != 5:
        _with_predictions(made, num_predictions, output)
    _with_samples(made, num_samples)
    return write(folder, made.seal().all_bytes())


def with_steps(made: ForgedPack, num_steps: int) -> None:
    """An epoch has 10; a milestone has at most 10,000 epochs, so beyond them each has more rows."""
    epochs = min(num_steps // 10, MAX_EPOCHS)
    per_epoch = num_steps // epochs
    num_rows = 2 * per_epoch - 1  # two a step, and one in the last
    steps, seen = training_of_toy(epochs, num_rows)
    _milestone(
        made,
        (f"epochs = {EPOCHS}", f"epochs = {epochs}"),
        (f"rows = {N}", f"rows = {num_rows}"),
        ("checkpoint_every_steps = 10", f"checkpoint_every_steps = {num_steps // 2}"),
        ("log_every_steps = 5", f"log_every_steps = {max(5, num_steps // LOSS_ROWS)}"),
        ("value = 20", f"value = {num_steps}"),
    )
    made.docs[layout.METRICS], made.docs[layout.SEEN] = steps, seen
    made.docs[layout.INPUTS]["data"]["train"]["num_rows"] = num_rows
    made.docs[layout.INPUTS]["text"]["num_rows"] = num_rows
    schedule = {"num_steps": num_steps, "steps_per_epoch": per_epoch, "num_rows": num_rows}
    made.event("schedule", stage="train")["data"] |= schedule
    checkpoint = {"step": num_steps // 2, "stream": steps[num_steps // 2 - 1]["stream"]}
    made.event("checkpoint")["data"] |= checkpoint
    made.event("stage-finished", stage="train")["data"]["num_rows"] = num_steps
    set_parameters(made, NUM_PARAMETERS)


def set_parameters(made: ForgedPack, num_parameters: int) -> None:
    """How large the model is, the operations that its steps took, and memory that holds it."""
    made.docs[layout.INPUTS]["model"]["num_parameters"] = num_parameters
    fed = sum(row["num_fed_tokens"] for row in made.docs[layout.METRICS])
    flops = arithmetic.training_flops(num_parameters, VOCAB * HIDDEN, fed)
    made.event("stage-finished", stage="train")["data"]["total_flos"] = flops
    for stage in ("train", "eval"):
        finished = made.event("stage-finished", stage=stage)["data"]
        finished["peak_memory_bytes"] = max(finished["peak_memory_bytes"], 4 * num_parameters)


def _with_predictions(made: ForgedPack, count: int, output: str) -> None:
    _milestone(made, ("limit = 5", f"limit = {count}"))
    made.docs[layout.INPUTS]["data"]["eval"]["num_rows"] = count
    made.docs[layout.PREDICTIONS] = [
        prediction(number, f"{output} Answer: {number % 90}") for number in range(count)
    ]
    asked = {"num_steps": count, "num_rows": count}
    made.event("schedule", stage="eval")["data"] |= asked
    made.event("stage-finished", stage="eval")["data"]["num_rows"] = count
    for moment in ("before", "after"):
        made.event("probe", moment=moment)["data"]["num_examples"] = min(NUM_PROBED, count)


def _with_samples(made: ForgedPack, count: int) -> None:
    rows = made.docs[layout.TELEMETRY]
    rows[:] = [{**rows[0], "elapsed_s": 5.0 * n / count} for n in range(1, count + 1)]


def _milestone(made: ForgedPack, *changes: tuple[str, str]) -> None:
    text: Any = made.files[layout.MILESTONE]
    for old, new in changes:
        assert text.count(old.encode()) == 1, old
        text = text.replace(old.encode(), new.encode())
    made.files[layout.MILESTONE] = text
    made.event("run-started")["data"]["milestone_sha256"] = sha256_hex(text)
