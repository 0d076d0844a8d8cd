"""One attempt: its stages in order, and the record of how it ended.

Responsible for what happens between 'this attempt begins' and 'this is how it ended'. Which
attempts run, and what becomes of their files, is `running`'s.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import field
from msgspec.structs import replace

from evidence.attempt.early import EarlyWorker
from evidence.attempt.outcome import Left, StageResult
from evidence.attempt.ranks import without_ranks
from evidence.attempt.reported import Reported, read_reported
from evidence.attempt.stage import StageRun
from evidence.attempt.surroundings import Surroundings
from evidence.milestone.plan import plan_attempts
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, OutcomeRecord
from evidence.stages.stage import Stage
from evidence.stages.train import TRAIN
from evidence.worker.devices import showing
from evidence.worker.interface import Job
from evidence.worker.interpreter import inherited

RENDEZVOUS: Final = "rendezvous"


class AttemptResult(Record):
    """An attempt that was tried: its outcome, and what its workers reported."""

    record: OutcomeRecord
    reported: Reported = Reported()
    """By the workers of a milestone without [[stage]], or by those of its first stage."""
    of_stages: Mapping[str, Reported] = field(default_factory=dict)
    """By the workers of each stage that has a folder of its own."""
    left: Left | None = None
    """What there is to go on with, where the attempt need not be over."""

    def with_duration(self, duration_s: float) -> AttemptResult:
        """The same result with the time it took over all its processes."""
        return replace(self, record=replace(self.record, duration_s=duration_s))

    def as_completed(self, stages: Sequence[Stage], scratch: Path) -> AttemptResult:
        """The result of an attempt that the journal calls completed."""
        record = replace(self.record, outcome="completed", reason="")
        return with_reported(AttemptResult(record), stages, scratch)

    @property
    def completed(self) -> bool:
        """Whether every stage said it was done."""
        return self.record.outcome == "completed"


class Places(Record):
    """Where an attempt reads and writes."""

    root: Path
    """The project: data and model paths are relative to it."""
    output: Path
    """Evidence of this attempt."""
    scratch: Path
    """Checkpoints to resume from; never sealed."""


class StartPoint(Record):
    """Where an attempt begins: at its beginning, or where an earlier process was killed."""

    stage: str = ""
    """The stage to go on with; empty for the first."""
    segment: int = 1
    resume: str | None = None
    """Checkpoint folder to go on from."""
    from_step: int = 0
    probed: frozenset[str] = frozenset()
    """Moments whose probe the journal has already."""
    resumes: bool = False
    """Whether this point lies inside a stage that resumes from checkpoints."""


def refused(plan: AttemptPlan, unmet: tuple[tuple[str, str], ...]) -> AttemptResult:
    """The result of an attempt whose requirements are not met: (missing, remedy) pairs."""
    record = replace(
        _record(plan, None, 0.0),
        reason="; ".join(missing for missing, _ in unmet),
        missing=tuple(missing for missing, _ in unmet),
        remedies=tuple(remedy for _, remedy in unmet),
    )
    return AttemptResult(record=record)


def interrupted(plan: AttemptPlan, why: str, where: str = "") -> AttemptResult:
    """The result of an attempt whose process has ended and which is not resumed; `where` it was,
    for a reason that does not say so."""
    reason = f"closed before it was done: {where}{': ' if where else ''}{why}"
    return AttemptResult(replace(_record(plan, None, 0.0), outcome="interrupted", reason=reason))


def run_attempt(
    plan: AttemptPlan,
    stages: Sequence[Stage],
    places: Places,
    around: Surroundings,
    point: StartPoint,
) -> AttemptResult:
    """Run the stages of `plan` from `point` on until one does not complete."""
    began_s = time.monotonic()
    deadline_s = None if plan.timeout_s is None else began_s + plan.timeout_s
    last: StageResult | None = None
    names = [stage.name for stage in stages]
    first = names.index(point.stage) if point.stage else 0
    where = (around.environment, places.root, around.interpreter)
    is_alone = plan.processes == 1 and around.lead is None
    with EarlyWorker(around.run_stage, *where) as early:
        around = replace(around, early=early)
        for index, stage in enumerate(stages[first:]):
            early.stage_begins(is_followed=is_alone and stage is not stages[-1])
            here = point if index == 0 else StartPoint()
            job = job_of(plan, stage, places, around, here)
            last = StageRun(stage, job, around, deadline_s, here.from_step, here.probed).execute()
            if last.outcome != "completed":
                break
    left = None if last is None else last.left
    if left is not None and stage is not stages[0]:
        left = replace(left, yields=False)  # what the stages before made is there
    record = _record(plan, last, time.monotonic() - began_s)
    return with_reported(AttemptResult(record, left=left), stages, places.scratch)


def job_of(
    plan: AttemptPlan, stage: Stage, places: Places, around: Surroundings, point: StartPoint
) -> Job:
    """What the worker of a stage is to do. A stage with a folder of its own reads and writes there
    what it would otherwise at the top."""
    own = stage_plan(plan, stage)
    if stage.parent and own.given_model is not None and own.given_model.path is not None:
        checkpoint = places.output / own.given_model.path
        own = replace(own, given_model=replace(own.given_model, path=str(checkpoint)))
    return Job(
        plan=own,
        stage=stage.kind.name,
        root=str(places.root),
        scratch=str(scratch_of(stage, places.scratch)),
        output=str(places.output / stage.folder),
        segment=point.segment,
        resume=point.resume,
        run_stage=around.run_stage,
        evaluates_given=stage.is_named or plan.given_train is None,
        supervisor=sys.executable,
        rendezvous=_rendezvous(plan, stage, places.scratch),
    )


def _rendezvous(plan: AttemptPlan, stage: Stage, scratch: Path) -> str:
    """Where the processes of a training find one another; what is evaluated is by one alone."""
    several = plan.processes > 1 and stage.kind is TRAIN
    return str(scratch_of(stage, scratch).absolute() / RENDEZVOUS) if several else ""


def scratch_of(stage: Stage, scratch: Path) -> Path:
    """Where a stage keeps its checkpoints, and what its worker reported."""
    return scratch / stage.name if stage.is_named else scratch


def stage_plan(plan: AttemptPlan, stage: Stage) -> AttemptPlan:
    """The attempt as it holds in one stage."""
    return plan if not stage.is_named else plan_attempts(stage.milestone)[plan.number - 1]


def with_reported(result: AttemptResult, stages: Sequence[Stage], scratch: Path) -> AttemptResult:
    """The result with what its workers have reported so far."""
    named = {one.name: read_reported(scratch_of(one, scratch)) for one in stages if one.is_named}
    first = next(iter(named.values())) if named else read_reported(scratch)
    return replace(result, reported=first, of_stages=named)


def worker_environment(plan: AttemptPlan) -> Mapping[str, str]:
    """Environment of the workers: the caller's, with what makes a run repeatable fixed."""
    variables = inherited(plan.interpreter, os.environ)
    if _is_ours(plan):  # a program may have a launcher of its own
        variables = without_ranks(variables)
    return variables | fixed_variables(plan)


