"""Complete and failed packs in memory: typed, consistent, small, and easy to bend.

`complete_pack()` looks like the milestone this project was made for: one epoch over 550 rows,
138 steps, 20 predictions, run on the stand-in. The losses and texts are made up here.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

from msgspec.structs import replace
from render.sample_parts import (
    FROZEN,
    GIT,
    GIT_COMMIT,
    HARDWARE,
    JAX,
    MODEL,
    NUM_ROWS,
    NUM_STEPS,
    SEEN,
    TELEMETRY,
    TOKENIZER,
    TORCH,
    environment_record,
    inputs_record,
)

from evidence import layout
from evidence.encoding.digest import chain, sha256_hex
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord, PackageRecord, PackagesRecord
from evidence.records.inputs import FileDigest
from evidence.records.run import (
    FileEntry,
    JournalEvent,
    ManifestRecord,
    PredictionRow,
    StepRow,
    ToolRecord,
    WithheldEntry,
    WithheldRecord,
)
from evidence.results.compute import compute_results
from evidence.results.outcome_digest import outcome_digest
from evidence.rules import arithmetic, scoring
from evidence.stages.registry import kinds
from tests.documents import replaced

ROOT: Final = "ab" * 32

MILESTONE: Final = """\
schema = "milestone.v1"
id = "M43"
title = "Full GPU Training Run"
kind = "fine-tune-and-eval"
objective = "Show that the whole pipeline runs and leaves evidence."

[model]
id = "google/gemma-2b"

[data.train]
path = "data/traces.jsonl"
answer = ["final_answer"]
text = "{{ prompt }} {{ final_answer }}"

[data.eval]
path = "data/eval.jsonl"

[train]
epochs = 1
batch_size = 1
gradient_accumulation = 4
learning_rate = 2e-5

[eval]
limit = 20
group_by = ["section", "difficulty"]
scorers = ["exact", "numeric"]

[[attempt]]
name = "jax"
backend = "tunix"
resolution = "The same model and data go to the PyTorch attempt."

[[attempt]]
name = "stand-in"
backend = "transformers"
stand_in = true

[attempt.model]
config = "models/tiny"
init_seed = 42
tokenizer = "models/tiny"

[attempt.train]
learning_rate = 3e-3
dtype = "float32"

[[gate]]
name = "all steps"
metric = "train.num_steps"
op = "=="
value = 138

[[gate]]
name = "the loss halves"
metric = "train.loss_ratio"
op = "<="
value = 0.5

[[gate]]
name = "beats the big model"
metric = "eval.exact.rate"
op = ">="
value = 0.9
on_stand_in = "skip"

[[frozen]]
name = "submission"
paths = ["submission.zip"]
ref = "HEAD"

