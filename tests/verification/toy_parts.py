"""The documents of the toy pack that no stage of training or evaluation makes."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any, Final

from toy_machine import COMMIT

from evidence import layout
from evidence.encoding.digest import git_blob_sha1, sha256_hex
from evidence.rules import arithmetic, scoring

MODEL: Final = f"{layout.FINAL_MODEL}/model.safetensors"
CONFIG: Final = f"{layout.FINAL_MODEL}/config.json"
OUTCOME: Final = "attempts/01-big/outcome.json"
SUMMARY: Final = "m90_summary.md"

N, B, G, EPOCHS, MAX_LENGTH, SEED = 19, 1, 2, 2, 16, 7
VOCAB, HIDDEN, LAYERS = 64, 4, 2
TOKENIZER: Final[dict[str, Any]] = {
    "model": {"vocab": {f"▁t{one}": one for one in range(1, VOCAB)}},
    "added_tokens": [{"id": 0, "content": "<bos>"}],
    "decoder": {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
}
BASE_RATE: Final = 1e-3
MILESTONE: Final = f"""\
schema = "milestone.v1"
id = "M90"
title = "Toy"
kind = "fine-tune-and-eval"
objective = "A pack for tests."

[model]
id = "toy/big"

[data.train]
path = "data/train.jsonl"
rows = {N}
answer = ["final_answer"]
text = "{{{{ prompt }}}} {{{{ final_answer }}}}"

[data.train.fields]
prompt = "string"
final_answer = "string"

[data.eval]
path = "data/eval.jsonl"

[train]
epochs = {EPOCHS}
batch_size = {B}
gradient_accumulation = {G}
learning_rate = {BASE_RATE}
dtype = "float32"
max_length = {MAX_LENGTH}
log_every_steps = 5
checkpoint_every_steps = 10
warmup_steps = 2
seed = {SEED}

[eval]
limit = 5
group_by = ["section"]
answer_after = "Answer:"
max_new_tokens = 12
scorers = ["exact", "numeric"]

[[attempt]]
name = "big"
backend = "tunix"
resolution = "The toy does it."

[attempt.requires]
accelerator = "nvidia"

[[attempt]]
name = "toy"
backend = "stub"
stand_in = true

[attempt.model]
config = "models/toy"
init_seed = 3
tokenizer = "models/toy"

[[gate]]
name = "all steps"
metric = "train.num_steps"
op = "=="
value = 20

[[frozen]]
name = "data"
paths = ["data/*.jsonl"]
ref = "HEAD"

[narrative]
summary = "{{{{ train.num_steps }}}} steps, loss {{{{ train.loss_end }}}} at the end."

[publish]
withhold = ["training_output/final_model/*.safetensors"]
reason = "weights"
"""


def safetensors(
    change: Callable[[dict[str, Any]], object] | None = None, *, dtype: str = "F32"
) -> bytes:
    """The toy's weights; `change` edits the header."""
    shapes = {"model.embed_tokens.weight": [VOCAB, HIDDEN]}
    shapes |= {f"model.layers.{i}.mlp.weight": [HIDDEN, HIDDEN] for i in range(LAYERS)}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    position = 0
    for name, shape in shapes.items():
        size = 4 * shape[0] * shape[1]
        header[name] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [position, position + size],
        }
        position += size
    if change is not None:
        change(header)
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    return struct.pack("<Q", len(encoded)) + encoded + Random(1).randbytes(position)


NUM_PARAMETERS: Final = VOCAB * HIDDEN + LAYERS * HIDDEN * HIDDEN


def _data(name: str, rows: int) -> dict[str, Any]:
    return {
        "name": name,
        "path": f"data/{name}.jsonl",
        "hub": None,
        "revision": None,
        "sha256": sha256_hex(name.encode()),
        "sha256_lf": sha256_hex(name.encode()),
        "git_blob": git_blob_sha1(name.encode()),
        "size_bytes": 1000,
        "line_ends": "lf",
        "num_rows": rows,
        "field_names": ["prompt", "final_answer"],
        "num_schema_violations": 0
        if name == "train"
        else {"unavailable": "no fields are declared"},
        "length_chars": {"min": 8, "median": 12, "p90": 20, "p95": 21, "max": 30},
        "num_duplicate_rows": 0,
        "duplicate_rows": [],
        "normalised_duplicate_rows": [],
        "num_conflicting_prompts": 0,
        "conflicting_rows": [],
        "overlap": {
            "exact_rows": [],
            "normalised_rows": [],
            "ngram_rows": [],
            "evaluation_rows": [],
        }
        if name == "train"
        else {"unavailable": "this is the evaluation set itself"},
    }


