"""Which device an attempt is to compute on, of several and of kinds beside NVIDIA's, from outside.

Responsible for what hides all other GPUs from a worker, and for what AMD's and Apple's GPUs need
that can be seen without a framework. NVIDIA's cards are `requirements`'s, which card CUDA takes
first is `visible`'s. What only a framework can tell, the worker reports as its own outcome.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord
from evidence.records.milestone import RequirementSpec
from evidence.records.run import AttemptPlan
from evidence.records.training import needs_bitsandbytes
from evidence.text.escape import one_line
from evidence.worker.interface import Backend
from evidence.worker.lacking_words import NO_SUCH_GPU

Unmet = tuple[str, str]
"""(what is missing, how to get it)."""

CUDA_SHOWS: Final = "CUDA_VISIBLE_DEVICES"
HIP_SHOWS: Final = "HIP_VISIBLE_DEVICES"
HIDING: Final = {
    "nvidia": (CUDA_SHOWS,),
    "amd": (HIP_SHOWS, "ROCR_VISIBLE_DEVICES", CUDA_SHOWS),
}
"""Variables that choose among GPUs, by their kind."""
KFD: Final = Path("/dev/kfd")
"""What computing on AMD's GPUs goes through: the kernel's driver amdgpu makes it."""
_MAX_SHOWN: Final = 80
_OTHER_BACKEND: Final = 'take backend = "transformers"'


def showing(requires: RequirementSpec) -> dict[str, str]:
    """Variables for a worker that leave it the GPU alone that the attempt names; none where it
    names none. NVML counts in the order of the bus, as CUDA does when it is told to."""
    if requires.gpu is None:
        return {}
    if requires.accelerator == "amd":
        return {HIP_SHOWS: str(requires.gpu)}
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", CUDA_SHOWS: str(requires.gpu)}


def unmet_choice(plan: AttemptPlan, variables: Mapping[str, str]) -> Iterator[Unmet]:
    """Where the GPU that an attempt names cannot be the one that its worker sees."""
    asked = plan.requires
    if asked.gpu is None or asked.accelerator not in HIDING:
        return
    if plan.processes > 1:
        yield (
            f"[launch] asks for {plan.processes} processes, each on a GPU of its own, and the "
            "attempt names one",
            "leave `gpu` out, and choose them by CUDA_VISIBLE_DEVICES",
        )
    for name in HIDING[asked.accelerator]:
        given = variables.get(name)
        if given is not None:
            yield (
                f"the attempt names GPU {asked.gpu}, and {name}='{one_line(given, _MAX_SHOWN)}' "
                "names GPUs, too",
                f"unset {name}, or leave `gpu` out of [attempt.requires]",
            )


def no_such(asked: int | str, cards: tuple[GpuRecord, ...]) -> Iterator[Unmet]:
    """Where NVML lists no card, or no part of one, of this number or UUID."""
    listed = f"{len(cards)} of NVIDIA can be seen: {'; '.join(map(_listed, cards))}"
    if isinstance(asked, int):
        named = [card for card in cards if card.index == asked]
        if named and named[0].mig is True:
            yield (
                f"GPU {asked} is partitioned (MIG), and its number names no part of it",
                "name a part by its UUID: nvidia-smi -L",
            )
        missing = not named
    else:
        missing = not any(_may_be(asked, uuid) for card in cards for uuid in _uuids(card))
    if missing:
        yield f"{NO_SUCH_GPU} {asked}; {listed}", "name one of them: nvidia-smi -L"


def _listed(card: GpuRecord) -> str:
    name = "unnamed" if isinstance(card.name, Unavailable) else card.name
    return f"{card.index} is {one_line(name, _MAX_SHOWN)}"


def _uuids(card: GpuRecord) -> Iterator[str | Unavailable]:
    yield card.uuid
    if isinstance(card.parts, Unavailable):
        yield card.parts
        return
    yield from (part.uuid for part in card.parts)


def _may_be(asked: str, uuid: str | Unavailable) -> bool:
    return isinstance(uuid, Unavailable) or uuid == asked


def unmet_amd(plan: AttemptPlan, backend: Backend, built: str | Unavailable) -> Iterator[Unmet]:
    """`built`: for which CUDA the installed PyTorch was built, or why that is none."""
    yield from _of_transformers(backend, "AMD's GPUs")
    if isinstance(plan.requires.gpu, str):
        yield (
            "the GPU is named by a UUID, and of AMD's GPUs one is named by its number",
            ("give the number that rocm-smi shows"),
        )
    if sys.platform != "linux":
        yield f"ROCm is used on Linux here, and this is {sys.platform}", "use a Linux machine"
    elif not KFD.exists():
        yield (
            f"no AMD GPU is usable here: there is no {KFD}",
            "install AMD's driver (amdgpu with ROCm); in a container add --device=/dev/kfd "
            "--device=/dev/dri",
        )
    elif not os.access(KFD, os.R_OK | os.W_OK):
        yield f"no AMD GPU is usable here: {KFD} may not be opened", "join the group `render`"
    if _has(backend, "torch") and (isinstance(built, str) or "ROCm" not in built.reason):
        said = f"built for CUDA {built}" if isinstance(built, str) else built.reason
        yield (
            f"AMD's GPUs need a PyTorch for ROCm, and the installed one is not: {said}",
            "install the build for ROCm: see https://pytorch.org",
        )


def unmet_apple(plan: AttemptPlan, backend: Backend) -> Iterator[Unmet]:
    """What Apple's GPUs need, and what does not work on them."""
    yield from _of_transformers(backend, "Apple's GPUs")
    if not _is_apple():
        yield (
            f"no Apple GPU is usable here: this is {sys.platform} on {platform.machine()}",
            "use a Mac with an Apple processor and macOS 14 or newer",
        )
    if plan.processes > 1:
        yield "several processes do not share an Apple GPU", "leave [launch] out"
    train = plan.given_train
    if train is not None and train.mixed_precision != "no":
        yield (
            "mixed precision on Apple's GPUs is not offered, since nobody could try it",
            'write dtype = "float32" without mixed_precision, or dtype = "bfloat16"',
        )
    if train is not None and needs_bitsandbytes(train):
        yield (
            "bitsandbytes, of which numbers in 4 and 8 bit are, could not be tried on Apple's GPUs",
            'write optimizer = "adamw_torch", and leave `quantise` out',
        )
    if train is not None and train.checkpoint_every_steps:
        yield (
            "the random numbers of an Apple GPU are in no checkpoint, so that a resumed training "
            "would be another one",
            "write checkpoint_every_steps = 0 in [attempt.train]",
        )


def beside_nvidia() -> Iterator[str]:
    """What there is of AMD's and Apple's GPUs, as far as it can be seen without a framework."""
    if KFD.exists():
        may = "" if os.access(KFD, os.R_OK | os.W_OK) else ", which may not be opened"
        yield f"AMD's driver for computing is there ({KFD}){may}"
    if _is_apple():
        yield "Apple's, of the processor"


def _is_apple() -> bool:
    return sys.platform == "darwin" and platform.machine() == "arm64"


def _has(backend: Backend, package: str) -> bool:
    return any(one.name == package for one in backend.packages)


def _of_transformers(backend: Backend, what: str) -> Iterator[Unmet]:
    if _has(backend, "jax"):
        yield f"the backend {backend.name!r} does not compute on {what} here", _OTHER_BACKEND