[narrative]
summary = "One epoch over {{ data.train.num_rows }} rows; the loss ends at {{ train.loss_end }}."
quote = '''
M43 runs after the freeze.
M42 stays the submission.'''
impact = "This run is evidence only."
lessons = ["Train on the **answer**.", "A mean is not an end: {{ train.loss_mean | fixed(3) }}."]
conclusion = "The pipeline works: {{ train.num_steps }} steps."
next_steps = "Run M44."
"""


def complete_pack(milestone: str = MILESTONE, **changes: Any) -> Documents:
    """A complete, sealed pack. `changes` replace fields of Documents before results are made."""
    parsed = parse_milestone(milestone.encode())
    documents = Documents(
        sizes={},
        digests={},
        milestone=parsed,
        milestone_text=milestone,
        journal=_journal("complete"),
        environment=environment_record(TORCH),
        hardware=HARDWARE,
        git=GIT,
        packages=PackagesRecord(
            schema="packages.v1",
            packages=(PackageRecord("torch", "2.9.0", "pip", Unavailable("index"), "aa" * 32),),
        ),
        frozen=FROZEN,
        inputs=inputs_record(MODEL, TOKENIZER),
        withheld=WithheldRecord(
            schema="withheld.v1",
            files=(WithheldEntry(_WEIGHTS.path, _WEIGHTS.size_bytes, "weights are large"),),
        ),
        manifest=None,
        results=None,
        of_stages={
            layout.SEEN: SEEN,
            layout.METRICS: steps(),
            layout.PREDICTIONS: predictions(),
        },
        telemetry=TELEMETRY,
        outcomes=(JAX,),
        notes="",
    )
    return sealed(replaced(documents, **changes))


def failed_pack(milestone: str = MILESTONE, **changes: Any) -> Documents:
    """A sealed pack of a run in which no attempt completed."""
    documents = complete_pack(milestone)
    nothing = Unavailable("no attempt completed")
    crash = replace(
        JAX,
        number=2,
        name="stand-in",
        backend="transformers",
        outcome="exception",
        reason="RuntimeError: the data loader ended early",
        missing=(),
        remedies=(),
        resolution="",
        exit_status=1,
        last_lines=("Traceback (most recent call last):", "RuntimeError: <no rows> | `x`"),
    )
    fields: dict[str, Any] = {
        "journal": _journal("failed"),
        "environment": environment_record(nothing),
        "inputs": inputs_record(nothing, nothing),
        "withheld": WithheldRecord(schema="withheld.v1", files=()),
        "seen": None,
        "steps": (),
        "predictions": (),
        "telemetry": (),
        "outcomes": (JAX, crash),
        "results": None,
        "manifest": None,
    }
    return sealed(replaced(documents, **(fields | changes)))


def sealed(documents: Documents) -> Documents:
    """The same documents with sizes, digests, results and manifest that belong to them."""
    documents = replace(documents, results=None, manifest=None)
    outcome = outcome_digest(documents)
    complete = not isinstance(outcome, Unavailable)
    sizes = {path: 1000 + 37 * len(path) for path in _paths(complete)}
    if complete:
        sizes[_WEIGHTS.path] = _WEIGHTS.size_bytes
    manifest = ManifestRecord(
        schema="manifest.v1",
        ruleset=1,
        tool=ToolRecord("evidence-pack", "0.1.0"),
        template="v1",
        milestone=documents.milestone.id,
        status="complete" if complete else "failed",
        attempt="stand-in" if complete else None,
        stand_in=complete,
        commit=GIT_COMMIT,
        outcome_sha256=outcome,
        parents=(),
        files=tuple(FileEntry(path, size) for path, size in sorted(sizes.items())),
    )
    return replace(
        documents,
        sizes=sizes,
        digests={path: sha256_hex(path.encode()) for path in sizes},
        results=compute_results(documents),
        manifest=manifest,
    )


def _paths(complete: bool) -> list[str]:
    paths = [*layout.NEEDED_ALWAYS, f"{layout.ATTEMPTS}/01-jax/outcome.json"]
    needed = [path for kind in kinds() for path in kind.needed_when_complete]
    return [*paths, *needed, layout.TELEMETRY] if complete else paths


def losses() -> list[float]:
    """138 made-up step losses that fall from about 5 to about 2."""
    return [2.0 + 3.1 * math.exp(-s / 32) + 0.25 * math.sin(s * 1.7) for s in range(1, 139)]


def steps(loss_of_steps: list[float] | None = None) -> tuple[StepRow, ...]:
    """Step rows that satisfy the arithmetic of the milestone."""
    stream = "0" * 64
    rows: list[StepRow] = []
    for step, loss in enumerate(losses() if loss_of_steps is None else loss_of_steps, 1):
        stream = chain(stream, str(step).encode())
        num_rows = 4 if step < NUM_STEPS else 2
        rows.append(
            StepRow(
                kind="step",
                stage="train",
                segment=1,
                step=step,
                epoch=arithmetic.epoch_after_step(step, NUM_ROWS, 1, 4),
                loss=loss,
                learning_rate=arithmetic.learning_rate_used(step, NUM_STEPS, 3e-3, "linear"),
                grad_norm=1.5,
                num_rows=num_rows,
                num_tokens=num_rows * 60,
                num_fed_tokens=num_rows * 64,
                num_target_tokens=num_rows * 20,
                elapsed_s=step * 0.1,
                stream=stream,
            )
        )
    return tuple(rows)


def predictions(output: str = "") -> tuple[PredictionRow, ...]:
    """20 predictions, 5 of them correct; `output` replaces every output."""
    rows: list[PredictionRow] = []
    for index in range(20):
        target = str(40 + index)
        model_output = output or (f"Answer: {target}" if index % 4 == 0 else f"No idea {index}")
        answer = scoring.extract_answer(model_output, None)
        rows.append(
            PredictionRow(
                index=index,
                id=f"eval-v2-{index + 1:03d}",
                prompt=f"What is {20 + index} + 20?",
                target=target,
                output=model_output,
                answer=answer,
                finish_reason="length" if index % 2 else "eos",
                num_prompt_tokens=9,
                num_output_tokens=5,
                prompt_sha256=sha256_hex(b"prompt"),
                target_sha256=sha256_hex(target.encode()),
                output_sha256=sha256_hex(model_output.encode()),
                groups={
                    "section": "core" if index < 12 else "hard",
                    "difficulty": ("easy", "medium", "hard")[index % 3],
                },
                scores=scoring.score(("exact", "numeric"), answer, target),
            )
        )
    return tuple(rows)


def gpu() -> GpuRecord:
    """A GPU as the reference machine had one."""
    nothing = Unavailable("not asked")
    return GpuRecord(
        index=0,
        name="NVIDIA GeForce RTX 5090",
        uuid=nothing,
        memory_bytes=32607 * 2**20,
        compute_capability="sm_120",
        architecture="Blackwell",
        sm_clock_mhz=nothing,
        memory_clock_mhz=nothing,
        power_limit_w=600.0,
        ecc=nothing,
        mig=nothing,
    )


def with_events(documents: Documents, *events: tuple[str, str | None, dict[str, Any]]) -> Documents:
    """The documents with another journal, given as (event, attempt, data)."""
    return replace(documents, journal=_chained(list(events)))


_WEIGHTS: Final = FileDigest(
    f"{layout.FINAL_MODEL}/model.safetensors", sha256_hex(b"weights"), 5_012_344_832
)
_CONFIG: Final = FileDigest(f"{layout.FINAL_MODEL}/config.json", sha256_hex(b"config"), 645)


def _journal(status: str) -> tuple[JournalEvent, ...]:
    events: list[tuple[str, str | None, dict[str, Any]]] = [
        ("run-started", None, {"milestone": "M43", "tool_version": "0.1.0", "ruleset": 1}),
        ("captured", None, {"moment": "start", "commit": GIT_COMMIT, "dirty": False}),
        ("attempt-started", "jax", {"number": 1, "backend": "tunix", "stand_in": False}),
        ("attempt-finished", "jax", {"number": 1, "outcome": "requirement-not-met"}),
        ("attempt-started", "stand-in", {"number": 2, "backend": "transformers"}),
        ("stage-started", "stand-in", {"stage": "train", "segment": 1, "resumed_from_step": 0}),
    ]
    if status == "complete":
        files = [
            {"path": f.path, "sha256": f.sha256, "size_bytes": f.size_bytes}
            for f in (_CONFIG, _WEIGHTS)
        ]
        finished = {"segment": 1, "total_flos": None, "peak_memory_bytes": 900 * 2**20}
        events += [
            ("probe", "stand-in", {"moment": "before", "loss": 6.9, "num_examples": 20}),
            ("probe", "stand-in", {"moment": "after", "loss": 3.25, "num_examples": 20}),
            ("final-model", "stand-in", {"files": files}),
            ("stage-finished", "stand-in", finished | {"stage": "train", "runtime_s": 73.222}),
            ("stage-started", "stand-in", {"stage": "eval", "segment": 1}),
            ("stage-finished", "stand-in", finished | {"stage": "eval", "runtime_s": 4.04}),
        ]
    ended = "completed" if status == "complete" else "exception"
    name = "stand-in" if status == "complete" else None
    events += [
        ("attempt-finished", "stand-in", {"number": 2, "outcome": ended}),
        ("captured", None, {"moment": "end", "commit": GIT_COMMIT, "dirty": False}),
        ("sealing", name, {"status": status}),
    ]
    return _chained(events)


def _chained(events: list[tuple[str, str | None, dict[str, Any]]]) -> tuple[JournalEvent, ...]:
    previous, rows = "0" * 64, []
    for seq, (event, attempt, data) in enumerate(events):
        utc = f"2026-01-08T20:{seq:02d}:05.000000Z"
        rows.append(JournalEvent(seq, utc, 100.0 + seq, event, attempt, data, previous))
        previous = sha256_hex(json.dumps([seq, event]).encode())
    return tuple(rows)


def plan_of(documents: Documents, name: str) -> Any:
    """The plan of one attempt."""
    return next(plan for plan in plan_attempts(documents.milestone) if plan.name == name)
