"""How an attempt or a run ended, in one plain sentence. Pure.

Responsible for the words that verify, the command line and others share; the summary tells the
same at length. Reasons come from records: they are foreign text, to be escaped where shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from evidence.records.run import DamagedRecord, GateResult, OutcomeKind, OutcomeRecord, StopKind

_ATTEMPT: Final[dict[OutcomeKind, str]] = {
    "completed": "completed",
    "requirement-not-met": "was not possible here",
    "bad-data": "was given data that it refused",
    "exception": "failed",
    "out-of-memory": "failed for want of memory",
    "killed-by-signal": "was killed",
    "timed-out": "timed out",
    "diverged": "diverged",
    "interrupted": "was interrupted",
}
_RUN: Final[dict[StopKind, str]] = {
    "killed": "the run ended without a word",
    "interrupted": "the run was stopped, as asked,",
    "worker-killed": "the worker of the run was killed",
    "out-of-memory": "the run ran out of memory",
    "gpu-lost": "the run lost its GPU",
    "worker-failed": "the worker of the run failed, and may not fail again,",
    "disk-full": "the run ran out of disk space",
    "io-error": "the run was given up because the system failed it",
    "secret-found": "the run is not sealed, because it holds what looks like a secret",
    "internal-error": "the run hit a fault of evidence-pack itself",
}

NO_REASON_LEFT: Final = "it was killed, or the machine stopped"
"""The reason of a process that could not leave one."""


def of_attempt(record: OutcomeRecord) -> str:
    """Such as `attempt torch failed for want of memory: the GPU ran out of memory: …`."""
    sentence = f"attempt {record.name} {_ATTEMPT[record.outcome]}"
    return f"{sentence}: {record.reason}" if record.reason else sentence


def of_failed_run(outcomes: tuple[OutcomeRecord, ...], damaged: DamagedRecord | None = None) -> str:
    """What ended a run without a completed attempt: its last one, and how many came before."""
    if damaged is not None:
        when = "it was closed when its files were no longer as it had written them"
        return f"{when}: {_first(damaged)}"
    if not outcomes:
        return "no attempt was made"
    before = len(outcomes) - 1
    more = f"; {before} {'attempts' if before > 1 else 'attempt'} before it came to nothing too"
    return of_attempt(outcomes[-1]) + (more if before else "")


def of_damage(damaged: DamagedRecord) -> str:
    """Which files were damaged when a run was closed, and how many were set aside with them."""
    total = len(damaged.files) + damaged.num_left_out
    files = "1 file was" if total == 1 else f"{total} files were"
    return f"{_first(damaged)}; {files} set aside, unread"


def _first(damaged: DamagedRecord) -> str:
    one = damaged.files[0]
    return f"{one.path} {one.reason}"


def of_stopped_run(kind: StopKind, reason: str, where: str) -> str:
    """What left a run unfinished, and where it was. Who stopped it knows the reason."""
    if kind == "interrupted" and where:
        return f"{_RUN[kind]} {where}"
    return f"{_RUN[kind]} {where}: {reason}" if where else f"{_RUN[kind]}: {reason}"


def of_open_gates(gates: tuple[GateResult, ...]) -> str:
    """Which required gates of a complete run are not met, or were not checked; empty where none is
    open."""
    told = []
    for what, opened in by_openness(gates):
        words = "; ".join(f"{gate.name} ({measured(gate)})" for gate in opened)
        many = "required gates are" if len(opened) > 1 else "a required gate is"
        told.append(f"{many} {what}: {words}")
    return f"the run is complete, but {', and '.join(told)}" if told else ""


def by_openness(gates: Iterable[GateResult]) -> list[tuple[str, list[GateResult]]]:
    """Required gates that keep a run from success: those that are not met, then those that could
    not be checked, which is another thing."""
    opened = [gate for gate in gates if gate.is_open]
    parted = (
        ("not met", [gate for gate in opened if gate.outcome == "not-met"]),
        ("not checked", [gate for gate in opened if gate.outcome != "not-met"]),
    )
    return [(what, some) for what, some in parted if some]


def measured(gate: GateResult) -> str:
    """What a gate came to: its number and its target, or why there is none."""
    if gate.reason:
        return gate.reason
    return f"{gate.metric} is {gate.actual}, to be {gate.op} {gate.limit}"


UNREAD: Final = "cannot be read"
_NONE_OF_THE_RUNS: Final = "was none of the files of the run, or none that a pack can hold"


def none_of_the_runs(kind: str) -> str:
    """Why an entry of this kind of the file system was set aside when a run was closed."""
    return f"{_NONE_OF_THE_RUNS} (a {kind})"


def set_aside(reason: str) -> str:
    """What is said of an entry that was moved out of the folder of a run."""
    return f"{reason}; kept beside the run"