def inputs_of_toy() -> dict[str, Any]:
    """Part of the toy: inputs."""
    return {
        "schema": "inputs.v1",
        "data": {"train": _data("train", N), "eval": _data("eval", 8)},
        "model": {
            "id": "models/toy",
            "source": "random",
            "revision_requested": None,
            "revision": {"unavailable": "random weights"},
            "init_seed": 3,
            "config_sha256": sha256_hex(b"config"),
            "files": {"unavailable": "random weights"},
            "num_parameters": NUM_PARAMETERS,
            "num_embedding_parameters": VOCAB * HIDDEN,
            "dtype": "float32",
        },
        "tokenizer": {
            "id": "models/toy",
            "sha256": sha256_hex(json.dumps(TOKENIZER).encode()),
            "vocab_size": VOCAB,
            "adds_bos": True,
            "adds_eos": False,
            "special_tokens": [{"name": "bos_token", "text": "<bos>", "id": 0}],
            "chat_template": None,
        },
        "text": {
            "data": "train",
            "template": "{{ prompt }} {{ final_answer }}",
            "chat_template_applied": False,
            "num_rows": N,
            "length_tokens": {"min": 6, "median": 8, "p90": 10, "p95": 10, "max": 10},
            "rows_without_bos": [],
            "rows_doubled_bos": [],
            "rows_without_eos": {"unavailable": "the tokenizer has no end token"},
            "rows_doubled_eos": {"unavailable": "the tokenizer has no end token"},
            "rows_not_round_trip": [],
        },
        "scorers": [
            {"name": name, "kind": "rule", "version": scoring.VERSIONS[name], "pattern": None}
            for name in ("exact", "numeric")
        ],
    }


def big_of_toy() -> dict[str, Any]:
    """Part of the toy: big."""
    return {
        "schema": "outcome.v1",
        "number": 1,
        "name": "big",
        "backend": "tunix",
        "outcome": "requirement-not-met",
        "reason": "There is no GPU.",
        "missing": ["There is no GPU."],
        "remedies": ["Use a machine with one."],
        "resolution": "The toy does it.",
        "exit_status": None,
        "signal": None,
        "duration_s": 0.0,
        "last_lines": [],
    }


def journal_of_toy(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Part of the toy: journal."""
    fed = sum(row["num_fed_tokens"] for row in steps)
    flos = arithmetic.training_flops(NUM_PARAMETERS, VOCAB * HIDDEN, fed)
    saved = {"stage": "train", "segment": 1}
    checkpoint = [{"path": "model.safetensors", "sha256": "1" * 64, "size_bytes": 10}]
    plan = {"number": 1, "backend": "tunix", "stand_in": False}
    captured = {"commit": COMMIT, "dirty": False}
    unmet: dict[str, Any] = {"number": 1, "outcome": "requirement-not-met", "duration_s": 0.0}
    unmet["reason"] = "There is no GPU."
    schedule = {"resumed_from_step": None, "steps_per_epoch": 10, "num_rows": N, "num_steps": 20}
    asked = schedule | {"steps_per_epoch": None, "num_rows": 5, "num_steps": 5}
    threads = {"num_threads_start": 2, "num_threads_end": 2}
    began = {
        "milestone": "M90",
        "milestone_sha256": sha256_hex(MILESTONE.encode()),
        "tool_version": "0.1.0",
        "ruleset": 1,
    }
    event_rows: list[tuple[float, str, str | None, dict[str, Any]]] = [
        (0.0, "run-started", None, began),
        (1.0, "captured", None, {"moment": "start", **captured}),
        (1.1, "attempt-started", "big", plan),
        (1.2, "attempt-finished", "big", unmet),
        (1.3, "attempt-started", "toy", {"number": 2, "backend": "stub", "stand_in": True}),
        (1.4, "stage-started", "toy", {**saved, "resumed_from_step": None}),
        (2.0, "schedule", "toy", {"stage": "train", **schedule}),
        (2.1, "probe", "toy", {"moment": "before", "loss": 4.5, "num_examples": 5}),
        (3.5, "checkpoint", "toy", {**saved, "step": 10, "stream": steps[9]["stream"],
                                    "files": checkpoint}),
        (4.6, "probe", "toy", {"moment": "after", "loss": 2.5, "num_examples": 5}),
        (4.7, "final-model", "toy", {"files": []}),
        (5.0, "stage-finished", "toy", {**saved, "duration_s": 3.5, "runtime_s": 2.05,
                                        "total_flos": flos, "peak_memory_bytes": 10**8,
                                        "num_rows": 20, **threads}),
        (5.1, "stage-started", "toy", {"stage": "eval", "segment": 1, "resumed_from_step": None}),
        (5.3, "schedule", "toy", {"stage": "eval", **asked}),
        (6.0, "stage-finished", "toy", {"stage": "eval", "segment": 1, "duration_s": 0.85,
                                        "runtime_s": 0.4, "total_flos": None,
                                        "peak_memory_bytes": 10**8, "num_rows": 5, **threads}),
        (6.1, "attempt-finished", "toy", {"number": 2, "outcome": "completed", "reason": "",
                                          "duration_s": 4.6}),
        (7.0, "captured", None, {"moment": "end", **captured}),
        (7.1, "sealing", "toy", {"status": "complete"}),
    ]  # fmt: skip
    return [
        {
            "seq": 0,
            "prev": "",
            "utc": f"2026-01-08T20:00:{second:09.6f}Z",
            "monotonic_s": 1000.0 + second,
            "event": name,
            "attempt": attempt,
            "data": deepcopy(data),
        }
        for second, name, attempt, data in event_rows
    ]


def manifest_of_toy() -> dict[str, Any]:
    """Part of the toy: manifest."""
    return {
        "schema": "manifest.v1",
        "ruleset": 1,
        "tool": {"name": "evidence-pack", "version": "0.1.0"},
        "template": "v1",
        "milestone": "M90",
        "status": "complete",
        "attempt": "toy",
        "stand_in": True,
        "commit": COMMIT,
        "outcome_sha256": "0" * 64,
        "parents": [],
        "files": [],
    }
