"""Checks on clocks: documents and stages tell the time that the journal's clocks show.

Durations that nest are `durations`'; a wall clock that jumps is `journal`'s.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.capture import GitStateRecord
from evidence.records.finding import Severity
from evidence.records.run import JournalEvent
from evidence.results.context import journal_at
from evidence.results.steadiness import clock_jumps, utc_of
from evidence.rules.sampling import NUM_PROBED
from evidence.stages.eval import EVAL, PREDICTIONS
from evidence.stages.train import STEPS, TRAIN
from evidence.verification.consistency.durations import denies_pause
from evidence.verification.consistency.machine import OUR_BACKENDS
from evidence.verification.consistency.registry import Evidence, Problems, check
from evidence.verification.problem import CannotCheckError, Problem

SAME_PROCESS_S: Final = 600.0
"""Between the first event and the reading of the clock for environment.json lie milliseconds."""
SKEW_S: Final = 300.0
"""Two machines whose clocks are set."""
PAUSE_S, SLOW_BYTES_PER_S, SLOW_ROWS_PER_S = 6.0, 20e6, 1000.0
"""What may pass between a loop and the events around it: a pause, looking at each weight, looking
at each row."""
TEARDOWN_S: Final = 30.0
"""For a worker to end, with its device."""
FAR_S: Final = 120.0
TOKEN_S: Final = 5e-5
"""A token of an answer needs a pass through the model; none of ours takes less from Python."""


@check("started-utc", "environment.json was written when the journal began")
def started_utc(evidence: Evidence) -> Problems:
    """environment.started_utc lies between the first event's utc and that of the capture which
    follows (10 minutes of room), where the wall clock did not jump and nobody recovered in between.
    A warning where the run began before its own commit was made (5 minutes of skew): a clock was
    wrong."""
    documents = evidence.documents
    events = documents.journal[:2]
    first = utc_of(events[0]) if events else None
    stated = documents.environment.started_utc
    if first is None or isinstance(stated, Unavailable):
        raise CannotCheckError("it is not known when the run began")
    began = _parsed(stated)
    place = f"{layout.ENVIRONMENT}#/started_utc"
    if began is None:
        yield Problem(place, "is no date", actual=stated)
        return
    steady = not list(clock_jumps(events)) and events[-1].event == "captured"
    last = utc_of(events[-1]) or first
    room = timedelta(seconds=SAME_PROCESS_S)
    if steady and not first - room <= began <= max(first, last) + room:
        text = "another time than the journal began at"
        yield Problem(place, text, events[0].utc, stated)
    start = documents.git.start
    if isinstance(start, GitStateRecord):
        made = _parsed(start.commit_utc)
        if made is not None and (made - first).total_seconds() > SKEW_S:
            text = "the run began before its commit was made: the clock of one of them was wrong"
            where = f"{layout.GIT}#/start/commit_utc"
            yield Problem(where, text, events[0].utc, start.commit_utc, "warning", "before-commit")


def _parsed(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@check(
    "loop-time",
    "the loops took about the time that the journal's clock leaves them",
    kind=TRAIN.name,
)
def loop_time(evidence: Evidence) -> Problems:
    """Of the completed attempt's last training segment: the time from its schedule to the next
    event behind the loop (probe, final-model) is runtime_s, and what else happens there: a pause
    (6 s), as long again as the loop twice, the probe, each weight (20 MB/s), each row (1000/s).
    More than that is a warning: whoever closes a laptop or stops the process between a loop and
    the event behind it leaves the same clocks. Ten times the loop and two minutes more is an error
    where the wall clock knows of no such pause."""
    finished = evidence.events("stage-finished", "train")
    rows, model = evidence.documents.rows(STEPS), evidence.documents.inputs.model
    if not finished or finished[-1].data["runtime_s"] is None or not rows:
        raise CannotCheckError("the worker did not report how long its loop took")
    runtime_s = finished[-1].data["runtime_s"]
    begun, behind = _around(evidence, finished[-1])
    passed_s = behind.monotonic_s - begun.monotonic_s
    fed = sum(row.num_rows for row in rows if row.segment == rows[-1].segment)
    size_bytes = 0 if isinstance(model, Unavailable) else 4 * model.num_parameters
    around_s = PAUSE_S + size_bytes / SLOW_BYTES_PER_S
    around_s += evidence.rows_of(evidence.plan.train.data) / SLOW_ROWS_PER_S
    around_s += runtime_s * (2 + NUM_PROBED / max(1, fed))
    if passed_s - runtime_s > around_s:
        far = passed_s - runtime_s > around_s + FAR_S + 10 * runtime_s
        denied = far and denies_pause(begun, behind, runtime_s + around_s)
        text = "the journal's clock shows far more time than the loop says that it took"
        yield Problem(
            journal_at(finished[-1], "data", "runtime_s"),
            text,
            f"about {passed_s:.3f}",
            runtime_s,
            severity="error" if denied else "warning",
            code="loop-time",
        )


def _around(evidence: Evidence, finished: JournalEvent) -> tuple[JournalEvent, JournalEvent]:
    """The schedule of this segment, and what comes behind its loop."""
    events = [event for event in evidence.documents.journal if event.seq < finished.seq]
    begun = [event for event in events
             if event.event == "schedule" and event.data["stage"] == "train"]  # fmt: skip
    if not begun:
        raise CannotCheckError("there is no schedule of the training stage")
    behind = [
        event
        for event in events[begun[-1].seq + 1 :]
        if event.event == "final-model" or event.data.get("moment") == "after"
    ]
    if not behind:
        raise CannotCheckError("the journal has nothing behind the training loop")
    return begun[-1], behind[0]


@check(
    "eval-time",
    "the evaluation took as long as its answers need at least",
    of_stages=EVAL.name,
)
def eval_time(evidence: Evidence) -> Problems:
    """Where our own backend ran: runtime_s of the evaluation ≥ 50 µs for each token that was
    generated one after the other, that is of the longest answer of each batch, and for one token
    of a batch of empty answers, which the model was asked for likewise."""
    rows, plan = evidence.documents.rows(PREDICTIONS), evidence.plan
    if plan.backend not in OUR_BACKENDS or not rows:
        raise CannotCheckError("there are no answers of our own backend")
    size = max(1, plan.eval.batch_size)
    longest = (
        max(1, *(row.num_output_tokens for row in rows[at : at + size]))
        for at in range(0, len(rows), size)
    )
    least_s = TOKEN_S * sum(longest)
    for event in evidence.events("stage-finished", "eval"):
        runtime_s = event.data["runtime_s"]
        if runtime_s is not None and runtime_s < least_s:
            text = "shorter than so many tokens take one after the other"
            place = journal_at(event, "data", "runtime_s")
            yield Problem(place, text, f"at least {least_s:.6f}", runtime_s)


@check(
    "eval-loop-time",
    "the evaluation took about the time that the journal's clock leaves it",
    kind=EVAL.name,
)
def eval_loop_time(evidence: Evidence) -> Problems:
    """Of the completed attempt's last evaluation: the time from its schedule to its end is
    runtime_s, and what else happens there: the end of the worker (30 s), as long again as the loop
    twice, each answer (1000/s). More than that is a warning, and an error where the wall clock
    knows of no pause: see loop-time. A short evaluation said to be ten times as fast is within
    these seconds."""
    finished, begun = (
        evidence.events("stage-finished", EVAL.name),
        evidence.events("schedule", EVAL.name),
    )
    if not finished or not begun or finished[-1].data["runtime_s"] is None:
        raise CannotCheckError("the worker did not report how long its evaluation took")
    runtime_s = finished[-1].data["runtime_s"]
    left_s = finished[-1].monotonic_s - begun[-1].monotonic_s - runtime_s
    around_s = TEARDOWN_S + 2 * runtime_s
    around_s += len(evidence.documents.rows(PREDICTIONS)) / SLOW_ROWS_PER_S
    if left_s > around_s:
        text = "the journal's clock shows far more time than the evaluation says that it took"
        far = left_s > around_s + FAR_S + 10 * runtime_s
        denied = far and denies_pause(begun[-1], finished[-1], runtime_s + around_s)
        place = journal_at(finished[-1], "data", "runtime_s")
        about = f"about {left_s + runtime_s:.3f}"
        severity: Severity = "error" if denied else "warning"
        yield Problem(place, text, about, runtime_s, severity, "eval-loop-time")
