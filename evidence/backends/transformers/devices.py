"""The device that a worker computes on: which it is, what it is called, and what it cannot do.

Responsible for all that differs between CPUs and the GPUs of NVIDIA, AMD and Apple once PyTorch is
there. PyTorch calls AMD's GPUs cuda, too. What can be seen without it was asked by
`worker.devices` and `worker.requirements`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from evidence.records.availability import Unavailable
from evidence.records.run import AttemptPlan
from evidence.rules.devices import FOR_ROCM
from evidence.system import posix
from evidence.worker.interface import StageFailure

NO_GPU: Final = Unavailable("no GPU is in use")
_GIB: Final = 1 << 30
_LEAST_MACOS: Final = 14
"""Before it, Apple's GPUs know no bfloat16."""


def device_of(plan: AttemptPlan) -> torch.device:
    """Where this process runs: on the first GPU where the plan asks for one, of several processes
    each on its own; else on the CPU. A launcher may show each process its own GPU alone."""
    if plan.requires.accelerator == "apple":
        return torch.device("mps")
    if plan.requires.accelerator not in ("nvidia", "amd"):
        return torch.device("cpu")
    own = int(os.environ.get("LOCAL_RANK", "0"))
    return torch.device("cuda", 0 if torch.cuda.device_count() == 1 else own)


def refuse_unable(plan: AttemptPlan) -> None:
    """Raise StageFailure where PyTorch finds no such device as an attempt for AMD's or Apple's GPUs
    asks for, or one that is too small; and where one of Apple's knows no bfloat16."""
    asked = plan.requires
    if asked.accelerator == "amd" and not (torch.version.hip and torch.cuda.is_available()):
        raise StageFailure("requirement-not-met", "PyTorch finds no GPU of AMD here")
    if asked.accelerator == "apple":
        if not torch.backends.mps.is_available():
            built = "" if torch.backends.mps.is_built() else ", and is not built for any"
            raise StageFailure("requirement-not-met", f"PyTorch finds no GPU of Apple here{built}")
        train = plan.given_train
        is_old = not torch.backends.mps.is_macos_or_newer(_LEAST_MACOS, 0)
        if is_old and (train is None or train.dtype == "bfloat16"):
            text = f"Apple's GPUs compute in bfloat16 from macOS {_LEAST_MACOS} on"
            raise StageFailure("requirement-not-met", f'{text}: write dtype = "float32"')
    if asked.accelerator in ("amd", "apple") and asked.vram_gib:
        has_bytes = _memory_bytes(device_of(plan))
        if has_bytes < asked.vram_gib * _GIB:
            text = f"the GPU has {has_bytes / _GIB:.1f} GiB, the attempt needs {asked.vram_gib:g}"
            raise StageFailure("requirement-not-met", f"{text} GiB")


def _memory_bytes(device: torch.device) -> int:
    """Of a GPU; of Apple's, which share the machine's, what is recommended at most."""
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    return int(torch.cuda.get_device_properties(device).total_memory)


def refuse_without_bfloat16(device: torch.device) -> None:
    """Raise StageFailure where a GPU does not compute in bfloat16. Every CPU does."""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        name = torch.cuda.get_device_name(device)
        text = f'{name} does not compute in bfloat16, which mixed_precision = "bf16" asks for'
        raise StageFailure("requirement-not-met", text)


def without_cuda() -> Unavailable:
    """A build for ROCm is named as one."""
    hip = torch.version.hip
    if hip is None:
        return Unavailable("this torch build has no CUDA")
    return Unavailable(f"{FOR_ROCM} (HIP {hip}) and has no CUDA")


def name_of(device: torch.device) -> str | Unavailable:
    """What the driver calls it."""
    if device.type == "mps":
        return str(torch.backends.mps.get_name())
    if device.type != "cuda":
        return NO_GPU
    try:
        return torch.cuda.get_device_name(device)
    except UnicodeDecodeError:
        return Unavailable("the driver gives a name that is not UTF-8 text")


def uuid_of(device: torch.device) -> str | None:
    """As NVML and nvidia-smi spell it, of a card; None where PyTorch gives none."""
    if device.type != "cuda":
        return None
    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    return None if uuid is None else f"GPU-{uuid}"


@contextmanager
def random_kept(device: torch.device) -> Iterator[None]:
    """Random numbers that are drawn within it are given back."""
    if device.type != "mps":
        with torch.random.fork_rng([device] if device.type == "cuda" else [], device_type="cuda"):
            yield
        return
    state = torch.mps.get_rng_state()
    try:
        with torch.random.fork_rng([], device_type="cuda"):
            yield
    finally:
        torch.mps.set_rng_state(state)


def peak_memory_bytes(device: torch.device) -> int:
    """Of this process on its device. Of Apple's GPUs, of which PyTorch keeps no highest: what is
    held now, or of the process's own memory at its highest, whichever is more."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated())
    own = posix.peak_memory_bytes()
    return max(own, int(torch.mps.driver_allocated_memory())) if device.type == "mps" else own
