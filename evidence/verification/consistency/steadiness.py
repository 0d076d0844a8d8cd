"""Checks on what should stay the same during a run, and warnings where it did not.

The repository is in `identity`, the wall clock in `journal`, frozen paths in `promises`.
"""

from __future__ import annotations

from evidence import layout
from evidence.records.capture import FrameworkRecord
from evidence.results.context import journal_at
from evidence.results.steadiness import THREADS
from evidence.verification.consistency.registry import Evidence, Problems, check, differs
from evidence.verification.problem import CannotCheckError, Problem


@check("threads", "the worker computed with one number of threads, the one environment.json names")
def threads(evidence: Evidence) -> Problems:
    """num_threads_start of the training stage = environment.framework.num_threads. Exact. A count
    that differs between any two starts and ends of stages is a warning: bits may depend on it."""
    finished = evidence.events("stage-finished")
    counts = {journal_at(event, "data", key): event.data[key] for event in finished
              for key in THREADS if event.data[key] is not None}  # fmt: skip
    if not counts:
        raise CannotCheckError("no stage says how many threads it had")
    framework = evidence.documents.environment.framework
    if isinstance(framework, FrameworkRecord):
        place = f"{layout.ENVIRONMENT}#/framework/num_threads"
        text = "another number of threads than the training stage began with"
        for event in evidence.events("stage-finished", "train"):
            stated = event.data["num_threads_start"]
            yield from differs(place, text, stated, framework.num_threads)
    first = next(iter(counts.values()))
    for place, count in counts.items():
        if count != first:
            text = "the number of threads changed during the run"
            yield Problem(place, text, first, count, severity="warning", code="threads-changed")
            return
