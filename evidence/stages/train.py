"""The training stage, as a kind: what it leaves, owes and shows."""

from __future__ import annotations

from typing import Final

from evidence import layout
from evidence.records.adapter import AdapterRecord
from evidence.records.inputs import SeenRecord
from evidence.records.run import StepRow
from evidence.records.tensors import WeightsRecord
from evidence.stages.kind import Document, Fact, Kind, Rows, Section


def _progress(row: StepRow, _: int) -> tuple[int, str]:
    return row.step, f"loss {row.loss:.3f}"


SEEN: Final = Document(
    path=layout.SEEN,
    schema="seen.v1",
    record=SeenRecord,
    event="seen",
    described="What the model saw",
)
WEIGHTS: Final = Document(
    path=layout.WEIGHTS,
    schema="weights.v1",
    record=WeightsRecord,
    event="weights",
    described="Weights before and after training, by tensor",
    owed=False,
)
ADAPTER: Final = Document(
    path=layout.ADAPTER,
    schema="adapter.v1",
    record=AdapterRecord,
    event="adapter",
    described="What was trained beside the model (LoRA)",
    owed=False,
)
STEPS: Final = Rows(
    path=layout.METRICS,
    schema="metrics-row.v1",
    record=StepRow,
    event="step",
    progress=_progress,
    counted_as="num_step_rows",
)
TRAIN: Final = Kind(
    name="train",
    unit="step",
    log=layout.TRAINING_LOG,
    described={
        layout.TRAINING_LOG: "Full training output",
        layout.METRICS: "Training metrics, one row per optimizer step",
    },
    stopping="stopping after this step, with a checkpoint (Ctrl-C once more: at once, without one)",
    stopped="",
    resumes=True,
    documents=(SEEN, WEIGHTS, ADAPTER),
    rows=STEPS,
    needed_files=(layout.CONFIG,),
    weights_folder=layout.FINAL_MODEL,
    facts=(
        Fact("execution", owed=False),
        Fact("ranks", owed=False),
        Fact("ranks-fed", owed=False),
        Fact("compilation", owed=False),
        Fact("loss", owed=False),
        Fact("probe", owed=False),
        Fact("validation-set", owed=False),
        Fact("validation", owed=False),
        Fact(
            "final-model",
            owed=True,
            says="a completed attempt saves one final model, and at most one a segment",
        ),
    ),
    checks=(
        "evidence.verification.consistency.training",
        "evidence.verification.consistency.validation",
        "evidence.verification.consistency.ranks",
        "evidence.verification.consistency.rank_machines",
        "evidence.verification.consistency.seen",
        "evidence.verification.consistency.fed",
        "evidence.verification.consistency.taught",
        "evidence.verification.consistency.own_lines",
        "evidence.verification.consistency.size",
        "evidence.verification.consistency.checkpoint",
        "evidence.verification.consistency.compiled",
        "evidence.verification.consistency.tensors",
        "evidence.verification.consistency.adapter",
    ),
    results=(
        "evidence.results.training:training_values",
        "evidence.results.validation:validation_values",
        "evidence.results.inputs:seen_values",
        "evidence.results.machine:checkpoint_values",
    ),
    outcome="evidence.results.outcome_digest:of_training",
    sections=(
        Section("training.md.j2", "evidence.render.training:view", "results"),
        Section("seen.md.j2", "evidence.render.seen:view", "details"),
    ),
)
