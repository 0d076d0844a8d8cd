"""The limits of time that an attempt has: how long it may take, and how long be silent.

Responsible for whether one has run out. What that means is `outcome`'s.
"""

from __future__ import annotations

from evidence.attempt.outcome import Limit
from evidence.records.run import AttemptPlan


def passed(
    plan: AttemptPlan, deadline_s: float | None, now: float, last_event_s: float
) -> Limit | None:
    """The limit of an attempt that has run out by now, as a clock of monotonic seconds says."""
    if plan.timeout_s is not None and deadline_s is not None and now > deadline_s:
        return Limit("attempt", plan.timeout_s)
    if now - last_event_s > plan.no_progress_timeout_s:
        return Limit("silence", plan.no_progress_timeout_s)
    return None
