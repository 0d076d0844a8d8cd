"""What is refused of several processes before a run: backends that have none, other launchers.

Responsible for [launch] as far as this machine's backends decide, and for a run that was itself
started once for each of several processes. What the file alone tells is
`milestone.launch_problems`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from evidence.errors import UsageError
from evidence.records.milestone import Milestone
from evidence.records.run import AttemptPlan
from evidence.records.training import TrainSpec
from evidence.worker.interface import Backend

_COUNTS: Final = {
    "WORLD_SIZE": ("RANK", "torchrun (or the like)"),
    "SLURM_STEP_NUM_TASKS": ("SLURM_PROCID", "srun"),
    "OMPI_COMM_WORLD_SIZE": ("OMPI_COMM_WORLD_RANK", "mpirun"),
    "PMI_SIZE": ("PMI_RANK", "mpirun"),
}
"""Variable that says how many processes were started together; that of their numbers; by whom.
SLURM_NTASKS is none of them: the script of sbatch, which runs once, has it too."""


def refuse_several(variables: Mapping[str, str]) -> None:
    """Raise UsageError where this process is one of several that were started for one run: each
    would run all of it, or wait for the others."""
    for count, (number, by) in _COUNTS.items():
        several = variables.get(count, "")
        if not several.isascii() or not several.isdigit() or not int(several[:9]) > 1:
            continue
        if number not in variables:
            continue
        raise UsageError(
            f"this is one of several processes that {by} started ({count}={several[:9]}, "
            f"{number}={variables[number][:9]}); a run is started once, and nothing was done",
            hint="Run `evidence run ID` by itself: [launch] processes = N in the milestone starts "
            "the others on this machine.\n  A program with a launcher of its own is recorded "
            "around it: evidence record ID -- torchrun --nproc-per-node 2 train.py",
        )


def _lacking(
    milestone: Milestone, plan: AttemptPlan, backend: Backend
) -> Iterator[tuple[str, str, str]]:
    """Settings of [train] that the backend would leave alone."""
    if plan.given_train is None:
        return
    plain = TrainSpec()
    for lack in backend.lacks:
        key, _, word = lack.partition(" = ")
        value = getattr(plan.train, key)
        if value == getattr(plain, key) or (word and value != word):
            continue
        own = milestone.attempts[plan.number - 1].train
        table = f"/attempt/{plan.number - 1}/train" if key in own else "/train"
        yield (
            f"{table}/{key}",
            f"the backend {plan.backend!r} of the attempt {plan.name!r} does not do {key} = "
            f"{value!r}",
            'Take backend = "transformers" here, or set another value in [attempt.train].',
        )


def launch_problems(
    milestone: Milestone, plans: Sequence[AttemptPlan], backends: Mapping[str, Backend]
) -> Iterator[tuple[str, str, str]]:
    """Pointer, message and hint of each attempt whose backend trains in one process alone, or from
    no checkpoint of a stage."""
    for plan in plans:
        backend = backends.get(plan.backend)
        place = f"/attempt/{plan.number - 1}/backend"
        if backend is None:
            continue
        yield from _lacking(milestone, plan, backend)
        if milestone.processes > 1 and not backend.launches:
            yield (
                place,
                f"the backend {plan.backend!r} trains in one process, and [launch] asks for "
                f"{milestone.processes}",
                'Take backend = "transformers" here, or leave [launch] out.',
            )
        missing = [
            name for name in ("train", "eval") if getattr(milestone, f"given_{name}") is None
        ]
        if len(missing) == 1 and not backend.takes_either:
            yield (
                place,
                f"the backend {plan.backend!r} trains and evaluates, and this milestone has no "
                f"[{missing[0]}]",
                f'Take backend = "transformers" here, or write [{missing[0]}].',
            )
        asked = milestone.given_eval
        if asked is not None and asked.measures_likelihood and not backend.measures_likelihood:
            key = "choices" if asked.choices is not None else "metrics"
            yield (
                f"/eval/{key}",
                f"the backend {plan.backend!r} of the attempt {plan.name!r} does not measure how "
                "likely texts are",
                'Take backend = "transformers", or leave it out.',
            )
        if milestone.is_staged and not backend.takes_checkpoints:
            yield (
                place,
                f"the backend {plan.backend!r} begins from the model of the milestone alone, and "
                "this one has stages",
                'Take backend = "transformers" here, or leave [[stage]] and seeds out.',
            )
