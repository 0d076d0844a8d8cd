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

from msgspec.structs import replace

from evidence.attempt.outcome import Left
from evidence.attempt.reported import Reported, read_reported
from evidence.attempt.stage import StageResult, StageRun
from evidence.attempt.surroundings import Surroundings
from evidence.records.availability import Unavailable
from evidence.records.capture import FrameworkRecord
from evidence.records.inputs import ModelRecord, TextRecord, TokenizerRecord
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, OutcomeRecord
from evidence.stages.kind import Kind
from evidence.stages.registry import kind_of
from evidence.worker.interface import Job
from evidence.worker.interpreter import inherited


class AttemptResult(Record):
    """An attempt that was tried: its outcome, and what its workers reported."""

    record: OutcomeRecord
    framework: FrameworkRecord | Unavailable | None = None
    model: ModelRecord | None = None
    tokenizer: TokenizerRecord | None = None
    text: TextRecord | None = None
    left: Left | None = None
    """What there is to go on with, where the attempt need not be over."""

    def with_duration(self, duration_s: float) -> AttemptResult:
        """The same result with the time it took over all its processes."""
        return replace(self, record=replace(self.record, duration_s=duration_s))

    def as_completed(self, reported: Reported) -> AttemptResult:
        """The result of an attempt that the journal calls completed."""
        return AttemptResult(
            record=replace(self.record, outcome="completed", reason=""),
            framework=reported.framework,
            model=reported.model,
            tokenizer=reported.tokenizer,
            text=reported.text,
        )

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

    @property
    def resumes(self) -> bool:
        """Whether this point lies inside a stage that resumes from checkpoints."""
        return self.stage != "" and kind_of(self.stage).resumes


def refused(plan: AttemptPlan, unmet: tuple[tuple[str, str], ...]) -> AttemptResult:
    """The result of an attempt whose requirements are not met: (missing, remedy) pairs."""
    record = replace(
        _record(plan, None, 0.0),
        reason="; ".join(missing for missing, _ in unmet),
        missing=tuple(missing for missing, _ in unmet),
        remedies=tuple(remedy for _, remedy in unmet),
    )
    return AttemptResult(record=record)


def interrupted(plan: AttemptPlan, why: str) -> AttemptResult:
    """The result of an attempt whose process has ended and which is not resumed."""
    reason = f"closed before it was done: {why}"
    return AttemptResult(replace(_record(plan, None, 0.0), outcome="interrupted", reason=reason))


def run_attempt(
    plan: AttemptPlan,
    stages: Sequence[Kind],
    places: Places,
    around: Surroundings,
    point: StartPoint,
) -> AttemptResult:
    """Run the stages of `plan` from `point` on until one does not complete."""
    began_s = time.monotonic()
    deadline_s = None if plan.timeout_s is None else began_s + plan.timeout_s
    last: StageResult | None = None
    names = [kind.name for kind in stages]
    first = names.index(point.stage) if point.stage else 0
    for index, kind in enumerate(stages[first:]):
        is_start = index == 0
        job = Job(
            plan=plan,
            stage=kind.name,
            root=str(places.root),
            scratch=str(places.scratch),
            output=str(places.output),
            segment=point.segment if is_start else 1,
            resume=point.resume if is_start else None,
            run_stage=around.run_stage,
            supervisor=sys.executable,
        )
        from_step = point.from_step if is_start else 0
        last = StageRun(kind, job, around, deadline_s, from_step).execute()
        if last.outcome != "completed":
            break
    reported = read_reported(places.scratch)
    left = None if last is None else last.left
    if left is not None and kind is not stages[0]:
        left = replace(left, yields=False)  # what the stages before made is there
    return AttemptResult(
        left=left,
        record=_record(plan, last, time.monotonic() - began_s),
        framework=reported.framework,
        model=reported.model,
        tokenizer=reported.tokenizer,
        text=reported.text,
    )


def worker_environment(plan: AttemptPlan) -> Mapping[str, str]:
    """Environment of the workers: the caller's, with what makes a run repeatable fixed."""
    return inherited(plan.interpreter, os.environ) | fixed_variables(plan)


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
    if plan.given_train is not None and plan.given_train.deterministic:
        fixed["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
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
