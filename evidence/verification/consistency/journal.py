"""Checks on the journal: the order of the events of a run."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.records.run import JournalEvent
from evidence.results.context import journal_at
from evidence.results.steadiness import clock_jumps, utc_of
from evidence.stages.stage import Stage, stages_of
from evidence.verification.consistency.registry import Evidence, Problems, check, differs, need
from evidence.verification.problem import CannotCheckError, Problem, shown

_OTHER: Final = "belongs to another attempt than the one under way"

# What may stand directly after what. `stage-started` opens a segment of a stage, `recovered` says
# that another process goes on from here; the run's own events frame the attempts.
_REPORTED: Final = (
    *("execution", "ranks", "ranks-fed", "compilation", "loss", "generation"),
    *("validation-set", "validation"),
)
"""What a worker says of how it works; nothing follows from their place."""
_INSIDE_STAGE: Final = (
    "schedule",
    *_REPORTED,
    "probe",
    "checkpoint",
    "final-model",
    "recovered",
)
_ENDS_STAGE: Final = ("redacted", "stage-finished", "attempt-finished")
_NEXT: Final[dict[str, tuple[str, ...]]] = {
    "run-started": ("captured", "recovered"),
    "captured": ("attempt-started", "captured", "checkpoints-kept", "recovered", "sealing"),
    "checkpoints-kept": ("recovered", "sealing"),
    "recovered": (
        "attempt-started",
        "stage-started",
        "attempt-finished",
        "captured",
        "checkpoints-kept",
        "recovered",
        "damaged",
        "sealing",
    ),
    "damaged": ("captured",),
    "attempt-started": ("stage-started", "attempt-finished", "recovered"),
    "stage-started": (*_INSIDE_STAGE, *_ENDS_STAGE),
    "schedule": (*_INSIDE_STAGE, *_ENDS_STAGE),
    **dict.fromkeys(_REPORTED, (*_INSIDE_STAGE, *_ENDS_STAGE)),
    "probe": (*_INSIDE_STAGE, *_ENDS_STAGE),
    "checkpoint": (*_INSIDE_STAGE, *_ENDS_STAGE),
    "final-model": (*_INSIDE_STAGE, *_ENDS_STAGE),
    "redacted": ("stage-finished", "attempt-finished", "recovered"),
    "stage-finished": ("stage-started", "attempt-finished", "recovered"),
    "attempt-finished": ("attempt-started", "captured", "recovered"),
    "sealing": (),
}


@check("journal-order", "the journal tells one run from its start to its sealing, in order")
def journal_order(evidence: Evidence) -> Problems:
    """First run-started, then captured(start), attempts one after the other, captured(end), last
    sealing; each event only where the run can emit it. Source: the table `_NEXT`. Exact."""
    events = evidence.documents.journal
    if not events:
        raise CannotCheckError("the journal is empty")
    if events[0].event != "run-started":
        yield Problem(journal_at(events[0], "event"), "the first event must be run-started")
    if events[-1].event != "sealing":
        yield Problem(journal_at(events[-1], "event"), "the last event must be sealing: cut off?")
    open_attempt: str | None = None
    for before, event in pairwise(events):
        if event.event not in _NEXT[before.event]:
            yield Problem(
                journal_at(event, "event"),
                f"{event.event} cannot follow {before.event}",
                " or ".join(_NEXT[before.event]) or "nothing",
                event.event,
            )
        if event.event == "attempt-started":
            open_attempt = event.attempt
        elif event.event != "sealing":
            yield from differs(journal_at(event, "attempt"), _OTHER, open_attempt, event.attempt)
            if event.event == "attempt-finished":
                open_attempt = None
    yield from _moments(events)


def _moments(events: tuple[JournalEvent, ...]) -> Problems:
    found = [event.data["moment"] for event in events if event.event == "captured"]
    text = "the machine and the repository are captured once at the start and once at the end"
    yield from differs(layout.JOURNAL, text, ["start", "end"], found)
    for name in ("run-started", "sealing"):
        count = sum(event.event == name for event in events)
        yield from differs(layout.JOURNAL, f"{name} happens once", 1, count)


@check("journal-stages", "stages, segments and steps in the journal follow each other")
def journal_stages(evidence: Evidence) -> Problems:
    """Per attempt: its stages in the order of the milestone; segments 1, 2, … without a gap; each
    event in its own stage and segment; a completed attempt finishes every stage once, and each has
    the events that its kind owes (stages/). Exact."""
    attempt = ""
    stage, segment = "", 0
    stages = stages_of(evidence.documents.milestone)
    follows = set(pairwise(["", *(one.name for one in stages)]))
    named = any(one.is_named for one in stages)  # then each event says whose it is
    owner = {} if named else {fact.event: one.name for one in stages for fact in one.kind.facts}
    for event in evidence.documents.journal:
        data = event.data
        if event.event == "attempt-started":
            attempt, stage, segment = event.attempt or "", "", 0
        elif event.event == "stage-started":
            following = data["stage"] == stage and data["segment"] == segment + 1
            fresh = data["segment"] == 1 and (stage, data["stage"]) in follows
            if not (following or fresh):
                text = f"segment {data['segment']} of {data['stage']} cannot follow here"
                yield Problem(journal_at(event, "data"), f"{text} (attempt {shown(attempt)})")
            stage, segment = data["stage"], data["segment"]
        elif "stage" in data:
            text = "belongs to another stage than the one under way"
            yield from differs(journal_at(event, "data", "stage"), text, stage, data["stage"])
            if "segment" in data:
                place = journal_at(event, "data", "segment")
                text = "belongs to another segment"
                yield from differs(place, text, segment, data["segment"])
        elif owner.get(event.event, stage) != stage:
            text = f"belongs to the {owner[event.event]} stage"
            yield Problem(journal_at(event, "event"), text)
    if evidence.context.plan is not None:
        for one in stages:
            yield from _finished_once(evidence, one)


def _finished_once(evidence: Evidence, stage: Stage) -> Problems:
    name = stage.name
    finished = len(evidence.events("stage-finished", name))
    if finished != 1:
        text = f"a completed attempt finishes its {name} stage once"
        yield Problem(layout.JOURNAL, text, 1, finished)
    if stage.kind.scheduled and not evidence.events("schedule", name):
        yield Problem(layout.JOURNAL, f"there is no schedule of the {name} stage")
    # A run that was killed between saving and finishing saves again in its next segment.
    segments = len(evidence.events("stage-started", name))
    for fact in stage.kind.facts:
        count = len(evidence.events(fact.event, name if stage.is_named else None))
        if fact.owed and not 1 <= count <= segments:
            yield Problem(layout.JOURNAL, fact.says, f"1 to {segments}", count)


@check("journal-clock", "the monotonic clock never goes back; jumps of the wall clock are named")
def journal_clock(evidence: Evidence) -> Problems:
    """monotonic_s does not decrease. UTC against monotonic differences: beyond 2 s a warning
    `wall-clock-jump`; not before or behind `recovered`, since between two processes nobody
    counted. Every UTC is a date."""
    events = evidence.documents.journal
    for event in events:
        if utc_of(event) is None:
            yield Problem(journal_at(event, "utc"), f"is no date: {shown(event.utc)}")
    for before, event in pairwise(events):
        if event.event != "recovered" and event.monotonic_s < before.monotonic_s:
            text = "the monotonic clock went back"
            place = journal_at(event, "monotonic_s")
            yield Problem(place, text, f">= {before.monotonic_s!r}", event.monotonic_s)
    for jump in clock_jumps(events):
        yield Problem(
            journal_at(jump.event, "utc"),
            "the wall clock jumped between this event and the one before",
            f"{jump.passed_s:.3f} s later",
            f"{jump.wall_s:.3f} s later",
            severity="warning",
            code="wall-clock-jump",
        )


@check("journal-milestone", "the journal names the milestone file that is in the pack")
def journal_milestone(evidence: Evidence) -> Problems:
    """run-started: sha256 of milestone.toml, its id, and tool and rule set of the manifest.
    Exact."""
    documents, first = evidence.documents, evidence.documents.journal[0]
    data = first.data
    if first.event != "run-started":
        raise CannotCheckError("the journal does not begin with run-started")
    text = "the journal began with another milestone file"
    found = sha256_hex(evidence.contents[layout.MILESTONE])
    place = journal_at(first, "data", "milestone_sha256")
    yield from differs(place, text, found, data["milestone_sha256"])
    place = journal_at(first, "data", "milestone")
    yield from differs(place, "another milestone", documents.milestone.id, data["milestone"])
    manifest = need(documents.manifest, "there is no manifest")
    place = f"{layout.MANIFEST}#/ruleset"
    text = "another rule set than the journal names"
    yield from differs(place, text, data["ruleset"], manifest.ruleset)
    place = f"{layout.MANIFEST}#/tool/version"
    text = "another tool version than the journal names"
    yield from differs(place, text, data["tool_version"], manifest.tool.version)


@check("journal-attempts", "attempts are those of the milestone, and their outcomes agree")
def journal_attempts(evidence: Evidence) -> Problems:
    """Number, name, backend and stand_in as planned; numbers rise; attempts/NN-name/outcome.json
    exactly for those that did not complete, with the journal's outcome, reason and duration.
    Exact."""
    documents = evidence.documents
    plans = {plan.name: plan for plan in evidence.plans}
    outcomes = {outcome.name: outcome for outcome in documents.outcomes}
    last_number = 0
    for event in documents.journal:
        name, data = event.attempt or "", event.data
        if event.event == "attempt-started":
            plan = plans.get(name)
            if plan is None:
                yield Problem(journal_at(event, "attempt"), "the milestone has no such attempt")
                continue
            for key in ("number", "backend", "stand_in"):
                place = journal_at(event, "data", key)
                text = f"another {key} than the milestone gives attempt {name}"
                yield from differs(place, text, getattr(plan, key), data[key])
            if data["number"] <= last_number:
                yield Problem(journal_at(event, "data", "number"), "attempts run in order, once")
            last_number = data["number"]
        elif event.event == "attempt-finished" and data["outcome"] != "completed":
            outcome = outcomes.pop(name, None)
            folder = layout.attempt_dir(data["number"], name)
            place = f"{folder}/outcome.json"
            if outcome is None or place not in evidence.present:
                yield Problem(place, "an attempt that did not complete leaves its outcome here")
                continue
            for key in ("number", "outcome", "reason", "duration_s"):
                text = f"another {key} than the journal recorded"
                yield from differs(f"{place}#/{key}", text, data[key], getattr(outcome, key))
    for name, outcome in outcomes.items():
        place = f"{layout.attempt_dir(outcome.number, name)}/outcome.json"
        yield Problem(place, "the journal knows no attempt that ended like this")


@check("journal-seal", "the journal sealed the status that the manifest claims")
def journal_seal(evidence: Evidence) -> Problems:
    """sealing.status and .attempt = manifest's; status complete ⇔ exactly one attempt finished
    `completed`, the last one; stand_in as the milestone gives that attempt, or as a pack that it
    begins from has it. Exact."""
    manifest, sealing = evidence.documents.manifest, evidence.documents.journal[-1]
    if manifest is None or sealing.event != "sealing":
        raise CannotCheckError("there is no manifest, or the journal is not sealed")
    place, text = f"{layout.MANIFEST}#/status", "another status than the journal sealed"
    yield from differs(place, text, sealing.data["status"], manifest.status)
    place, text = f"{layout.MANIFEST}#/attempt", "another attempt than the journal sealed"
    yield from differs(place, text, sealing.attempt, manifest.attempt)
    ends = [event for event in evidence.documents.journal if event.event == "attempt-finished"]
    completed = [event.attempt for event in ends if event.data["outcome"] == "completed"]
    expected = [] if sealing.data["status"] == "failed" else [sealing.attempt]
    text = "status and outcomes of the attempts contradict each other"
    yield from differs(journal_at(sealing, "data", "status"), text, expected, completed)
    if completed and ends[-1].attempt != completed[-1]:
        yield Problem(journal_at(ends[-1], "attempt"), "an attempt after one that completed")
    plan = evidence.context.plan
    place = f"{layout.MANIFEST}#/stand_in"
    begins_at_one = evidence.documents.begins_at_stand_in
    stand_in = plan is not None and (plan.stand_in or begins_at_one)
    text = "whether it is a stand-in, as the milestone gives this attempt"
    text += ", or a pack that it begins from" if begins_at_one else ""
    yield from differs(place, text, stand_in, manifest.stand_in)