def _is_ours(plan: AttemptPlan) -> bool:
    """Whether a backend trains or evaluates in it."""
    return plan.given_train is not None or plan.given_eval is not None


def fixed_variables(plan: AttemptPlan) -> dict[str, str]:
    """Variables that the workers of an attempt get, whatever the caller's are."""
    fixed = {
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
    }
    if _is_ours(plan) and plan.numerics.deterministic:
        fixed["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    fixed |= showing(plan.requires)
    if plan.threads is not None:
        fixed |= {"OMP_NUM_THREADS": str(plan.threads), "MKL_NUM_THREADS": str(plan.threads)}
    return fixed


def _record(plan: AttemptPlan, last: StageResult | None, duration_s: float) -> OutcomeRecord:
    status = None if last is None else last.exit_status
    return OutcomeRecord(
        schema="outcome.v1",
        number=plan.number,
        name=plan.name,
        backend=plan.backend,
        outcome="requirement-not-met" if last is None else last.outcome,
        reason="" if last is None else last.reason,
        missing=(),
        remedies=(),
        resolution=plan.resolution,
        exit_status=status if status is not None and status >= 0 else None,
        signal=-status if status is not None and status < 0 else None,
        duration_s=duration_s,
        last_lines=() if last is None else last.last_lines,
    )
