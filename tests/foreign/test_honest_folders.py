"""Folders as honest programs leave them: nothing worse than a note is said of any."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from evidence.foreign import reading
from evidence.foreign.among import among
from evidence.foreign.trainings import trainings

TOTALS: Final = {
    "epoch": 1.0,
    "total_flos": 8.4e14,
    "train_loss": 0.91234567,
    "train_runtime": 73.222,
    "train_samples_per_second": 10.9,
    "train_steps_per_second": 2.73,
}
EVALUATED: Final = {"epoch": 1.0, "eval_loss": 1.1123, "eval_runtime": 3.1}
ROWS: Final = [
    {"epoch": round(n / 20, 4), "grad_norm": 1.5 + n / 7, "learning_rate": 2e-5 * (1 - n / 20),
     "loss": round(3 / n + n / 97, 4), "step": n * 10}
    for n in range(1, 21)
]  # fmt: skip


def printed(row: dict[str, Any]) -> str:
    return str({name: value for name, value in row.items() if name != "step"}) + "\n"


def state(history: list[dict[str, Any]], step: int) -> str:
    return json.dumps({"log_history": history, "global_step": step, "max_steps": 200,
                       "logging_steps": 10, "total_flos": 8.4e14})  # fmt: skip


def trainer() -> dict[str, str]:
    """With checkpoints, evaluations between, results, a table of totals and an environment."""
    early = {**EVALUATED, "eval_loss": 1.3, "epoch": 0.5, "step": 100}
    late = {**EVALUATED, "step": 200}
    history = [*ROWS[:10], early, *ROWS[10:], late, {**TOTALS, "step": 200}]
    table = "***** train metrics *****\n  train_loss    = 0.9123\n  train_runtime = 0:01:13.22\n"
    return {
        "trainer_state.json": state(history, 200),
        "checkpoint-100/trainer_state.json": state(history[:11], 100),
        "all_results.json": json.dumps({**TOTALS, **EVALUATED, "perplexity": math.exp(1.1123)}),
        "train_results.json": json.dumps(TOTALS),
        "eval_results.json": json.dumps(EVALUATED),
        "train.log": "".join(map(printed, history)) + table,
        "requirements.txt": "torch==2.4.1\ntransformers==4.57.0\nnumpy==1.26\n",
        "env.txt": "PyTorch: 2.4.1+cu121\nGPU: NVIDIA A100-SXM4-80GB\nCommit: 0a1b2c3d4e5f\n",
        "config.json": json.dumps({"model_type": "llama", "_name_or_path": "org/base"}),
    }


def factory() -> dict[str, str]:
    """A log in JSON lines beside the state of a Trainer."""
    rows = [
        {"current_steps": row["step"], "total_steps": 200, "loss": row["loss"],
         "lr": row["learning_rate"], "epoch": row["epoch"], "elapsed_time": "0:00:10"}
        for row in ROWS
    ]  # fmt: skip
    return {
        "trainer_log.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "trainer_state.json": state([*ROWS, {**TOTALS, "step": 200}], 200),
        "all_results.json": json.dumps(TOTALS),
        "train_results.json": json.dumps(TOTALS),
        "train.yaml": "model_name_or_path: org/Base-8B\nseed: 42\nlearning_rate: 1.0e-4\n",
        "adapter_config.json": json.dumps({"base_model_name_or_path": "org/Base-8B"}),
    }


def contest() -> dict[str, str]:
    """Three seeds that stopped by the clock, a submission, the program."""
    files = {"submission.json": json.dumps({"val_bpb": 1.0569, "seeds": [0, 42], "gpu": "8xH100"}),
             "train_gpt.py": "x\n" * 8_315}  # fmt: skip
    for seed in (0, 42, 1337):
        losses = [
            (stage, 2.3 + seed / 1e5 + at / 9) for at, stage in enumerate(("post-ema", "ttt"))
        ]
        stages = "".join(
            f"{stage} val_loss:{loss:.8f} val_bpb:{loss / (math.log(2) * 3.16):.8f}\n"
            for stage, loss in losses
        )
        rows = "".join(f"{n * 500}/20000 train_loss: {3 - n / 20:.4f}\n" for n in range(1, 10))
        files[f"train_seed{seed}.log"] = (
            f"  seed: {seed}\n{rows}stopping_early: wallclock_cap step: 4550/20000\n{stages}"
            "Code size: 16630 bytes\n"
        )
    return files


def keras() -> dict[str, str]:
    bar = "138/138 \u2501\u2501\u2501 12s 80ms/step - loss: 0.3{0} - val_loss: 0.4{0}\n"
    return {
        "train.log": "".join(f"Epoch {n}/3\n" + bar.format(9 - n) for n in (1, 2, 3)),
        "history.csv": "epoch,loss,val_loss\n"
        + "".join(f"{n - 1},0.3{9 - n}0012,0.4{9 - n}0012\n" for n in (1, 2, 3)),
    }


def versions() -> dict[str, str]:
    """Lightning starts a folder each time."""
    files = {}
    for number in (0, 1):
        rows = "".join(f"0,{n * 10 - 1},{2 - n / 10 + number:.6f},\n" for n in range(1, 9))
        folder = f"lightning_logs/version_{number}"
        files[f"{folder}/metrics.csv"] = f"epoch,step,train_loss,val_loss\n{rows}0,79,,1.{number}\n"
        files[f"{folder}/hparams.yaml"] = f"seed: {42 + number}\n"
    return files


def stages() -> dict[str, str]:
    """One model after the other, each in a folder of its own."""
    return {
        f"{stage}/{name}": text
        for stage, model, runtime in (("sft", "org/base", 10.5), ("dpo", "org/sft", 20.5))
        for name, text in {
            "config.yaml": f"model_name_or_path: {model}\nseed: 1\n",
            "train.log": "".join(map(printed, ROWS)) + str({**TOTALS, "train_runtime": runtime}),
        }.items()
    }


def rewards() -> dict[str, str]:
    rows = [{"loss": 0.0, "grad_norm": 0.0 if n % 5 == 0 else 0.3, "reward": 0.5, "epoch": n / 50}
            for n in range(1, 50)]  # fmt: skip
    return {"log.txt": "".join(map(printed, rows))}


@pytest.mark.parametrize(
    "made",
    [trainer, factory, contest, keras, versions, stages, rewards],
    ids=lambda one: one.__name__,
)
def test_nothing_worse_than_a_note_is_said(
    made: Callable[[], dict[str, str]], tmp_path: Path
) -> None:
    for name, text in made().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    sources = reading.folder(tmp_path)
    found = among(sources, trainings(sources))
    assert [one for one in found if one.severity != "note"] == []
