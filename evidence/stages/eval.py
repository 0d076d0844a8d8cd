"""The evaluation stage, as a kind: what it leaves, owes and shows."""

from __future__ import annotations

from typing import Final

from evidence import layout
from evidence.records.run import PredictionRow
from evidence.stages.kind import Fact, Kind, Rows, Section


def _progress(_: PredictionRow, num_rows: int) -> tuple[int, str]:
    return num_rows, ""


PREDICTIONS: Final = Rows(
    path=layout.PREDICTIONS,
    schema="prediction-row.v1",
    record=PredictionRow,
    event="prediction",
    progress=_progress,
    counted_as="num_predictions",
)
EVAL: Final = Kind(
    name="eval",
    unit="example",
    log=layout.EVAL_LOG,
    described={
        layout.PREDICTIONS: "Eval generation outputs",
        layout.EVAL_LOG: "Evaluation output",
    },
    stopping="stopping; the trained model is kept, and the evaluation begins anew when you go on",
    stopped="its training is done and kept",
    rows=PREDICTIONS,
    facts=(Fact("generation", owed=False),),
    checks=("evidence.verification.consistency.evaluation",),
    results=("evidence.results.evaluation:evaluation_values",),
    outcome="evidence.results.outcome_digest:of_evaluation",
    sections=(Section("evaluation.md.j2", "evidence.render.evaluation:view", "details"),),
)
