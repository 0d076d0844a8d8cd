"""What must hold before a run is resumed: its backends are there, and its inputs are the same.

Responsible for refusing before anything is cut, so that the run stays resumable. What is cut, and
where it resumes, is `recovery`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from evidence import __version__, layout
from evidence.attempt.reported import Reported, read_reported
from evidence.backends import registry
from evidence.data.of_stages import homes_of
from evidence.data.read import describe_data
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import UsageError
from evidence.milestone.plan import plan_attempts
from evidence.pack import journal
from evidence.records.inputs import DataRecord, InputsRecord
from evidence.records.milestone import Milestone
from evidence.records.run import AttemptPlan, JournalEvent
from evidence.running import other_python
from evidence.running.elsewhere import refusing
from evidence.running.entering import changed_files
from evidence.running.memory import Remembered, recall
from evidence.running.parents import changed_parents, staged_parents
from evidence.running.settings import staged_milestone
from evidence.running.unchanged import changed, changed_functions
from evidence.running.unfinished_files import (
    whole_records,
)
from evidence.running.workspace import Workspace
from evidence.stages.stage import stages_of
from evidence.text import commands
from evidence.worker.interface import Backend


def backends_left(root: Path, space: Workspace) -> Mapping[str, Backend]:
    """Backends of the attempts left to run. Raises UsageError, before any cut, where one lacks."""
    path = space.staging / layout.JOURNAL
    data = path.read_bytes() if path.exists() else b""
    milestone = staged_milestone(space)
    plans = {plan.name: plan for plan in plan_attempts(milestone)}
    planned = tuple(plans[name] for name in recall(space.work).attempts)
    found: dict[str, Backend] = {}
    last = stages_of(milestone)[-1].name
    for plan in _plans_left(planned, tuple(journal.read(whole_records(data))), last):
        try:
            found[plan.backend] = registry.find(plan.backend)
        except UsageError as error:
            resume = commands.to_resume(milestone.id, space.runs, root)
            raise UsageError(
                f"attempt {plan.name} cannot be run: {error.message}",
                hint=f"{error.hint}\n  Then go on: {resume}",
            ) from error
    return found


def refuse_changed(root: Path, space: Workspace) -> None:
    """Raises UsageError, before anything is cut, where an input is another one by now."""
    facts = recall(space.work)
    of_parents = [*changed_parents(root, staged_parents(space.staging))]
    if not facts.observed:
        _refuse(of_parents, root, space)
        return
    path = space.staging / layout.JOURNAL
    milestone = staged_milestone(space)
    events = (*journal.read(whole_records(path.read_bytes())),) if path.exists() else ()
    begun = {one.attempt for one in events if one.event == "attempt-started"}
    ended = {one.attempt for one in events if one.event == "attempt-finished"}
    left = [plan for plan in plan_attempts(milestone) if plan.name in {*facts.attempts} - ended]
    plan = next((plan for plan in left if plan.name in begun), None)
    reported = Reported() if plan is None else read_reported(space.scratch(plan))
    data = data_as_begun(root, space, milestone, facts)
    tool_version = next((str(one.data["tool_version"]) for one in events), __version__)
    differences = dict.fromkeys(
        (
            *of_parents,
            *changed(root, data, plan, reported),
            *changed_functions(root, facts.functions),
            *changed_files(root, left, facts.model_files),
            *refusing(space.staging, milestone, left, tool_version),
            *(other_python.refusing(root, space.output(plan), milestone, plan) if plan else ()),
        )
    )
    _refuse(differences, root, space)


def _refuse(differences: Collection[str], root: Path, space: Workspace) -> None:
    if differences:
        milestone = staged_milestone(space)
        raise UsageError(
            "the run cannot go on with other inputs than it began with: " + "; ".join(differences),
            hint="Nothing was touched. Put back what was there, then go on: "
            + commands.to_resume(milestone.id, space.runs, root),
        )


def _plans_left(
    plans: tuple[AttemptPlan, ...], events: tuple[JournalEvent, ...], last_stage: str
) -> tuple[AttemptPlan, ...]:
    """Attempts of which something is left to run, as far as the journal tells."""
    for place, plan in enumerate(plans):
        own = [one for one in events if one.attempt == plan.name]
        ended = [one for one in own if one.event == "attempt-finished"]
        if any(one.data["outcome"] == "completed" for one in ended) or any(
            one.event == "stage-finished" and one.data["stage"] == last_stage for one in own
        ):
            return ()
        if not ended:
            return plans[place:]
    return ()


def data_as_begun(
    root: Path, space: Workspace, milestone: Milestone, facts: Remembered
) -> Mapping[str, DataRecord]:
    """The data as the run began with them: as recorded, or as they are where nothing was yet."""
    if facts.observed:
        inputs = (space.staging / layout.INPUTS).read_bytes()
        return decode(InputsRecord, jsonio.load_document(inputs)).data
    homes = homes_of(milestone)
    return {name: describe_data(root, name, homes[name]) for name in milestone.data}
