"""A small pack, complete and consistent, whose every part a test can forge.

Responsible for what the pack says; sealing it, and sealing it again after an edit, is what the
forger of the self-test does.
"""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from toy_machine import machine_of_toy, repository_of_toy
from toy_parts import (
    BASE_RATE,
    CONFIG,
    EPOCHS,
    HIDDEN,
    LAYERS,
    MAX_LENGTH,
    MILESTONE,
    MODEL,
    OUTCOME,
    SEED,
    SUMMARY,
    TOKENIZER,
    VOCAB,
    B,
    G,
    N,
    big_of_toy,
    inputs_of_toy,
    journal_of_toy,
    manifest_of_toy,
    safetensors,
)

from evidence import layout
from evidence.backends.row_order import rows_of_step
from evidence.encoding.digest import sha256_hex
from evidence.rules import arithmetic, scoring
from evidence.rules.row_stream import START, add_row, end_step
from evidence.rules.sampling import steps_to_record
from evidence.self_test.forger import ForgedPack

__all__ = [
    "CONFIG",
    "MODEL",
    "OUTCOME",
    "SUMMARY",
    "intact_bytes",
    "prediction",
    "safetensors",
    "toy",
    "write",
]


def toy() -> ForgedPack:
    """A fresh copy of the intact pack."""
    return deepcopy(_intact())


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Put a pack on disk."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def intact_bytes() -> dict[str, bytes]:
    """Every file of the intact pack."""
    return dict(_intact_bytes())


@cache
def _intact_bytes() -> dict[str, bytes]:
    return _intact().all_bytes()


@cache
def _intact() -> ForgedPack:
    made = ForgedPack()
    made.files = {
        layout.MILESTONE: MILESTONE.encode(),
        layout.ENV_SNAPSHOT: b"",  # sealing makes it of the documents
        layout.GPU_SNAPSHOT: b"nvidia-smi: not found\n",
        layout.TRAINING_LOG: b"training\n",
        layout.EVAL_LOG: b"evaluating\n",
        MODEL: safetensors(),
        CONFIG: json.dumps(
            {"vocab_size": VOCAB, "hidden_size": HIDDEN, "num_hidden_layers": LAYERS}
        ).encode(),
        layout.TOKENIZER: json.dumps(TOKENIZER).encode(),
    }
    steps, seen = training_of_toy()
    made.docs = {
        layout.METRICS: steps,
        layout.SEEN: seen,
        layout.PREDICTIONS: _predictions(),
        layout.TELEMETRY: [_sample(second) for second in range(1, 6)],
        **machine_of_toy(),
        **repository_of_toy(),
        layout.INPUTS: inputs_of_toy(),
        layout.WITHHELD: {
            "schema": "withheld.v1",
            "files": [{"path": MODEL, "size_bytes": len(safetensors()), "reason": "weights"}],
        },
        OUTCOME: big_of_toy(),
        layout.JOURNAL: journal_of_toy(steps),
        layout.MANIFEST: manifest_of_toy(),
    }
    return made.seal()


def row_of_toy(source: int) -> tuple[list[int], list[int]]:
    """Ids and labels of a row."""
    length = 6 + source % 5
    ids = [0, *(1 + (source * 5 + k * 3) % (VOCAB - 1) for k in range(1, length))]
    return ids, [-100] * (length - 3) + ids[-3:]


