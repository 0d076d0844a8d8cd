"""Evidence to numbers: every value a summary may show, with unit, address and rule.

Responsible for putting the groups together; pure, and total over everything that parses. What
is not measured has a reason, never a zero. Checking the evidence is `verification.consistency`'s.
"""

from __future__ import annotations

from msgspec.structs import replace

from evidence.pack.documents import Documents
from evidence.pack.stage_view import placed, placed_row, view_of
from evidence.records.run import ResultsRecord, ValueRecord
from evidence.results.ancestors import ancestor_values
from evidence.results.arms import arms, arms_values
from evidence.results.context import Context
from evidence.results.energy import energy_values
from evidence.results.gates import evaluate_gates
from evidence.results.inputs import input_values
from evidence.results.machine import machine_values
from evidence.results.pairs import pair_values, pairs
from evidence.results.parents import parent_values
from evidence.results.run import run_values
from evidence.results.seeds import seed_values
from evidence.results.stage_totals import stage_totals
from evidence.results.steadiness import steadiness_values
from evidence.results.training import loss_table
from evidence.stages.kind import resolve
from evidence.stages.stage import Stage, stages_of


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
    values.update(energy_values(context))
    values.update(parent_values(context))
    table = loss_table(context)
    views: dict[str, Context] = {}
    for stage in stages_of(documents.milestone):
        own = context if not stage.is_named else Context(view_of(documents, stage))
        views[stage.name] = own
        found: dict[str, ValueRecord] = {}
        if stage.is_named:
            found.update(input_values(own))
        for reference in stage.kind.results:
            found.update(resolve(reference)(own))
        values.update((stage.value(name), _placed(stage, one)) for name, one in found.items())
        if stage.is_named:
            table += tuple(placed_row(stage, row) for row in loss_table(own))
    compared, side_by_side = arms(context, views), pairs(context, views)
    values.update((*arms_values(context, compared), *pair_values(side_by_side)))
    values.update(ancestor_values(context, views))
    values.update((*stage_totals(context, values), *seed_values(context, values)))
    return ResultsRecord(
        schema="results.v1",
        milestone=documents.milestone.id,
        values=dict(sorted(values.items())),
        loss_table=table,
        gates=evaluate_gates(context, values),
        arms=compared,
        pairs=side_by_side,
    )


def _placed(stage: Stage, value: ValueRecord) -> ValueRecord:
    return replace(value, address=placed(stage, value.address)) if stage.is_named else value
