"""What an attempt needs and this machine lacks, each with the way to get it.

Runs in the supervisor before any worker; imports no ML framework. What it cannot see from outside
(memory already in use, kernels missing for a card) the worker reports as its own outcome.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from evidence.records.availability import Unavailable
from evidence.records.capture import HardwareRecord
from evidence.records.run import AttemptPlan
from evidence.worker.interface import Backend, Planned

Unmet = tuple[str, str]
"""(what is missing, how to get it)."""

_GIB: Final = 1 << 30
HUB_TIMEOUT_S: Final = 5.0
"""How long the hub may be silent before it counts as out of reach: its library waits for ever."""


def unmet(plan: AttemptPlan, backend: Backend, hardware: HardwareRecord) -> tuple[Unmet, ...]:
    """Everything that is missing for `plan`; empty when it can be tried."""
    if isinstance(backend.run_stage, Planned):
        return ((backend.run_stage.reason, backend.run_stage.remedy),)
    found = [*_packages(backend)]
    if plan.requires.accelerator == "nvidia":
        found += _gpu(plan, backend, hardware)
    if plan.requires.hub and plan.model.id is not None:
        found += _hub(plan.model.id, plan.model.revision or "main")
    return tuple(found)


def _packages(backend: Backend) -> Iterator[Unmet]:
    for package in backend.packages:
        if find_spec(package.name) is None:
            yield f"the Python package {package.name} is not installed", package.remedy


def _gpu(plan: AttemptPlan, backend: Backend, hardware: HardwareRecord) -> Iterator[Unmet]:
    gpus = hardware.gpus
    if isinstance(gpus, Unavailable) or not gpus:
        reason = gpus.reason if isinstance(gpus, Unavailable) else "the driver reports no GPU"
        yield (
            f"no NVIDIA GPU is usable here: {reason}",
            "run on a machine with an NVIDIA GPU and its driver (https://www.nvidia.com/drivers)",
        )
    else:
        memory = gpus[0].memory_bytes
        needed_gib = plan.requires.vram_gib
        if not isinstance(memory, Unavailable) and memory < needed_gib * _GIB:
            yield (
                f"{gpus[0].name} has {memory / _GIB:.1f} GiB, the attempt needs {needed_gib:g} GiB",
                "use a larger GPU, or lower vram_gib if you know it fits",
            )
    uses_torch = any(package.name == "torch" for package in backend.packages)
    if uses_torch and find_spec("torch") is not None and torch_cuda_version() is None:
        yield (
            "the installed PyTorch is a build without CUDA",
            "pip install --force-reinstall torch --index-url "
            "https://download.pytorch.org/whl/cu130 (or the index that fits your driver)",
        )


def torch_cuda_version() -> str | None:
    """CUDA version that the installed torch was built for, read without importing it."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    source = (Path(spec.origin).parent / "version.py").read_text("utf-8")
    match = re.search(r"^cuda\b[^=]*=\s*['\"]([^'\"]+)['\"]", source, re.MULTILINE)
    return match[1] if match else None


def _hub(model_id: str, revision: str) -> Iterator[Unmet]:
    if find_spec("huggingface_hub") is None:
        yield "the Python package huggingface_hub is not installed", "pip install huggingface_hub"
        return
    from huggingface_hub import get_token, try_to_load_from_cache

    if isinstance(try_to_load_from_cache(model_id, "config.json", revision=revision), str):
        return
    page = f"https://huggingface.co/{model_id}"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        yield (
            f"{model_id} is not in the local cache, and HF_HUB_OFFLINE forbids downloading it",
            f"unset HF_HUB_OFFLINE, or fill the cache first: hf download {model_id}",
        )
        return
    if get_token() is None:
        yield (
            f"{model_id} is not in the local cache, and there is no Hugging Face token",
            f"accept the licence at {page}, then: hf auth login (or set HF_TOKEN)",
        )
    yield from _asked(model_id, revision, page)


def _asked(model_id: str, revision: str, page: str) -> Iterator[Unmet]:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
    from huggingface_hub.utils import get_session

    try:
        get_session().timeout = HUB_TIMEOUT_S
        HfApi().auth_check(model_id)
    except GatedRepoError:
        yield f"the licence of {model_id} is not accepted for this token", f"accept it at {page}"
    except RepositoryNotFoundError:
        yield (
            f"the hub knows no {model_id}, or this token may not see it",
            f"check the name at {page}, and the token: hf auth whoami",
        )
    except Exception as error:  # the hub library raises whatever its transport raises
        yield (
            f"{model_id} is not in the local cache and the hub cannot be reached "
            f"({type(error).__name__})",
            f"connect this machine, or fill the cache elsewhere: hf download {model_id}",
        )
