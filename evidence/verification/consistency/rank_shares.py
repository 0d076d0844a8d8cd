"""What several processes of a training say that they held of the model's weights.

Responsible for telling shares (FSDP) from whole models (DDP), by counts that each process took of
its own memory, in whichever attempt. Those counts are the worker's word: that the numbers were
there and were trained with, nothing in a pack can show.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from evidence.records.availability import Unavailable
from evidence.records.milestone import FSDP
from evidence.records.run import AttemptPlan, JournalEvent
from evidence.results.context import journal_at
from evidence.rules.ranks import num_held
from evidence.stages.train import WEIGHTS
from evidence.verification.consistency.rank_rules import each
from evidence.verification.consistency.registry import Evidence, Problems, differs
from evidence.verification.problem import Problem

_KEY = "num_parameters_held"


def held(evidence: Evidence, event: JournalEvent) -> Problems:
    """Of the attempt that completed: the shares add up to the model, or each has all of it; and
    each share is what falls to the process, where the shapes of all weights are known."""
    yield from counted(evidence.plan, event)
    model = evidence.documents.inputs.model
    if isinstance(model, Unavailable) or any(_KEY not in one for _, one in each(event)):
        return
    if evidence.plan.strategy != FSDP:
        text = "not all weights of the model, as [launch] asks (ddp)"
        for place, one in each(event):
            yield from differs(f"{place}/{_KEY}", text, model.num_parameters, one[_KEY])
        return
    text = "the shares of all processes are not the weights of the model, each once"
    total = sum(one[_KEY] for _, one in each(event))
    yield from differs(journal_at(event, "data", "ranks"), text, model.num_parameters, total)
    yield from _fallen(event, evidence.plan.processes, _shapes(evidence, model.num_parameters))


def counted(plan: AttemptPlan, event: JournalEvent) -> Problems:
    """Where weights are divided, each process says how many it holds."""
    for place, one in each(event):
        if plan.strategy == FSDP and _KEY not in one:
            text = "does not say how many of the weights it held, which [launch] divides (fsdp)"
            yield Problem(place, text)


def _shapes(evidence: Evidence, num_parameters: int) -> list[Sequence[int]]:
    """Of all weights; none where weights.json names some of them alone."""
    weights = evidence.documents.document(WEIGHTS)
    shapes: list[Sequence[int]] = [] if weights is None else [one.shape for one in weights.tensors]
    return shapes if sum(map(prod, shapes)) == num_parameters else []


def _fallen(event: JournalEvent, world: int, shapes: Sequence[Sequence[int]]) -> Problems:
    text = "not the share that falls to this process"
    for rank, (place, one) in enumerate(each(event)) if shapes else ():
        yield from differs(f"{place}/{_KEY}", text, num_held(shapes, rank, world), one[_KEY])
