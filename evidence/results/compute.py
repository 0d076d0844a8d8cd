"""Evidence to numbers: every value a summary may show, with unit, address and rule.

Responsible for putting the groups together; pure, and total over everything that parses. What
is not measured has a reason, never a zero. Checking the evidence is `verification.consistency`'s.
"""

from __future__ import annotations

from evidence.pack.documents import Documents
from evidence.records.run import ResultsRecord
from evidence.results.context import Context
from evidence.results.gates import evaluate_gates
from evidence.results.inputs import input_values
from evidence.results.machine import machine_values
from evidence.results.run import run_values
from evidence.results.steadiness import steadiness_values
from evidence.results.training import loss_table
from evidence.stages.kind import resolve
from evidence.stages.registry import stages_of


def compute_results(documents: Documents) -> ResultsRecord:
    """Every value of a pack. Ignores `documents.results` and `documents.manifest`."""
    return results_of(Context(documents))


def results_of(context: Context) -> ResultsRecord:
    """The same of a context, which may have made some of what they need for others."""
    documents = context.documents
    values = dict(run_values(context))
    values.update(steadiness_values(context))
    values.update(input_values(context))
    values.update(machine_values(context))
    for kind in stages_of(documents.milestone):
        for reference in kind.results:
            values.update(resolve(reference)(context))
    return ResultsRecord(
        schema="results.v1",
        milestone=documents.milestone.id,
        values=dict(sorted(values.items())),
        loss_table=loss_table(context),
        gates=evaluate_gates(context, values),
    )
