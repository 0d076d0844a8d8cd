"""Laws on the order of a journal: which event may follow which, and no other."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import pytest

from evidence.records.run import JournalEvent
from evidence.verification.consistency.journal import journal_order
from evidence.verification.consistency.registry import Evidence

INSIDE = ("schedule", "probe", "checkpoint", "final-model")
IN_A_STAGE = (*INSIDE, "recovered", "redacted", "stage-finished", "attempt-finished")
FOLLOWS = {
    "run-started": ("captured", "recovered"),
    "captured": ("attempt-started", "captured", "recovered", "sealing"),
    "attempt-started": ("stage-started", "attempt-finished", "recovered"),
    "stage-started": IN_A_STAGE,
    **dict.fromkeys(INSIDE, IN_A_STAGE),
    "redacted": ("stage-finished", "attempt-finished", "recovered"),
    "stage-finished": ("stage-started", "attempt-finished", "recovered"),
    "attempt-finished": ("attempt-started", "captured", "recovered"),
    "recovered": ("attempt-started", "stage-started", "attempt-finished", "captured", "recovered",
                  "sealing"),
    "sealing": (),
}  # fmt: skip
"""As a run goes: the journal of design.md, with a process that may die after any event."""


def event(name: str, seq: int) -> JournalEvent:
    data: dict[str, Any] = {"moment": "start"} if name == "captured" else {}
    return JournalEvent(seq, "", 0.0, name, None, data, "")


@pytest.mark.parametrize(("before", "after"), list(product(FOLLOWS, FOLLOWS)))
def test_an_event_follows_those_that_it_can_follow_and_no_others(before: str, after: str) -> None:
    journal = (event(before, 0), event(after, 1))
    evidence = cast(Evidence, SimpleNamespace(documents=SimpleNamespace(journal=journal)))
    messages = [one.message for one in journal_order(evidence) or ()]
    assert (f"{after} cannot follow {before}" in messages) == (after not in FOLLOWS[before])
