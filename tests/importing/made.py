"""Evidence as people leave it, made by code: a small run that has taken place nowhere.

Responsible for files that agree with one another by the arithmetic of a training: 40 rows in
micro-batches of 2, accumulated twice, one epoch: 10 steps, logged every second one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from evidence.importing.import_folder import ImportOptions, ImportResult, import_folder

STEPS: Final = 10
EVERY: Final = 2
RATE: Final = 1e-3
LOSSES: Final = (2.5, 2.25, 1.75, 1.5, 1.25)
"""Means of two steps each, so that the mean of the run is theirs."""
MEAN: Final = 1.85
PARAMETERS: Final = 1_000
TABLE: Final = (10, 8)
LENGTH: Final = 16
ROWS: Final = 40
FLOS: Final = 6 * (PARAMETERS - TABLE[0] * TABLE[1]) * ROWS * LENGTH
RUNTIME: Final = 12.5
COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"

SMI: Final = """\
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 550.10                 Driver Version: 550.10         CUDA Version: 12.4     |
|-----------------------------------------+------------------------+----------------------+
|   0  Imagined GPU 9000              On  |   00000000:01:00.0 Off |                  N/A |
| 30%   40C    P8             20W /  300W |     100MiB /  16384MiB |      0%      Default |
+-----------------------------------------+------------------------+----------------------+
"""


def rates() -> list[float]:
    """The rates that a linear schedule uses at the logged steps."""
    return [RATE * ((STEPS - (step - 1)) / STEPS) for step in range(EVERY, STEPS + 1, EVERY)]


def rows() -> list[dict[str, Any]]:
    """What the trainer logged."""
    return [
        {"loss": loss, "grad_norm": 1.5, "learning_rate": rate, "epoch": step / STEPS}
        for loss, rate, step in zip(LOSSES, rates(), range(EVERY, STEPS + 1, EVERY), strict=True)
    ]


def totals() -> dict[str, Any]:
    """The row that the trainer logged last."""
    return {
        "train_runtime": RUNTIME,
        "train_samples_per_second": ROWS / RUNTIME,
        "train_steps_per_second": STEPS / RUNTIME,
        "train_loss": MEAN,
        "epoch": 1.0,
    }


def log_of_a_terminal() -> bytes:
    """A log of Trainer 4 as PowerShell keeps it: UTF-16, carriage returns, a bar in between."""
    bar = "".join(f"\r {n * 10}%|{'#' * n} | {n}/10 [00:0{n % 10}<00:01]" for n in range(1, 11))
    lines = [
        "python : C:\\work\\train.py:3: UserWarning: odd",
        "   Model: imagined/tiny (revision: main)",
        bar,
        *(repr(row) for row in rows()),
        repr(totals()),
    ]
    return ("\r\n".join(lines) + "\r\n").encode("utf-16")


def state() -> dict[str, Any]:
    """trainer_state.json."""
    return {
        "log_history": [
            {**row, "step": step}
            for row, step in zip(rows(), range(EVERY, STEPS + 1, EVERY), strict=True)
        ]
        + [{**totals(), "step": STEPS, "total_flos": FLOS}],
        "global_step": STEPS,
        "max_steps": STEPS,
        "num_train_epochs": 1,
        "logging_steps": EVERY,
        "total_flos": FLOS,
    }


CONFIG: Final = """\
model:
  model_id: imagined/tiny
training:
  per_device_train_batch_size: 2
  gradient_accumulation_steps: 2
  num_train_epochs: 1
  learning_rate: 1.0e-3
  lr_scheduler_type: linear
  logging_steps: 2
  max_seq_length: 16
  seed: 7
"""
MODEL: Final = {
    "model_type": "llama",
    "vocab_size": TABLE[0],
    "hidden_size": TABLE[1],
    "dtype": "bfloat16",
    "architectures": ["LlamaForCausalLM"],
    "transformers_version": "4.57.0",
}
INDEX: Final = {
    "metadata": {"total_parameters": PARAMETERS, "total_size": 2 * PARAMETERS},
    "weight_map": {"a": "model-00001-of-00001.safetensors"},
}


def predictions() -> str:
    """Rows with a field that never changes."""
    found = [
        {"id": f"e{n}", "prompt": f"{n} + 1?", "final_answer": str(n), "source": "made"}
        for n in range(4)
    ]
    return "".join(f"{json.dumps(one)}\n" for one in found)


def make_evidence(folder: Path) -> Path:
    """A folder of all that."""
    files: dict[str, bytes | str] = {
        "training log.txt": log_of_a_terminal(),
        "trainer_state.json": json.dumps(state(), indent=2),
        "config.yaml": CONFIG,
        "env.txt": f"Python: 3.11.7\nPyTorch: 2.9.0+cu128\nCommit: {COMMIT}\nDate: 2026-02-03\n",
        "gpu.txt": SMI,
        "predictions.jsonl": predictions(),
        "model/config.json": json.dumps(MODEL),
        "model/model.safetensors.index.json": json.dumps(INDEX),
        "model/pytorch_model.bin": b"no weights at all",
        "train.py": "accuracy = 0.99\n",
        "losses.csv": "step,loss\n"
        + "".join(f"{EVERY * n},{loss}\n" for n, loss in enumerate(LOSSES, 1)),
        "rows.jsonl": "".join(
            json.dumps({"step": EVERY * n, "loss": loss}) + "\n" for n, loss in enumerate(LOSSES, 1)
        ),
    }
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def imported(
    folder: Path, name: str = "OLD", evidence: Path | None = None, **options: Any
) -> ImportResult:
    """A pack of it in `folder`/runs."""
    found = evidence or make_evidence(folder / "found")
    return import_folder(found, name, ImportOptions(runs=folder / "runs", **options))


def make_pack(folder: Path) -> Path:
    """The same, for who needs no more than the pack."""
    return imported(folder).pack


def make_odd_pack(folder: Path) -> Path:
    """One in which as many fields have a value as can: a loss that its files contradict, a note of
    how a file was read, and a text that is said to be no secret."""
    found = make_evidence(folder / "found")
    (found / "state.log").write_bytes(b"caf\xe9: 1\n")
    changed = {**state(), "log_history": [{**one, "train_loss": 9.5} if "train_loss" in one else one
                                          for one in state()["log_history"]]}  # fmt: skip
    (found / "trainer_state.json").write_text(json.dumps(changed), encoding="utf-8")
    (found / "training log.txt").unlink()
    return imported(folder, evidence=found, not_secret=("0" * 64,)).pack
