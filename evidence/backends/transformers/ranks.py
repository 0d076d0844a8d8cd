"""The processes that train together, as each of them sees the others.

Responsible for how they meet and what they tell each other besides gradients, which DDP averages:
all of it goes over gloo, so that no GPU is waited for. Which rows are whose is `rules.ranks`'s.
One process alone is a group of one, and asks nobody.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import distributions
from typing import Any

import torch
import torch.distributed as dist
from msgspec import field

from evidence.backends.transformers.devices import NO_GPU, device_of, name_of, uuid_of
from evidence.capture.gpu import capture_gpus
from evidence.capture.packages import name_and_version
from evidence.records.ranks import RankRecord
from evidence.records.record import Record
from evidence.records.run import AttemptPlan
from evidence.rules.ranks import packages_sha256
from evidence.worker.interface import Job


class Ranks(Record):
    """The group, and the place of this process in it."""

    rank: int = 0
    world: int = 1
    _group: Any = field(default=None)

    @property
    def leads(self) -> bool:
        """Whether it is the one that reports."""
        return self.rank == 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.world > 1

    def every(self, value: Any) -> list[Any]:
        """The value of each process, by number. All must ask at the same place."""
        if not self.several:
            return [value]
        found: list[Any] = [None] * self.world
        dist.all_gather_object(found, value, group=self._group)
        return found

    def total(self, count: int) -> int:
        """The sum over all processes."""
        return sum(self.every(count)) if self.several else count

    def any(self, flag: bool) -> bool:
        """Whether it holds in one of them."""
        return any(self.every(flag)) if self.several else flag

    def wait(self) -> None:
        """Until all are here."""
        if self.several:
            dist.barrier(group=self._group)

    def leave(self) -> None:
        """The group is needed no more."""
        if self.several:
            dist.destroy_process_group()


def joined(job: Job, variables: Mapping[str, str] = os.environ) -> Ranks:
    """The group of a job; it is there once every process has come."""
    if not job.rendezvous:
        return Ranks()
    rank, world = int(variables["RANK"]), int(variables["WORLD_SIZE"])
    on_gpu = device_of(job.plan).type == "cuda"
    if on_gpu:
        torch.cuda.set_device(device_of(job.plan))
    store = dist.FileStore(job.rendezvous, world)  # type: ignore[attr-defined]  # not in its list
    backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=world)
    return Ranks(rank, world, dist.new_group(backend="gloo"))


def rank_record(ranks: Ranks, plan: AttemptPlan, num_held: int) -> RankRecord:
    """What this process is, where it runs, and how many numbers of the weights it holds."""
    device = device_of(plan)
    on_gpu = device.type == "cuda"
    return RankRecord(
        rank=ranks.rank,
        host=platform.node() or "not said",
        device=str(device),
        device_name=name_of(device),
        gpu_uuid=uuid_of(device) or NO_GPU,
        driver_version=capture_gpus().driver_version if on_gpu else NO_GPU,
        python_version=platform.python_version(),
        torch_version=str(torch.__version__),
        packages_sha256=packages_sha256(map(name_and_version, distributions())),
        num_threads=torch.get_num_threads(),
        num_parameters_held=num_held,
    )
