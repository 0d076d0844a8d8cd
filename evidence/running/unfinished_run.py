"""A run as the process that ended left it, read back from its work folder.

Responsible for reading. Nothing but the incomplete end of the journal is changed; what is done
with it is `recovery`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from evidence import layout
from evidence.attempt.lead import Lead
from evidence.errors import MilestoneError
from evidence.milestone.parse import load_milestone
from evidence.milestone.plan import plan_attempts
from evidence.pack import journal
from evidence.records.milestone import AllowSpec, Milestone
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, JournalEvent, StopRecord
from evidence.running.memory import Remembered, recall
from evidence.running.parents import staged_parents
from evidence.running.preflight import Prepared
from evidence.running.resuming import data_as_begun
from evidence.running.secrets import allowed_in
from evidence.running.settings import staged_milestone, staged_overrides
from evidence.running.unfinished_files import cut_incomplete_line
from evidence.running.workspace import Workspace
from evidence.system.durable import remove_partials
from evidence.worker.interface import Backend


class UnfinishedRun(Record):
    """A run as the ended process left it, read back from its work folder."""

    events: tuple[JournalEvent, ...]
    facts: Remembered
    prepared: Prepared
    stopped: StopRecord
    """Why the process before this one ended."""
    num_incomplete_bytes: int
    """Of a journal record that was being written."""
    allowed: tuple[AllowSpec, ...]
    """What the milestone file allows by now besides, though it looks like a secret."""
    differences: tuple[str, ...] = ()
    """What is another one than at the start and refuses nothing."""

    def led_by(self, lead: Lead | None) -> UnfinishedRun:
        """The same for a process that speaks with others."""
        return replace(self, prepared=replace(self.prepared, lead=lead))

    def recorded(self, event: str) -> bool:
        """Whether the journal has such an event."""
        return any(one.event == event for one in self.events)

    def stage_reached(self, plan: AttemptPlan) -> str:
        """How far an attempt came, such as `in the B stage, after step 4`; empty where no stage of
        it began."""
        own = [one for one in self.events if one.attempt == plan.name]
        told = ("stage-started", "stage-finished")
        last = next((one for one in reversed(own) if one.event in told), None)
        if last is None:
            return ""
        stage = last.data["stage"]
        if last.event == "stage-finished":
            return f"after the {stage} stage"
        saved = [int(one.data["step"]) for one in self.of(plan, "checkpoint", stage)]
        return f"in the {stage} stage" + (f", after step {saved[-1]}" if saved else "")

    def of(self, plan: AttemptPlan, event: str, stage: str | None = None) -> list[JournalEvent]:
        """Events of one attempt, in order."""
        return [
            one
            for one in self.events
            if one.attempt == plan.name
            and one.event == event
            and stage in (None, one.data.get("stage"))
        ]


def read_unfinished(root: Path, space: Workspace, backends: Mapping[str, Backend]) -> UnfinishedRun:
    """Read back the run in a work folder.

    Raises MalformedError for what is not as it was written: `damage` says which before.
    """
    remove_partials(space.work)
    path = space.staging / layout.JOURNAL
    num_incomplete_bytes = cut_incomplete_line(path)
    events = tuple(journal.read(path.read_bytes())) if path.exists() else ()
    facts = recall(space.work)
    source = (space.staging / layout.MILESTONE).read_bytes()
    milestone = staged_milestone(space)
    plans = {plan.name: plan for plan in plan_attempts(milestone)}
    prepared = Prepared(
        milestone=milestone,
        source=source,
        notes=None,
        plans=tuple(plans[name] for name in facts.attempts),
        data=data_as_begun(root, space, milestone, facts),
        of_stages=facts.of_stages,
        ancestors=facts.ancestors,
        backends=backends,
        overrides=staged_overrides(space),
        parents=staged_parents(space.staging),
        functions=facts.functions,
    )
    allowed = newly_allowed(root, milestone, events)
    return UnfinishedRun(events, facts, prepared, space.read_stop(), num_incomplete_bytes, allowed)


def newly_allowed(
    root: Path, milestone: Milestone, events: tuple[JournalEvent, ...]
) -> tuple[AllowSpec, ...]:
    """Entries of `secrets.allow` added since the run began; nothing else of the file counts now."""
    try:
        now, _ = load_milestone(layout.milestone_file(root, milestone.id))
    except MilestoneError:
        return ()
    known = {one.sha256 for one in allowed_in(milestone, events)}
    return tuple(one for one in now.secrets.allow if one.sha256 not in known)
