"""The check on how failed attempts ended: outcome, reason, status and limits tell one story.

Responsible for sentences that the supervisor writes (`evidence.attempt.outcome`). What a backend
or a library said of its own failure, nothing in a pack can contradict.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.pack import lost
from evidence.records.run import AttemptPlan, OutcomeRecord
from evidence.verification.consistency.machine import OUR_BACKENDS
from evidence.verification.consistency.registry import Evidence, Problems, check
from evidence.verification.problem import CannotCheckError, Problem

_RANK: Final = re.compile(r"rank (\d{1,4}) of (\d{1,4}): ")
"""Of several processes that trained together, which one is to blame."""
_TOOK: Final = re.compile(r"the attempt took longer than (\S+) s; it was in its \S+ stage")
_SILENT: Final = re.compile(r"no progress for (\S+) s in the \S+ stage: ")
_KILLED: Final = re.compile(
    r"the (?:worker|program) was killed by (SIG[A-Z0-9]+|signal \d+)(?: during the | \(|\Z)"
)
_STATUS: Final = re.compile(
    r"the (?:program|worker(?: finished the \S+ stage and then)?) ended with status (\d+)\b"
)
_NOT_A_NUMBER: Final = re.compile(r"the (?:loss|gradient norm) of step \d+ is -?(?:nan|inf)")
_NO_MEMORY: Final = re.compile(
    r"the machine ran out of memory during the |the worker ended in the \S+ stage for want of mem"
)
_STOPPED: Final = re.compile(
    r"stopped during the \S+ stage, as asked|the worker was asked to stop during the "
    r"|closed before it was done: "
)
_SAYS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (_TOOK, "timed-out"),
    (_SILENT, "timed-out"),
    (_KILLED, "killed-by-signal"),
    (_STATUS, "exception"),
    (_NOT_A_NUMBER, "diverged"),
    (_NO_MEMORY, "out-of-memory"),
    (_STOPPED, "interrupted"),
)
_OURS_ALONE: Final = ("timed-out", "killed-by-signal", "interrupted")
"""No worker says this of itself: it is the supervisor who does, in its own words."""
_NUMBERS: Final = {"SIGINT": 2, "SIGILL": 4, "SIGABRT": 6, "SIGFPE": 8, "SIGKILL": 9,
                   "SIGSEGV": 11, "SIGTERM": 15}  # fmt: skip
"""Those that have one number on every system."""
_ROUNDING_S: Final = 1.0


@check("attempt-ends", "how a failed attempt ended fits its reason, its status and its limits")
def attempt_ends(evidence: Evidence) -> Problems:
    """Where a reason is one of our supervisor's sentences: the outcome that it stands for; the
    limit that ran out is the attempt's, and it lasted as long; the signal and the exit status that
    it names; the process that it blames is one of the milestone's. An attempt that timed out, was
    killed or interrupted has such a sentence; one of our own backend that diverged too, and its
    worker did not end with status 0. Exact; not of an attempt that was resumed, nor where files
    were damaged."""
    journal = evidence.documents.journal
    if lost.damaged_in(journal) is not None:
        raise CannotCheckError("what its attempts left was set aside when the run was closed")
    plans = {plan.name: plan for plan in evidence.plans}
    recovered = {event.attempt for event in journal if event.event == "recovered"}
    for outcome in evidence.documents.outcomes:
        plan = plans.get(outcome.name)
        if outcome.name in recovered or outcome.missing or plan is None:
            continue
        place = f"{layout.attempt_dir(outcome.number, outcome.name)}/outcome.json#"
        yield from _rank(place, outcome, plan)
        told = replace(outcome, reason=_without_rank(outcome.reason))
        yield from _outcome(place, told, plan)
        yield from _limit(place, told, plan)
        yield from _status(place, told, plan)


def _without_rank(reason: str) -> str:
    blamed = _RANK.match(reason)
    return reason if blamed is None else reason[blamed.end() :]


def _rank(place: str, outcome: OutcomeRecord, plan: AttemptPlan) -> Problems:
    blamed = _RANK.match(outcome.reason)
    if blamed is None:
        return
    rank, world = map(int, blamed.groups())
    if plan.processes == 1 or world != plan.processes or rank >= world:
        text = "blames a process that the milestone does not ask for"
        found = f"rank {rank} of {world}"
        yield Problem(f"{place}/reason", text, f"one of {plan.processes}", found)


def _outcome(place: str, outcome: OutcomeRecord, plan: AttemptPlan) -> Problems:
    told = next((kind for sentence, kind in _SAYS if sentence.match(outcome.reason)), None)
    if told is not None and told != outcome.outcome:
        yield Problem(f"{place}/outcome", "its reason tells otherwise", told, outcome.outcome)
    needs_one = outcome.outcome in _OURS_ALONE
    needs_one |= outcome.outcome == "diverged" and plan.backend in OUR_BACKENDS
    if told is None and needs_one:
        text = "an attempt that ended like this has another reason"
        yield Problem(f"{place}/reason", text, outcome.outcome, outcome.reason)


def _limit(place: str, outcome: OutcomeRecord, plan: AttemptPlan) -> Problems:
    limits_s = ((_TOOK, plan.timeout_s), (_SILENT, plan.no_progress_timeout_s))
    for sentence, limit_s in limits_s:
        said = sentence.match(outcome.reason)
        if said is None:
            continue
        known = "none" if limit_s is None else f"{limit_s:g}"
        if said[1] != known:
            text = "another limit than the milestone gives this attempt"
            yield Problem(f"{place}/reason", text, known, said[1])
        elif limit_s is not None and outcome.duration_s < limit_s - _ROUNDING_S:
            text = "shorter than the limit that is said to have run out"
            yield Problem(f"{place}/duration_s", text, f"at least {known}", outcome.duration_s)


def _status(place: str, outcome: OutcomeRecord, plan: AttemptPlan) -> Problems:
    killed, ended = _KILLED.match(outcome.reason), _STATUS.match(outcome.reason)
    if killed and outcome.signal is not None:
        expected = _NUMBERS.get(killed[1])
        if expected is not None and outcome.signal != expected:
            text = "another signal than the reason names"
            yield Problem(f"{place}/signal", text, expected, outcome.signal)
    if ended and outcome.exit_status != int(ended[1][:9]):
        text = "another exit status than the reason names"
        yield Problem(f"{place}/exit_status", text, ended[1], outcome.exit_status)
    failed = outcome.outcome in ("exception", "diverged", "bad-data", "out-of-memory")
    if failed and not ended and outcome.exit_status == 0 and plan.backend in OUR_BACKENDS:
        text = "a worker that says what failed does not end with status 0"
        yield Problem(f"{place}/exit_status", text, "1", 0)
