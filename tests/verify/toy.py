"""A small pack, complete and consistent, whose every part a test can bend.

`Toy` holds the pack as values; `seal` makes results, outcome digest, manifest, SHA256SUMS and the
rendered set from them, exactly as a forger with this project's code at hand could.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from evidence import arithmetic, jsonio, layout, scoring
from evidence.digest import git_blob_sha1, sha256_hex
from evidence.documents import Documents, is_document, parse_documents
from evidence.errors import EvidenceError
from evidence.outcome import outcome_digest
from evidence.records.codec import encode
from evidence.render import render_pack, rendered_record
from evidence.results import compute_results
from evidence.seal import format_sums
from evidence.workload.recorder import steps_to_keep
from evidence.workload.stream import START, add_row, end_step

MODEL: Final = f"{layout.FINAL_MODEL}/model.safetensors"
CONFIG: Final = f"{layout.FINAL_MODEL}/config.json"
OUTCOME: Final = "attempts/01-big/outcome.json"
SUMMARY: Final = "m90_summary.md"

N, B, G, EPOCHS, MAX_LENGTH, SEED = 19, 1, 2, 2, 16, 7
VOCAB, HIDDEN, LAYERS = 64, 4, 2
BASE_RATE: Final = 1e-3
COMMIT: Final = "c0ffee" * 6 + "c0ff"
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


@dataclass
class Toy:
    """A pack as values: JSON documents, JSON lines as lists, everything else as bytes."""

    docs: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    attached: dict[str, bytes] = field(default_factory=dict)

    def event(self, name: str, **where: Any) -> dict[str, Any]:
        """The first journal event with this name (and these data)."""
        return next(
            event
            for event in self.docs[layout.JOURNAL]
            if event["event"] == name and where.items() <= event["data"].items()
        )

    def seal(self, *, results: bool = True, outcome: bool = True, model: bool = True) -> Toy:
        """Make everything that follows from the rest follow from it again."""
        if model:
            self._journal_model()
        self._chain()
        try:
            documents = self.documents()
            if results:
                self.docs[layout.RESULTS] = encode(compute_results(documents))
            if outcome:
                self.docs[layout.MANIFEST]["outcome_sha256"] = encode(outcome_digest(documents))
        except EvidenceError:
            pass  # what was forged cannot even be computed with: sealed as it is
        contents = self.contents()
        self.docs[layout.MANIFEST]["files"] = [
            {"path": path, "size_bytes": len(contents[path])}
            for path in sorted(contents)
            if path != layout.MANIFEST
        ]
        return self

    def _journal_model(self) -> None:
        for event in self.docs[layout.JOURNAL]:
            if event["event"] == "final-model":
                event["data"]["files"] = [
                    {"path": p, "sha256": sha256_hex(data), "size_bytes": len(data)}
                    for p, data in sorted(self.files.items())
                    if p.startswith(layout.FINAL_MODEL)
                ]

    def _chain(self) -> None:
        previous = "0" * 64
        for seq, event in enumerate(self.docs[layout.JOURNAL]):
            event["seq"], event["prev"] = seq, previous
            previous = sha256_hex(jsonio.dump_row(event))

    def contents(self) -> dict[str, bytes]:
        """Bytes of every sealed file but SHA256SUMS."""
        found = dict(self.files)
        for path, value in self.docs.items():
            found[path] = (
                b"".join(map(jsonio.dump_row, value))
                if path.endswith(".jsonl")
                else jsonio.dump_document(value)
            )
        return found

    def documents(self) -> Documents:
        """The records of it."""
        contents = self.contents()
        kept = {path: data for path, data in contents.items() if is_document(path)}
        digests = {path: sha256_hex(data) for path, data in contents.items()}
        return parse_documents(kept, {p: len(d) for p, d in contents.items()}, digests)

    def sealed_bytes(self) -> dict[str, bytes]:
        """The sealed set with SHA256SUMS."""
        contents = self.contents()
        sums = format_sums({path: sha256_hex(data) for path, data in contents.items()})
        return {**contents, layout.SUMS: sums}

    def all_bytes(self) -> dict[str, bytes]:
        """The whole pack, rendered set included where it can be rendered."""
        sealed = self.sealed_bytes()
        root = sha256_hex(sealed[layout.SUMS])
        try:
            documents = self.documents()
            files = {**render_pack(documents, root, self.attached), **self.attached}
            record = rendered_record(documents, root, files)
        except EvidenceError:
            return sealed
        return {**sealed, **files, layout.RENDERED: jsonio.dump_document(encode(record))}


def toy() -> Toy:
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
def _intact() -> Toy:
    made = Toy()
    made.files = {
        layout.MILESTONE: MILESTONE.encode(),
        layout.ENV_SNAPSHOT: b"Python 3.11.7\ntorch 2.9.0\n",
        layout.GPU_SNAPSHOT: b"nvidia-smi: not found\n",
        layout.TRAINING_LOG: b"training\n",
        layout.EVAL_LOG: b"evaluating\n",
        MODEL: safetensors(),
        CONFIG: json.dumps(
            {"vocab_size": VOCAB, "hidden_size": HIDDEN, "num_hidden_layers": LAYERS}
        ).encode(),
        f"{layout.FINAL_MODEL}/tokenizer.json": b"{}",
    }
    steps, seen = _training()
    made.docs = {
        layout.METRICS: steps,
        layout.SEEN: seen,
        layout.PREDICTIONS: _predictions(),
        layout.TELEMETRY: [_sample(second) for second in range(1, 6)],
        **_machine(),
        layout.INPUTS: _inputs(),
        layout.WITHHELD: {
            "schema": "withheld.v1",
            "files": [{"path": MODEL, "size_bytes": len(safetensors()), "reason": "weights"}],
        },
        OUTCOME: _big(),
        layout.JOURNAL: _journal(steps),
        layout.MANIFEST: _manifest(),
    }
    return made.seal()


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


def _row(source: int) -> tuple[list[int], list[int]]:
    length = 6 + source % 5
    ids = [1 + (source * 5 + k * 3) % (VOCAB - 1) for k in range(length)]
    return ids, [-100] * (length - 3) + ids[-3:]


def _training() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    updates = arithmetic.steps_per_epoch(N, B, G)
    total = arithmetic.total_steps(EPOCHS, updates)
    order = [i for epoch in range(EPOCHS) for i in Random(epoch).sample(range(N), N)]
    kept, stream, position = steps_to_keep(total, SEED), START, 0
    steps: list[dict[str, Any]] = []
    batches: list[dict[str, Any]] = []
    for step in range(1, total + 1):
        within = (step - 1) % updates
        count = min((within + 1) * G, N) - within * G
        rows = [(source, *_row(source)) for source in order[position : position + count]]
        position += count
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
                "epoch": arithmetic.epoch_after_step(step, N, B, G),
                "loss": 4.0 / step + 0.5,
                "learning_rate": arithmetic.learning_rate_used(step, total, BASE_RATE, "linear", 2),
                "grad_norm": 1.25,
                "num_rows": count,
                "num_tokens": sum(len(ids) for _, ids, _ in rows),
                "num_fed_tokens": longest * count,
                "num_target_tokens": 3 * count,
                "elapsed_s": 0.1 * step,
                "stream": stream,
            }
        )
        if step in kept:
            batches.append({"step": step, "rows": [_seen_row(*row) for row in rows]})
    return steps, _seen(steps, batches)


def _seen_row(source: int, ids: list[int], labels: list[int]) -> dict[str, Any]:
    return {
        "source_row": source,
        "ids": ids,
        "labels": labels,
        "text": f"prompt {source} answer",
        "target_text": "answer",
    }


def _seen(steps: list[dict[str, Any]], batches: list[dict[str, Any]]) -> dict[str, Any]:
    def field_of(name: str, *, answer: bool) -> dict[str, Any]:
        return {
            "field": name,
            "is_answer": answer,
            "num_rows_in_sequence": N,
            "num_rows_in_target": N if answer else 0,
            "rows_cut": [],
        }

    return {
        "schema": "seen.v1",
        "stage": "train",
        "text_template": "{{ prompt }} {{ final_answer }}",
        "num_rows": N,
        "num_rows_fed": N * EPOCHS,
        "times_seen_min": EPOCHS,
        "times_seen_max": EPOCHS,
        **{
            key: sum(row[key] for row in steps)
            for key in ("num_tokens", "num_fed_tokens", "num_target_tokens")
        },
        "rows_truncated": [],
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
    said = [0, 3, 5, 6, 9]
    return [prediction(index, f"Well. Answer: {value}") for index, value in enumerate(said)]


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


def _machine() -> dict[str, Any]:
    no = {"unavailable": "not asked"}
    state = {
        "commit": COMMIT,
        "tree": "7" * 40,
        "branch": "main",
        "tags": [],
        "commit_utc": "2026-01-08T19:00:00Z",
        "subject": "Toy",
        "dirty": False,
        "files": [],
        "shallow": False,
    }
    frozen = [
        {
            "path": f"data/{name}.jsonl",
            "before_sha256": sha256_hex(name.encode()),
            "after_sha256": sha256_hex(name.encode()),
            "ref_sha256": sha256_hex(name.encode()),
        }
        for name in ("eval", "train")
    ]
    return {
        layout.ENVIRONMENT: {
            "schema": "environment.v1",
            "python_version": "3.11.7",
            "python_implementation": "CPython",
            "python_compiler": "GCC",
            "locale": "C.UTF-8",
            "timezone": "UTC",
            "started_utc": "2026-01-08T20:00:00.500000Z",
            "variables": {},
            "framework": {
                "torch_version": "2.9.0+cpu",
                "transformers_version": "5.1.0",
                "cuda_version": no,
                "cudnn_version": no,
                "device": "cpu",
                "device_name": no,
                "num_threads": 2,
                "num_interop_threads": 1,
                "deterministic_algorithms": True,
                "matmul_precision": "highest",
            },
        },
        layout.HARDWARE: {
            "schema": "hardware.v1",
            "cpu": {
                "model": "A CPU",
                "architecture": "x86_64",
                "num_physical_cores": 1,
                "num_logical_cores": 2,
                "num_usable_cores": 2,
                "max_mhz": no,
                "flags": no,
            },
            "memory_bytes": 16 * 2**30,
            "disk_total_bytes": 10**12,
            "disk_free_bytes": 10**11,
            "gpus": {"unavailable": "no NVIDIA driver"},
            "driver_version": no,
            "driver_cuda_version": no,
            "os": "Linux",
            "kernel": "6.1",
            "container": no,
        },
        layout.GIT: {
            "schema": "git.v1",
            "remote": no,
            "start": state,
            "end": deepcopy(state),
            "changed_during_run": False,
            "patch_sha256": {"unavailable": "clean"},
        },
        layout.PACKAGES: {
            "schema": "packages.v1",
            "packages": [
                {
                    "name": name,
                    "version": version,
                    "installer": "pip",
                    "origin": no,
                    "record_sha256": no,
                }
                for name, version in (("torch", "2.9.0"), ("transformers", "5.1.0"))
            ],
        },
        layout.FROZEN: {
            "schema": "frozen.v1",
            "sets": [
                {
                    "name": "data",
                    "ref": "HEAD",
                    "ref_commit": COMMIT,
                    "policy": "fail",
                    "unchanged_during_run": True,
                    "equal_to_ref": True,
                    "files": frozen,
                }
            ],
        },
    }


def _inputs() -> dict[str, Any]:
    def data(name: str, rows: int) -> dict[str, Any]:
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
            "num_duplicate_rows": 0,
            "duplicate_rows": [],
            "num_conflicting_prompts": 0,
            "overlap_rows": [],
        }

    return {
        "schema": "inputs.v1",
        "data": {"train": data("train", N), "eval": data("eval", 8)},
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
            "sha256": sha256_hex(b"{}"),
            "vocab_size": VOCAB,
            "adds_bos": True,
            "adds_eos": False,
        },
    }


def _big() -> dict[str, Any]:
    return {
        "schema": "outcome.v1",
        "number": 1,
        "name": "big",
        "backend": "tunix",
        "outcome": "requirement-not-met",
        "reason": "no GPU",
        "missing": ["There is no GPU."],
        "remedies": ["Use a machine with one."],
        "resolution": "The toy does it.",
        "exit_status": None,
        "signal": None,
        "duration_s": 0.0,
        "last_lines": [],
    }


def _journal(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    fed = sum(row["num_fed_tokens"] for row in steps)
    flos = arithmetic.training_flops(NUM_PARAMETERS, VOCAB * HIDDEN, fed)
    saved = {"stage": "train", "segment": 1}
    checkpoint = [{"path": "model.safetensors", "sha256": "1" * 64, "size_bytes": 10}]
    plan = {"number": 1, "backend": "tunix", "stand_in": False}
    captured = {"commit": COMMIT, "dirty": False}
    unmet = {"number": 1, "outcome": "requirement-not-met", "reason": "no GPU", "duration_s": 0.0}
    schedule = {"resumed_from_step": None, "steps_per_epoch": 10, "num_rows": N, "num_steps": 20}
    asked = schedule | {"steps_per_epoch": None, "num_rows": 5, "num_steps": 5}
    began = {
        "milestone": "M90",
        "milestone_sha256": sha256_hex(MILESTONE.encode()),
        "tool_version": "0.1.0",
        "ruleset": 1,
    }
    told: list[tuple[float, str, str | None, dict[str, Any]]] = [
        (0.0, "run-started", None, began),
        (1.0, "captured", None, {"moment": "start", **captured}),
        (1.1, "attempt-started", "big", plan),
        (1.2, "attempt-finished", "big", unmet),
        (1.3, "attempt-started", "toy", {"number": 2, "backend": "stub", "stand_in": True}),
        (1.4, "stage-started", "toy", {**saved, "resumed_from_step": None}),
        (2.0, "schedule", "toy", {"stage": "train", **schedule}),
        (2.1, "probe", "toy", {"moment": "before", "loss": 4.5, "num_examples": 8}),
        (3.5, "checkpoint", "toy", {**saved, "step": 10, "stream": steps[9]["stream"],
                                    "files": checkpoint}),
        (4.6, "probe", "toy", {"moment": "after", "loss": 2.5, "num_examples": 8}),
        (4.7, "final-model", "toy", {"files": []}),
        (5.0, "stage-finished", "toy", {**saved, "duration_s": 3.5, "runtime_s": 2.05,
                                        "total_flos": flos, "peak_memory_bytes": 10**8,
                                        "num_rows": 20}),
        (5.1, "stage-started", "toy", {"stage": "eval", "segment": 1, "resumed_from_step": None}),
        (5.3, "schedule", "toy", {"stage": "eval", **asked}),
        (6.0, "stage-finished", "toy", {"stage": "eval", "segment": 1, "duration_s": 0.85,
                                        "runtime_s": 0.4, "total_flos": None,
                                        "peak_memory_bytes": 10**8, "num_rows": 5}),
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
        for second, name, attempt, data in told
    ]


def _manifest() -> dict[str, Any]:
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
