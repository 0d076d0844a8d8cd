"""Checkpoints that are to be kept and that no step could be replayed from, found before a run.

Responsible for keep_checkpoints of [publish] against the training, the attempts and their backends.
Keeping them is `kept_checkpoints`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from evidence.records.milestone import Milestone
from evidence.records.run import AttemptPlan
from evidence.rules.arithmetic import steps_per_epoch, total_steps
from evidence.running.fitting import Problem, Sets
from evidence.worker.interface import Backend

PLACE: Final = "/publish/keep_checkpoints"
_LEAVE_OUT: Final = "Leave keep_checkpoints out."


def kept_problems(
    milestone: Milestone, plans: Sequence[AttemptPlan], backends: Mapping[str, Backend]
) -> Iterator[Problem]:
    """What the milestone and the backends tell. What hangs on the data is `steps_past_end`'s."""
    steps = milestone.publish.keep_checkpoints
    if not steps:
        return
    if reason := _no_replay(milestone):
        yield PLACE, reason, _LEAVE_OUT
        return
    for step in sorted({one for one in steps if steps.count(one) > 1}):
        yield PLACE, f"names step {step} twice", "Name each step once."
    for plan in plans:
        of = f"the attempt {plan.name!r}"
        if plan.backend in backends and not backends[plan.backend].replays:
            text = f"{of} has the backend {plan.backend!r}, whose checkpoints no replay begins from"
            yield PLACE, text, 'Take backend = "transformers" there, or leave keep_checkpoints out.'
            continue
        every = plan.train.checkpoint_every_steps
        if not every:
            text = f"{of} writes no checkpoint: train.checkpoint_every_steps is 0"
            yield PLACE, text, f"Write, such as: checkpoint_every_steps = {min(steps)}"
            continue
        for step in (one for one in steps if one % every):
            text = f"{of} writes no checkpoint after step {step}: one comes every {every} steps"
            yield PLACE, text, f"Name multiples of train.checkpoint_every_steps ({every})."


def _no_replay(milestone: Milestone) -> str:
    """Why no step of such a run can be replayed from a checkpoint; empty where it can."""
    model = milestone.given_model
    if milestone.given_train is None:
        return "is of a training with [train], and this milestone has none"
    if milestone.is_staged:
        return "is of one training alone: steps of a milestone with stages are not replayed"
    if milestone.processes > 1:
        return "is of a training in one process, and [launch] asks for several"
    if model is not None and model.pack is not None:
        return "is of a training from a base model: this one begins from another pack"
    return ""


def steps_past_end(milestone: Milestone, plan: AttemptPlan, data: Sets) -> Iterator[Problem]:
    """Steps to keep that the training does not come to, or ends with."""
    steps, spec = milestone.publish.keep_checkpoints, plan.given_train
    if not steps or spec is None or spec.data not in data:
        return
    each = steps_per_epoch(len(data[spec.data].rows), spec.batch_size, spec.gradient_accumulation)
    total = total_steps(spec.epochs, each, spec.max_steps)
    for step in (one for one in steps if one >= total):
        text = f"no step follows step {step}: the training of the attempt {plan.name!r} has {total}"
        yield PLACE, text, f"Name steps before {total}: after the last one nothing is replayed."
