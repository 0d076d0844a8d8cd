"""Kinds of devices, in the words of milestones, and which of them this version was tried on. Pure.

Responsible for telling a kind from what a framework says of itself: PyTorch calls AMD's GPUs cuda,
too. Which card of a machine it was is `verification`'s and `results.computed`'s.
"""

from __future__ import annotations

from typing import Final

from evidence.records.availability import Unavailable
from evidence.records.capture import FrameworkRecord, JaxRecord, TorchRecord
from evidence.records.milestone import Accelerator

FOR_ROCM: Final = "this torch build is for ROCm"
"""How the reason begins for which such a build has no CUDA."""
NAMES: Final[dict[Accelerator, str]] = {
    "none": "CPUs",
    "nvidia": "NVIDIA's GPUs (CUDA)",
    "amd": "AMD's GPUs (ROCm)",
    "apple": "Apple's GPUs (MPS)",
    "tpu": "TPUs",
}
TRIED: Final[tuple[Accelerator, ...]] = ("none",)
"""What runs of this version were made on by its own tests."""


def is_rocm(framework: FrameworkRecord | Unavailable) -> bool:
    """Whether it is a PyTorch that is built for AMD's GPUs."""
    if not isinstance(framework, TorchRecord):
        return False
    said = framework.cuda_version
    reason = said.reason if isinstance(said, Unavailable) else ""
    return reason.startswith(FOR_ROCM) or "rocm" in framework.torch_version


def kind_of(framework: FrameworkRecord) -> Accelerator | None:
    """What a worker computed on; None for a device that no milestone can ask for."""
    kind = framework.device.partition(":")[0]
    if kind == "cuda" and (is_rocm(framework) or _name(framework).startswith("AMD ")):
        return "amd"
    if isinstance(framework, JaxRecord) and kind == "rocm":
        return "amd"
    return _KINDS.get(kind)


_KINDS: Final[dict[str, Accelerator]] = {
    "cpu": "none",
    "cuda": "nvidia",
    "mps": "apple",
    "tpu": "tpu",
}


def _name(framework: FrameworkRecord) -> str:
    return "" if isinstance(framework.device_name, Unavailable) else framework.device_name


def untried(kind: Accelerator | None) -> str:
    """What is to be said of a kind of device; empty where this version was tried on it."""
    if kind in TRIED:
        return ""
    named = "another kind of device" if kind is None else NAMES[kind]
    return f"on a kind of device on which this version was never tried: {named}"
