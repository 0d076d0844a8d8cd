"""The evaluation stage, as a kind: what it leaves, owes and shows."""

from __future__ import annotations

from typing import Final

from evidence import layout
from evidence.records.functions import FunctionsRecord
from evidence.records.run import PredictionRow
from evidence.records.tensors import LogitsRecord
from evidence.stages.kind import Document, Fact, Kind, Rows, Section


def _progress(_: PredictionRow, num_rows: int) -> tuple[int, str]:
    return num_rows, ""


LOGITS: Final = Document(
    path=layout.LOGITS,
    schema="logits.v1",
    record=LogitsRecord,
    event="logits",
    described="Logits after each prompt",
    owed=False,
)
FUNCTIONS: Final = Document(
    path=layout.FUNCTIONS,
    schema="functions.v1",
    record=FunctionsRecord,
    event="functions",
    described="The author's own functions that scored the answers",
    owed=False,
)
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
    stopping="stopping; what was trained is kept, and the evaluation begins anew when you go on",
    stopped="what was trained before is kept",
    documents=(LOGITS, FUNCTIONS),
    rows=PREDICTIONS,
    facts=(Fact("generation", owed=False), Fact("compilation", owed=False)),
    checks=(
        "evidence.verification.consistency.evaluation",
        "evidence.verification.consistency.functions",
        "evidence.verification.consistency.logits",
    ),
    results=("evidence.results.evaluation:evaluation_values",),
    outcome="evidence.results.outcome_digest:of_evaluation",
    sections=(Section("evaluation.md.j2", "evidence.render.evaluation:view", "details"),),
)
