"""Checks on a run that was killed and resumed: each `recovered` event agrees with the others."""

from __future__ import annotations

from itertools import pairwise

from evidence.records.run import JournalEvent
from evidence.results.context import journal_at
from evidence.verification.consistency.registry import Evidence, Problems, check, differs
from evidence.verification.problem import Problem, shown


@check("journal-recoveries", "every new segment follows a recovery, which says what was lost")
def journal_recoveries(evidence: Evidence) -> Problems:
    """A segment after the first stands directly behind `recovered`, and goes on after its
    from_step, which is 0 or has a checkpoint in the journal before; rows cut ≤ steps of the
    schedule − from_step. Exact. What was in the rows that were cut cannot be checked: they are
    gone."""
    events = evidence.documents.journal
    for before, event in pairwise(events):
        if event.event == "stage-started" and event.data["segment"] > 1:
            yield from _resume_problems(evidence, before, event)
        elif before.event == "recovered" and event.event != "stage-started":
            place = journal_at(before, "data", "num_step_rows_cut")
            text = "rows were cut, but no training goes on behind it"
            yield from differs(place, text, 0, before.data["num_step_rows_cut"])


def _resume_problems(
    evidence: Evidence, recovered: JournalEvent, started: JournalEvent
) -> Problems:
    if recovered.event != "recovered":
        yield Problem(journal_at(started, "event"), "a later segment needs a recovery before it")
        return
    step = recovered.data["from_step"]
    if started.data["stage"] != "train":
        text = "the evaluation goes on, so no step does"
        yield from differs(journal_at(recovered, "data", "from_step"), text, None, step)
        return
    place = journal_at(started, "data", "resumed_from_step")
    text = "another step than the recovery names"
    yield from differs(place, text, step or None, started.data.get("resumed_from_step"))
    earlier = [event for event in evidence.documents.journal[: recovered.seq]
               if event.attempt == recovered.attempt]  # fmt: skip
    checkpoint_steps = [event.data["step"] for event in earlier if event.event == "checkpoint"]
    if step and step not in checkpoint_steps:
        text = "the journal has no checkpoint of the step that the run went on from"
        yield Problem(
            journal_at(recovered, "data", "from_step"), text, shown(str(checkpoint_steps)), step
        )
    planned = [event.data["num_steps"] for event in earlier
               if event.event == "schedule" and event.data["stage"] == "train"]  # fmt: skip
    most = max(planned, default=0) - (step or 0)
    if recovered.data["num_step_rows_cut"] > max(most, 0):
        place = journal_at(recovered, "data", "num_step_rows_cut")
        text = "more rows than there were steps"
        yield Problem(place, text, f"at most {max(most, 0)}", recovered.data["num_step_rows_cut"])
