"""Several processes before a run: which one of them this is, and backends that have none.

Responsible for [launch] as far as this machine's backends decide, and for knowing a process that a
launcher started as one of several. What the file alone tells is `milestone.launch_problems`'s; what
such processes do is `leading`'s and `following`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from evidence.encoding.digest import sha256_hex
from evidence.errors import UsageError
from evidence.milestone.judge_problems import place_of
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.records.run import AttemptPlan
from evidence.records.training import LoraSpec, TrainSpec
from evidence.worker.interface import Backend

_KEY_CHARS: Final = 12


class _Launcher(Record):
    """The variables of a launcher."""

    count: str
    """How many processes it started together."""
    rank: str
    local_rank: str
    by: str
    of_launch: tuple[str, ...]
    """What tells this launch from others."""


_LAUNCHERS: Final = (
    _Launcher(
        "WORLD_SIZE",
        "RANK",
        "LOCAL_RANK",
        "torchrun",
        ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"),
    ),
    _Launcher(
        "SLURM_STEP_NUM_TASKS",
        "SLURM_PROCID",
        "SLURM_LOCALID",
        "srun",
        ("SLURM_JOB_ID", "SLURM_STEP_ID"),
    ),
    _Launcher(
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "mpirun",
        ("OMPI_MCA_ess_base_jobid", "PMIX_NAMESPACE"),
    ),
    _Launcher("PMI_SIZE", "PMI_RANK", "MPI_LOCALRANKID", "mpirun", ("PMI_ID", "HYDRA_JOBID")),
)
"""SLURM_NTASKS is none of them: the script of sbatch, which runs once, has it too."""


class Launched(Record):
    """What a process is that a launcher started as one of several."""

    rank: int
    world: int
    local_rank: int
    by: str
    key: str
    """The same in all processes of the launch; another in most other launches."""

    @property
    def is_first(self) -> bool:
        """Whether it is the one that makes the run."""
        return self.rank == 0


def launched_in(variables: Mapping[str, str]) -> Launched | None:
    """Which of several processes this is; None where it was started alone."""
    for one in _LAUNCHERS:
        world, rank = (_number(variables.get(name, "")) for name in (one.count, one.rank))
        if world is None or rank is None or not rank < world or world == 1:
            continue
        local_rank = _number(variables.get(one.local_rank, ""))
        told = [f"{name}={variables.get(name, '')}" for name in one.of_launch]
        key = sha256_hex("\n".join(told).encode("utf-8", "surrogateescape"))[:_KEY_CHARS]
        return Launched(rank, world, rank if local_rank is None else local_rank, one.by, key)
    return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def refuse_several(variables: Mapping[str, str]) -> None:
    """Raise UsageError where this process is one of several that were started for one run, and what
    it does is done once."""
    launched = launched_in(variables)
    if launched is None:
        return
    raise UsageError(
        f"this is one of several processes that {launched.by} started (rank {launched.rank} of "
        f"{launched.world}), and what it does is done once; nothing was done",
        hint="Start it by itself. A training of several processes is `evidence run`, with [launch] "
        "in the milestone.\n  A program with a launcher of its own is recorded around it: "
        "evidence record ID -- torchrun --nproc-per-node 2 train.py",
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
        said = key if isinstance(value, (LoraSpec, dict)) else f"{key} = {value!r}"
        own = milestone.attempts[plan.number - 1].train
        table = f"/attempt/{plan.number - 1}/train" if key in own else "/train"
        yield (
            f"{table}/{key}",
            f"the backend {plan.backend!r} of the attempt {plan.name!r} does not do {said}",
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
        if asked is not None and asked.functions and not backend.runs_functions:
            one = asked.functions[0]
            yield (
                f"/eval/{place_of(asked, one.file, one.name)}",
                f"the backend {plan.backend!r} of the attempt {plan.name!r} runs no function of "
                "yours",
                'Take backend = "transformers", or leave it out.',
            )
        if milestone.is_staged and not backend.takes_checkpoints:
            yield (
                place,
                f"the backend {plan.backend!r} begins from the model of the milestone alone, and "
                "this one has stages",
                'Take backend = "transformers" here, or leave [[stage]] and seeds out.',
            )
