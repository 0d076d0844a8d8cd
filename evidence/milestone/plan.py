"""Milestone to attempts: every default and override resolved, in order.

What is planned of a milestone with [[stage]] has no training and no evaluation of its own: those
of a stage are planned from the narrowed milestone of the stage (`stages.stage`).

Pure. What an attempt needs of the machine is judged by `worker.requirements`.
"""

from __future__ import annotations

from msgspec.structs import replace

from evidence.encoding.codec import decode, encode
from evidence.records.milestone import AttemptSpec, EvalSpec, Milestone, ModelSpec
from evidence.records.run import AttemptPlan
from evidence.records.training import TrainSpec


def plan_attempts(milestone: Milestone) -> tuple[AttemptPlan, ...]:
    """One plan for each attempt of the milestone, numbered from 1 in the order of the file."""
    return tuple(_plan(milestone, spec, n) for n, spec in enumerate(milestone.attempts, 1))


def _plan(milestone: Milestone, spec: AttemptSpec, number: int) -> AttemptPlan:
    return AttemptPlan(
        number=number,
        name=spec.name,
        backend=spec.backend,
        stand_in=spec.stand_in,
        manual=spec.manual,
        requires=spec.requires,
        given_model=_model(milestone, spec),
        data=milestone.data,
        given_train=_training(milestone, spec),
        given_eval=_evaluation(milestone, spec),
        threads=spec.threads if milestone.processes == 1 else spec.threads or 1,
        timeout_s=spec.timeout_s,
        no_progress_timeout_s=spec.no_progress_timeout_s,
        resolution=spec.resolution,
        interpreter=spec.interpreter,
        stages=milestone.stages,
        collect=milestone.collect,
        metric=milestone.metric,
        processes=milestone.processes,
        strategy=milestone.strategy,
    )


def _model(milestone: Milestone, spec: AttemptSpec) -> ModelSpec | None:
    """An attempt's own model speaks as the milestone's does, unless it says otherwise."""
    own, meant = spec.model, milestone.given_model
    if own is None or meant is None:
        return own or meant
    return replace(
        own,
        chat_template=meant.chat_template if own.chat_template is None else own.chat_template,
        chat_values=own.chat_values or meant.chat_values,
    )


def _training(milestone: Milestone, spec: AttemptSpec) -> TrainSpec | None:
    if milestone.given_train is None or milestone.is_staged:
        return None
    return _executed(decode(TrainSpec, {**encode(milestone.train), **spec.train}), spec)


def _evaluation(milestone: Milestone, spec: AttemptSpec) -> EvalSpec | None:
    if milestone.given_eval is None or milestone.is_staged:
        return None
    return decode(EvalSpec, {**encode(milestone.eval), **spec.eval})


def _executed(train: TrainSpec, spec: AttemptSpec) -> TrainSpec:
    """Rows are merged for speed on a CPU alone, where nothing else is asked for.

    On an accelerator memory runs out first, and the micro-batches were chosen for it.
    """
    if train.execution is not None:
        return train
    on_cpu = spec.requires.accelerator == "none"
    return replace(train, execution="fast" if on_cpu else "as-written")