def training_of_toy(
    epochs: int = EPOCHS, num_rows: int = N
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Step rows, and what the model saw, of two seconds of training."""
    updates = arithmetic.steps_per_epoch(num_rows, B, G)
    total = arithmetic.total_steps(epochs, updates)
    recorded, stream = steps_to_record(total, SEED, MAX_LENGTH), START
    steps: list[dict[str, Any]] = []
    batches: list[dict[str, Any]] = []
    for step in range(1, total + 1):
        rows = [(one, *row_of_toy(one)) for one in rows_of_step(step, num_rows, B * G, SEED)]
        count = len(rows)
        for source, ids, labels in rows:
            stream = add_row(stream, source, ids, labels)
        stream = end_step(stream, step)
        longest = max(len(ids) for _, ids, _ in rows)
        steps.append(
            {
                "kind": "step",
                "stage": "train",
                "segment": 1,
                "step": step,
                "epoch": arithmetic.epoch_after_step(step, num_rows, B, G),
                "loss": 4.0 / step + 0.5,
                "learning_rate": arithmetic.learning_rate_used(step, total, BASE_RATE, "linear", 2),
                "grad_norm": 1.25,
                "num_rows": count,
                "num_tokens": sum(len(ids) for _, ids, _ in rows),
                "num_fed_tokens": longest * count,
                "num_target_tokens": 3 * count,
                "elapsed_s": 2.0 / total * step,
                "stream": stream,
            }
        )
        if step in recorded:
            batches.append({"step": step, "rows": [_seen_row(*row) for row in rows]})
    return steps, _seen(steps, batches, epochs, num_rows)


def _seen_row(source: int, ids: list[int], labels: list[int]) -> dict[str, Any]:
    return {
        "source_row": source,
        "ids": ids,
        "labels": labels,
        "pieces": ["<bos>", *(f" t{one}" for one in ids[1:])],
    }


def _seen(
    steps: list[dict[str, Any]], batches: list[dict[str, Any]], epochs: int, num_rows: int
) -> dict[str, Any]:
    def field_of(name: str, *, answer: bool) -> dict[str, Any]:
        return {
            "field": name,
            "is_answer": answer,
            "num_rows_in_sequence": num_rows,
            "num_rows_in_target": num_rows if answer else 0,
            "rows_cut": [],
        }

    return {
        "schema": "seen.v1",
        "stage": "train",
        "text_template": "{{ prompt }} {{ final_answer }}",
        "num_rows": num_rows,
        "num_rows_fed": num_rows * epochs,
        "times_seen_min": epochs,
        "times_seen_max": epochs,
        "times_seen": [epochs] * num_rows,
        **{
            key: sum(row[key] for row in steps)
            for key in ("num_tokens", "num_fed_tokens", "num_target_tokens")
        },
        "rows_truncated": [],
        "tokens_cut": [],
        "num_tokens_cut": 0,
        "coverage": [field_of("prompt", answer=False), field_of("final_answer", answer=True)],
        "stream_sha256": steps[-1]["stream"],
        "batches": batches,
    }


def prediction(index: int, output: str) -> dict[str, Any]:
    """One row that is consistent in itself."""
    prompt, target = f"{index} + {index}?", str(2 * index)
    answer = scoring.extract_answer(output, "Answer:")
    return {
        "index": index,
        "id": f"q{index}",
        "prompt": prompt,
        "target": target,
        "output": output,
        "answer": answer,
        "finish_reason": "eos",
        "num_prompt_tokens": 4,
        "num_output_tokens": 6,
        "prompt_sha256": sha256_hex(prompt.encode()),
        "target_sha256": sha256_hex(target.encode()),
        "output_sha256": sha256_hex(output.encode()),
        "groups": {"section": "even" if index % 2 == 0 else "odd"},
        "scores": scoring.score(("exact", "numeric"), answer, target),
    }


def _predictions() -> list[dict[str, Any]]:
    answers = [0, 3, 5, 6, 9]
    return [prediction(index, f"Well. Answer: {value}") for index, value in enumerate(answers)]


def _sample(second: int) -> dict[str, Any]:
    no = {"unavailable": "no GPU"}
    return {
        "attempt": "toy",
        "stage": "train",
        "elapsed_s": float(second),
        "rss_bytes": 10**8 + second,
        "cpu_percent": 99.0,
        "gpu_memory_bytes": no,
        "gpu_utilisation_percent": no,
        "gpu_power_w": no,
    }
