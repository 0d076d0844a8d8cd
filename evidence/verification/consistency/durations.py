"""Checks on durations: monotonic times nest, stage in attempt, attempt in run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from evidence import layout
from evidence.records.finding import Severity
from evidence.records.run import JournalEvent, StepRow
from evidence.results.context import journal_at
from evidence.results.steadiness import utc_of
from evidence.stages.train import STEPS, TRAIN
from evidence.verification.consistency.registry import Evidence, Problems, check
from evidence.verification.problem import CannotCheckError, Problem, shown

ROUNDING_S: Final = 0.001
"""Two clocks read a few instructions apart, in float seconds."""
AROUND_S: Final = 1.0
"""A sample is taken while a worker ends."""
SAMPLED_S: Final = 5.0
"""Around a stage: a sample is taken while the journal waits for a slow disk."""
_STAGE: Final = ("stage-started", "stage-finished")
_FRAME: Final = ("attempt-started", *_STAGE, "attempt-finished")
OVERHEAD_S: Final = 60.0
"""What lies between two events of the journal besides the thing they frame: starting a worker,
writing to a slow disk. A duration shorter by more than this was not measured there."""


@check("durations", "stages fit into their attempts, attempts into the run")
def durations(evidence: Evidence) -> Problems:
    """runtime_s ≤ stage duration_s ≤ monotonic time between stage-started and stage-finished; sum
    of stages ≤ attempt duration_s ≤ time between its events. Tolerance 1 ms above; below, 60 s
    and 10 % of what the journal's clock shows: more is a pause, and a warning, unless the wall
    clock knows of none. A warning, too, where more than 60 s and 10 % of an attempt that finished
    each of its stages, and was not taken up again, lie before, between or behind them: a slow disk
    may explain it, and a stage that is not told."""
    started: dict[tuple[object, ...], JournalEvent] = {}
    stages_s: dict[str, float] = {}
    for event in evidence.documents.journal:
        data, name = event.data, event.attempt or ""
        if event.event == "attempt-started":
            started[(name,)] = event
        elif event.event == "stage-started":
            started[(name, data["stage"], data["segment"])] = event
        elif event.event == "stage-finished":
            begun = started.get((name, data["stage"], data["segment"]))
            yield from _between(begun, event)
            stages_s[name] = stages_s.get(name, 0.0) + data["duration_s"]
            if (
                data["runtime_s"] is not None
                and data["runtime_s"] > data["duration_s"] + ROUNDING_S
            ):
                text = "the loop alone cannot take longer than its stage"
                limit = f"at most {data['duration_s']!r}"
                yield Problem(
                    journal_at(event, "data", "runtime_s"), text, limit, data["runtime_s"]
                )
        elif event.event == "attempt-finished":
            begun = started.get((name,))
            whole = not any(key[0] == name and key[2:] > (1,) for key in started if len(key) == 3)
            if whole:
                yield from _between(begun, event)
            if whole and stages_s.get(name, 0.0) > data["duration_s"] + ROUNDING_S:
                text = "an attempt cannot be shorter than its stages together"
                limit = f"at least {stages_s[name]!r}"
                place = journal_at(event, "data", "duration_s")
                yield Problem(place, text, limit, data["duration_s"])
            if whole and begun is not None:
                yield from _outside(evidence.documents.journal[begun.seq : event.seq + 1])


def _outside(events: Sequence[JournalEvent]) -> Problems:
    """The events of one attempt: time that belongs to none of its stages."""
    frame = [event for event in events if event.event in _FRAME]
    names = [event.event for event in frame]
    num_stages = len(frame) // 2 - 1
    if names != ["attempt-started", *_STAGE * num_stages, "attempt-finished"] or not num_stages:
        return  # one of them did not finish: what it took is not known
    if any(event.event == "recovered" for event in events):
        return
    gaps = [
        (b.monotonic_s - a.monotonic_s, a, b) for a, b in zip(frame[::2], frame[1::2], strict=True)
    ]
    outside_s = sum(gap for gap, _, _ in gaps)
    if outside_s > OVERHEAD_S + 0.1 * (frame[-1].monotonic_s - frame[0].monotonic_s):
        longest_s, before, after = max(gaps, key=lambda one: one[0])
        text = (
            f"{outside_s:.1f} s of this attempt belong to none of its stages, {longest_s:.1f} s of "
            f"them between lines {before.seq + 1} and {after.seq + 1}"
        )
        yield Problem(journal_at(frame[-1], "monotonic_s"), text, severity="warning")


def _between(begun: JournalEvent | None, event: JournalEvent) -> Problems:
    if begun is None:
        return  # journal-stages has said so
    passed_s = event.monotonic_s - begun.monotonic_s
    stated_s = event.data["duration_s"]
    place = journal_at(event, "data", "duration_s")
    if stated_s > passed_s + ROUNDING_S:
        text = "longer than the time between its start and its end"
        yield Problem(place, text, f"at most {passed_s:.6f}", stated_s)
    elif event.event == "stage-finished" and stated_s < 0.9 * passed_s - OVERHEAD_S:
        text = "far shorter than the time between its start and its end"
        denied = denies_pause(begun, event, stated_s + OVERHEAD_S)
        severity: Severity = "error" if denied else "warning"
        yield Problem(place, text, f"about {passed_s:.6f}", stated_s, severity)


def denies_pause(begun: JournalEvent, ended: JournalEvent, most_s: float) -> bool:
    """Whether the wall clock shows no more than this, so that the monotonic one stands alone."""
    earlier, later = utc_of(begun), utc_of(ended)
    if earlier is None or later is None:
        return False
    return 0 <= (later - earlier).total_seconds() <= most_s


@check(
    "step-times",
    "the clock of the steps goes forward and ends within the training stage",
    of_stages=TRAIN.name,
)
def step_times(evidence: Evidence) -> Problems:
    """elapsed_s does not decrease within a segment; its last value ≤ the segment's duration_s; that
    of a step with a checkpoint ≤ the journal's time from the segment's start to the checkpoint; and
    runtime_s ≥ the time from its first step's end to its last one's. Tolerance 1 ms."""
    _ = evidence.plan
    rows = evidence.documents.rows(STEPS)
    if not rows:
        raise CannotCheckError("there are no step rows")
    for line, (before, row) in enumerate(pairwise(rows), 2):
        if row.segment == before.segment and row.elapsed_s < before.elapsed_s:
            text = "a step cannot end before the one before it"
            place = f"{layout.METRICS}#L{line}/elapsed_s"
            yield Problem(place, text, f">= {before.elapsed_s!r}", row.elapsed_s)
    yield from _checkpoints(evidence, rows)
    last = {row.segment: (row.elapsed_s, line) for line, row in enumerate(rows, 1)}
    first = {row.segment: row.elapsed_s for row in reversed(rows)}
    for event in evidence.events("stage-finished", "train"):
        segment, runtime_s = event.data["segment"], event.data["runtime_s"]
        if segment not in last:
            continue
        ended_s, line = last[segment]
        if ended_s > event.data["duration_s"] + ROUNDING_S:
            text = "the last step ends after its stage"
            place = f"{layout.METRICS}#L{line}/elapsed_s"
            yield Problem(place, text, f"at most {event.data['duration_s']!r}", ended_s)
        if runtime_s is not None:
            yield from _runtime(event, ended_s - first[segment], runtime_s)


def _checkpoints(evidence: Evidence, rows: Sequence[StepRow]) -> Problems:
    """A step ended before the journal had its checkpoint, in a segment that was killed, too."""
    begun = {e.data["segment"]: e.monotonic_s for e in evidence.events("stage-started", TRAIN.name)}
    checkpoints = evidence.events("checkpoint", TRAIN.name)
    saved = {event.data["step"] for event in checkpoints}
    steps = {
        (row.segment, row.step): (row.elapsed_s, line)
        for line, row in enumerate(rows, 1)
        if row.step in saved
    }
    for event in checkpoints:
        segment = event.data["segment"]
        known = steps.get((segment, event.data["step"]))
        if known is None or segment not in begun:
            continue
        most_s = event.monotonic_s - begun[segment]
        if known[0] > most_s + ROUNDING_S:
            text = "this step ends after the journal had its checkpoint"
            place = f"{layout.METRICS}#L{known[1]}/elapsed_s"
            yield Problem(place, text, f"at most {most_s:.6f}", known[0])


def _runtime(event: JournalEvent, steps_s: float, runtime_s: float) -> Problems:
    """The loop lasts at least from its first step's end to its last step's end."""
    if runtime_s + ROUNDING_S < steps_s:
        text = "the training loop is shorter than its steps together"
        place = journal_at(event, "data", "runtime_s")
        yield Problem(place, text, f"at least {steps_s:.6f}", runtime_s)


@check("telemetry", "samples belong to attempts of this run and to its time")
def telemetry(evidence: Evidence) -> Problems:
    """attempt is one the journal started; elapsed_s does not decrease, and lies within the run's
    monotonic duration (plus 1 s for the sample taken while the worker ends). Of a run that was
    resumed it decreases at most once for each time, since a process that was killed may have taken
    samples behind its last event; a sample behind the end of the run is a warning there, unless a
    process that came to its end took it."""
    rows = evidence.documents.telemetry
    if not rows:
        raise CannotCheckError("there are no samples")
    events = evidence.documents.journal
    names = {event.attempt for event in events if event.event == "attempt-started"}
    run_s = events[-1].monotonic_s - events[0].monotonic_s
    num_resumed = sum(event.event == "recovered" for event in events)
    backwards = [line for line, (a, b) in enumerate(pairwise(rows), 2) if b.elapsed_s < a.elapsed_s]
    astray = set(backwards[num_resumed:])
    last_part = backwards[-1] if num_resumed and backwards else 1
    severity: Severity = "error" if len(backwards) >= num_resumed else "warning"
    for line, row in enumerate(rows, 1):
        if row.attempt not in names:
            text = f"the journal started no attempt {shown(row.attempt)}"
            yield Problem(_at_sample(line, "attempt"), text)
        if line in astray:
            text, least = "samples go forward in time", f">= {rows[line - 2].elapsed_s!r}"
            yield Problem(_at_sample(line, "elapsed_s"), text, least, row.elapsed_s)
        elif line >= last_part and row.elapsed_s > run_s + AROUND_S:
            text, expected = "after the end of the run", f"at most {run_s:.3f}"
            yield Problem(_at_sample(line, "elapsed_s"), text, expected, row.elapsed_s, severity)


@check("telemetry-stages", "samples are of the stage that ran when they were taken")
def telemetry_stages(evidence: Evidence) -> Problems:
    """elapsed_s of a sample, which counts from the start of the run, lies between its stage's start
    and end in the journal, give or take 5 s. A stage in which the run was taken up again has no
    such end: the journal's clock goes on from its last event, and what died may have been sampled
    later than that. There only the start is held, and the check is *not checked*."""
    rows, events = evidence.documents.telemetry, evidence.documents.journal
    if not rows or not events:
        raise CannotCheckError("there are no samples, or no journal")
    began, ended = _stage_times(events)
    open_ended = set[str]()
    for line, row in enumerate(rows, 1):
        whose = row.attempt, row.stage
        if whose not in began:
            continue  # telemetry-there says it
        first = began[whose] - events[0].monotonic_s - SAMPLED_S
        if whose not in ended:
            open_ended.add(row.stage)
        last = ended.get(whose, math.inf) - events[0].monotonic_s + SAMPLED_S
        if not first <= row.elapsed_s <= last:
            until = f"{first:.1f} to {last:.1f}" if whose in ended else f"at least {first:.1f}"
            text = f"{shown(row.stage)} did not run then"
            yield Problem(_at_sample(line, "elapsed_s"), text, until, row.elapsed_s)
    if open_ended:
        raise CannotCheckError(
            f"the journal has no end of {shown(min(open_ended))}, in which the run was taken "
            "up again or closed: its samples are only not before its start"
        )


def _stage_times(
    events: Sequence[JournalEvent],
) -> tuple[dict[tuple[str | None, str], float], dict[tuple[str | None, str], float]]:
    """When each stage began first, and when it ended by the clock that it began by."""
    began: dict[tuple[str | None, str], float] = {}
    ended: dict[tuple[str | None, str], float] = {}
    running = set[tuple[str | None, str]]()
    for event in events:
        if event.event == "stage-started":
            whose = _whose(event)
            if whose not in began:
                began[whose] = event.monotonic_s
                running.add(whose)
        elif event.event == "recovered":
            running.clear()
        elif event.event in ("stage-finished", "attempt-finished"):
            over = {one for one in running if one[0] == event.attempt}
            if event.event == "stage-finished":
                over &= {_whose(event)}
            running -= over
            ended |= dict.fromkeys(over, event.monotonic_s)
    return began, {**dict.fromkeys(running, events[-1].monotonic_s), **ended}


def _whose(event: JournalEvent) -> tuple[str | None, str]:
    return event.attempt, event.data["stage"]


def _at_sample(line: int, pointer: str) -> str:
    return f"{layout.TELEMETRY}#L{line}/{pointer}"
