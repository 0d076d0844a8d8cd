"""Checks on a run that was killed and resumed: each `recovered` event agrees with the others."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice, pairwise
from typing import Any, Final

from evidence.encoding.digest import sha256_hex
from evidence.records.run import JournalEvent
from evidence.results.context import journal_at
from evidence.stages.stage import stages_of
from evidence.text import endings
from evidence.verification.consistency.registry import Evidence, Problems, check, differs
from evidence.verification.problem import Problem, shown

_NAMED_STEPS: Final = 20
"""Of the steps of checkpoints, in one message."""
_NO_FILES: Final = ("folder", "link", "pipe", "socket", "device", "unreadable")
_OF_NOTHING: Final = sha256_hex(b"")


@check("journal-recoveries", "every new segment follows a recovery, which says what was lost")
def journal_recoveries(evidence: Evidence) -> Problems:
    """A segment after the first stands directly behind `recovered`, and goes on after its
    from_step, which is 0 or has a checkpoint in the journal before; rows cut ≤ steps of the
    schedule − from_step, and none where neither a segment nor another `recovered` follows.
    Exact. What was in the rows that were cut cannot be checked: they are gone."""
    events = evidence.documents.journal
    stages = stages_of(evidence.documents.milestone)
    resuming = {stage.name for stage in stages if stage.kind.resumes}
    known: dict[tuple[str | None, str | None], _Known] = {}
    for before, event in pairwise(events):
        known.setdefault((before.attempt, before.data.get("stage")), _Known()).take(before)
        if event.event == "stage-started" and event.data["segment"] > 1:
            name = event.data["stage"]
            own = known.get((before.attempt, name), _Known()) if name in resuming else None
            yield from _resume_problems(own, before, event)
        elif before.event == "recovered" and event.event not in ("stage-started", "recovered"):
            place = journal_at(before, "data", "num_step_rows_cut")
            text = "rows were cut, but no training goes on behind it"
            yield from differs(place, text, 0, before.data["num_step_rows_cut"])


@check("set-aside", "what was set aside when the run was closed is told once, in our words")
def set_aside(evidence: Evidence) -> Problems:
    """Of each entry of `set_aside`: not told in an event before; a digest and a size where it is a
    file that could be read, and where it is none neither; its reason is one of those that a run
    gives; no bytes have the digest of none, and none another. Exact. What lay there, nothing
    tells."""
    told: set[tuple[Any, ...]] = set()
    for event in evidence.documents.journal:
        entries = event.data.get("set_aside", ()) if event.event == "recovered" else ()
        for number, one in enumerate(entries):
            place = journal_at(event, "data", "set_aside", str(number))
            known = tuple(one.values())
            if known in told:
                yield Problem(place, "was told before", actual=shown(one["path"]))
            told.add(known)
            yield from _kept_beside(place, one)


def _kept_beside(place: str, one: Mapping[str, Any]) -> Problems:
    is_file = one["sha256"] is not None
    yield from differs(
        f"{place}/size_bytes", "a digest without a size", is_file, one["size_bytes"] is not None
    )
    kinds = ("file",) if is_file else _NO_FILES
    reasons = [endings.set_aside(endings.none_of_the_runs(kind)) for kind in kinds]
    if not is_file:
        reasons.append(endings.set_aside(endings.UNREAD))
    if one["reason"] not in reasons:
        text = "no run gives this reason for such an entry"
        yield Problem(f"{place}/reason", text, " or ".join(reasons), one["reason"])
    is_empty = one["sha256"] == _OF_NOTHING
    if is_file and is_empty != (one["size_bytes"] == 0):
        text = "not the size that the bytes of this digest have"
        yield Problem(f"{place}/size_bytes", text, "0" if is_empty else "> 0", one["size_bytes"])


class _Known:
    """What the journal says of a stage of an attempt up to some event."""

    def __init__(self) -> None:
        self.checkpoint_steps: dict[int, None] = {}
        self.planned_steps = 0

    def take(self, event: JournalEvent) -> None:
        """The next event of the stage."""
        if event.event == "checkpoint":
            self.checkpoint_steps[event.data["step"]] = None
        elif event.event == "schedule":
            self.planned_steps = max(self.planned_steps, event.data["num_steps"])


def _resume_problems(
    known: _Known | None, recovered: JournalEvent, started: JournalEvent
) -> Problems:
    """`known`: of a stage that resumes from checkpoints; None for one that begins anew."""
    if recovered.event != "recovered":
        yield Problem(journal_at(started, "event"), "a later segment needs a recovery before it")
        return
    step = recovered.data["from_step"]
    if known is None:
        text = "the evaluation goes on, so no step does"
        yield from differs(journal_at(recovered, "data", "from_step"), text, None, step)
        return
    place = journal_at(started, "data", "resumed_from_step")
    text = "another step than the recovery names"
    yield from differs(place, text, step or None, started.data.get("resumed_from_step"))
    if step and step not in known.checkpoint_steps:
        last = list(islice(reversed(known.checkpoint_steps), _NAMED_STEPS))[::-1]
        text = "the journal has no checkpoint of the step that the run went on from"
        yield Problem(journal_at(recovered, "data", "from_step"), text, shown(str(last)), step)
    most = known.planned_steps - (step or 0)
    if recovered.data["num_step_rows_cut"] > max(most, 0):
        place = journal_at(recovered, "data", "num_step_rows_cut")
        text = "more rows than there were steps"
        yield Problem(place, text, f"at most {max(most, 0)}", recovered.data["num_step_rows_cut"])
