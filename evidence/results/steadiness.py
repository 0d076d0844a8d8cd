"""Values of what should stay the same during a run: the repository, the clock, the threads.

Responsible for measuring the changes. What one means is the milestone's policy (`gates`); frozen
paths are in `run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Final

from evidence import layout
from evidence.records.record import Record
from evidence.records.run import JournalEvent
from evidence.results.context import (
    Context,
    Values,
    at,
    join,
    journal_at,
    known,
    number_in,
    observed,
    rows_at,
    unknown,
)

CLOCK_TOLERANCE_S: Final = 2.0
"""Wall clock against monotonic clock between two events; NTP slews far less."""


class ClockJump(Record):
    """The wall clock moved otherwise than the monotonic clock before an event."""

    event: JournalEvent
    passed_s: float
    wall_s: float


def steadiness_values(context: Context) -> Values:
    """git.changed_during_run, run.num_clock_jumps and run.threads_changed"""
    changed = context.documents.git.changed_during_run
    yield "git.changed_during_run", observed(changed, "", at(layout.GIT, "changed_during_run"))
    events = context.documents.journal
    jumps = [journal_at(jump.event, "utc") for jump in clock_jumps(events)]
    whole = rows_at(layout.JOURNAL, 1, max(1, len(events)), "utc")
    yield "run.num_clock_jumps", known(len(jumps), "jumps", join(*jumps) or whole, "clock-jumps")
    yield from _threads(context)


def _threads(context: Context) -> Values:
    finished = context.events("stage-finished")
    counts = [number_in(event, key) for event in finished for key in THREADS]
    place = join(*(journal_at(event, "data", key) for event in finished for key in THREADS))
    rule = "all-alike"
    if not finished or None in counts:
        reason = context.why_not if not finished else "the framework does not say"
        yield "run.threads_changed", unknown(reason, "", place, rule)
    else:
        yield "run.threads_changed", known(len(set(counts)) > 1, "", place, rule)


THREADS: Final = ("num_threads_start", "num_threads_end")


def clock_jumps(events: Iterable[JournalEvent]) -> Iterator[ClockJump]:
    """Where wall time is not what passed, beyond the tolerance.

    Not between a process that died and the one that went on: nobody counted there. That is before
    `recovered`, and behind it, for who went on may have died at once.
    """
    for before, event in pairwise(events):
        earlier, later = utc_of(before), utc_of(event)
        passed_s = event.monotonic_s - before.monotonic_s
        died = "recovered" in (before.event, event.event)
        if died or passed_s < 0 or earlier is None or later is None:
            continue
        wall_s = (later - earlier).total_seconds()
        if abs(wall_s - passed_s) > CLOCK_TOLERANCE_S:
            yield ClockJump(event, passed_s, wall_s)


def utc_of(event: JournalEvent) -> datetime | None:
    """The wall clock of an event; None where it is no date."""
    return _instant(event.utc)


@lru_cache(maxsize=1024)  # each event is looked at with the one before and the one after, twice
def _instant(utc: str) -> datetime | None:
    try:
        return datetime.strptime(utc, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
