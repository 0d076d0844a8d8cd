"""Several processes of attempts that did not complete: what is recorded of them fits together.

Responsible for finding each such training, as far as it came. What must hold of it is
`rank_rules`'s and `rank_devices`'s; a part of a training says less than a whole, and is no fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import MalformedError
from evidence.milestone.plan import plan_attempts
from evidence.records.inputs import SeenRecord
from evidence.records.run import AttemptPlan, JournalEvent
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import TRAIN
from evidence.verification.consistency.rank_devices import alike, computes, gpu
from evidence.verification.consistency.rank_rules import (
    TOKENS,
    FedStep,
    Trained,
    alike_weights,
    each,
    numbered,
    once,
    shared,
    summed,
    within_its_tokens,
)
from evidence.verification.consistency.rank_shares import counted
from evidence.verification.consistency.registry import Evidence, Problems
from evidence.verification.problem import CannotCheckError

_KEYS: Final = ("step", "num_rows", *TOKENS)


def ranks_of_failed(evidence: Evidence) -> Problems:
    """What is wrong with the processes of each attempt that did not complete. Raises
    CannotCheckError behind all that was found, where something could not be looked at."""
    reasons: list[str] = []
    for name, trained in _trainings(evidence):
        try:
            yield from numbered(trained)
            if trained.plan.processes > 1:
                yield from _of_several(evidence, name, trained)
        except CannotCheckError as error:
            reasons.append(f"{name}: {error}")
    if reasons:
        raise CannotCheckError("; ".join(reasons))


def _trainings(evidence: Evidence) -> Iterator[tuple[str, Trained]]:
    """Of each attempt that failed and each of its trainings: the folder that its files lie in."""
    journal, completed = evidence.documents.journal, evidence.context.attempt
    for index, plan in enumerate(evidence.plans):
        of_attempt = [one for one in journal if one.attempt == plan.name != completed]
        for stage in stages_of(evidence.documents.milestone):
            own = [one for one in of_attempt if one.data.get("stage") == stage.name]
            if stage.kind is TRAIN and any(one.event in ("ranks", "execution") for one in own):
                folder = f"{layout.attempt_dir(plan.number, plan.name)}/"
                trained = _trained(plan_attempts(stage.milestone)[index], own)
                yield folder + stage.path(""), _with_files(evidence, folder, stage, trained)


def _trained(plan: AttemptPlan, events: list[JournalEvent]) -> Trained:
    def named(name: str) -> tuple[JournalEvent, ...]:
        return tuple(one for one in events if one.event == name)

    schedules = named("schedule")
    return Trained(
        plan=plan,
        began=named("ranks"),
        fed=named("ranks-fed"),
        executions=named("execution"),
        finished=named("stage-finished"),
        num_rows=schedules[0].data["num_rows"] if schedules else 0,
    )


def _with_files(evidence: Evidence, folder: str, stage: Stage, trained: Trained) -> Trained:
    """With the rows of its steps, where what each process was fed is told."""
    if not trained.fed:
        return trained
    metrics, seen = (folder + stage.path(path) for path in (layout.METRICS, layout.SEEN))
    steps, shown = _steps(evidence.contents.get(metrics)), _seen(evidence.contents.get(seen))
    return replace(trained, steps=steps, seen=shown)


def _steps(data: bytes | None) -> tuple[FedStep, ...]:
    """None where a row cannot be read: `attempt-evidence` says that."""
    found: list[FedStep] = []
    try:
        for _, row in jsonio.iter_rows(data or b""):
            known = row if isinstance(row, dict) else {}
            found.append(decode(FedStep, {key: known.get(key) for key in _KEYS}))
    except MalformedError:
        return ()
    return tuple(found)


def _seen(data: bytes | None) -> SeenRecord | None:
    try:
        return None if data is None else decode(SeenRecord, jsonio.load_document(data))
    except MalformedError:
        return None


def _of_several(evidence: Evidence, name: str, trained: Trained) -> Problems:
    yield from once(trained)
    was_resumed = any(one.event == "recovered" for one in evidence.documents.journal)
    for event in trained.began:
        yield from alike(event)
        yield from counted(trained.plan, event)
        device = _device(trained, event)
        for place, one in each(event):
            yield from computes(place, one, device)
            is_here = one["host"] == event.data["ranks"][0]["host"] and not was_resumed
            if is_here:  # of another machine the pack has no document
                yield from gpu(place, one, evidence.documents.hardware)
    for event in trained.fed:
        yield from within_its_tokens(event)
        yield from alike_weights(event)
    if not trained.fed or len(trained.fed[-1].data["ranks"]) != trained.plan.processes:
        return
    if not trained.steps:
        raise CannotCheckError(f"the rows of the steps are not there: {name}{layout.METRICS}")
    yield from summed(trained, trained.fed[-1])
    yield from shared(trained, trained.fed[-1])


def _device(trained: Trained, event: JournalEvent) -> str:
    segment = event.data["segment"]
    found = (one for one in trained.executions if one.data["segment"] == segment)
    return next((str(one.data["device"]) for one in found), "")
