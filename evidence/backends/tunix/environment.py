"""JAX as a worker sets it up, before its first computation, and what it then is.

Responsible for platform, threads, memory, precision and the cache of compiled programs. JAX reads
most of it once, from the environment: `prepare` must run before JAX is imported anywhere.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal, cast

from evidence.records.availability import Unavailable
from evidence.records.capture import JaxRecord
from evidence.records.run import AttemptPlan
from evidence.system import posix
from evidence.worker.interface import StageFailure

_DETERMINISTIC: Final = "--xla_gpu_deterministic_ops=true"
_OF_GPU_MEMORY: Final = "0.95"
"""That JAX may take, where the user says nothing else: by itself it takes three quarters."""
_EXHAUSTED: Final = "RESOURCE_EXHAUSTED"
_PLATFORMS: Final = {"none": "cpu", "nvidia": "gpu", "tpu": "tpu"}
"""What JAX calls each kind of accelerator."""
_REMEDIES: Final = {
    "cpu": "unset JAX_PLATFORMS",
    "gpu": "install the plug-in that fits the driver into this environment (pip install "
    '"jax[cuda13]" or "jax[cuda12]"; on Windows inside WSL2), and see nvidia-smi',
    "tpu": 'install its plug-in into this environment (pip install "jax[tpu]")',
}
_CACHE: Final = ("evidence-pack", "jax")
"""Below the user's folder of caches."""


def prepare(plan: AttemptPlan) -> None:
    """Set the environment of this process for JAX."""
    on_cpu = plan.requires.accelerator == "none"
    if on_cpu:
        os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["NPROC"] = str(num_threads(plan))  # what XLA takes for the number of processors
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", _OF_GPU_MEMORY)
    flags = os.environ.get("XLA_FLAGS", "")
    if plan.train.deterministic and not on_cpu and _DETERMINISTIC not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_DETERMINISTIC}".strip()
    _configure(plan)


def _configure(plan: AttemptPlan) -> None:
    import jax

    if plan.train.deterministic:
        jax.config.update("jax_default_matmul_precision", "highest")  # no TF32
    folder = cache_folder()
    if folder is not None:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def num_threads(plan: AttemptPlan) -> int:
    """Threads that XLA computes with on a CPU: as asked, else one for each processor."""
    if plan.threads is not None:
        return plan.threads
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_folder() -> Path | None:
    """Where compiled programs are kept for later runs; None where there is no such place.

    JAX_COMPILATION_CACHE_DIR names another, and is left alone.
    """
    named = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    if named:
        return Path(named)
    home = Path.home()
    default = home / "Library/Caches" if sys.platform == "darwin" else home / ".cache"
    folder = Path(os.environ.get("XDG_CACHE_HOME") or default).joinpath(*_CACHE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def device_of(plan: AttemptPlan) -> Any:
    """The device that is used. Raises StageFailure where the plan asks for one that is not here."""
    import jax

    device, wanted = jax.devices()[0], _PLATFORMS[plan.requires.accelerator]
    if device.platform != wanted:
        raise StageFailure(
            "requirement-not-met",
            f"the attempt asks for {plan.requires.accelerator!r}, and JAX computes on "
            f"{device.platform!r} here: {_REMEDIES[wanted]}",
        )
    return device


@contextmanager
def device_named(plan: AttemptPlan) -> Iterator[None]:
    """JAX says the same of a GPU's memory and of the machine's: say which of both ran out."""
    try:
        yield
    except Exception as error:
        if _EXHAUSTED not in str(error) or device_of(plan).platform != "cpu":
            raise
        said = str(error).partition(f"{_EXHAUSTED}: ")[2].partition("\n")[0]
        raise OSError(errno.ENOMEM, said.rstrip(".")) from error


def device_name(device: Any) -> str:
    """As records spell it: `cpu`, `cuda:0`, `tpu:0`."""
    if device.platform == "cpu":
        return "cpu"
    kind = "cuda" if device.platform == "gpu" else device.platform
    return f"{kind}:{device.id}"


def framework_record(plan: AttemptPlan) -> JaxRecord:
    """The framework as this worker sees it."""
    import jax

    device = device_of(plan)
    named = isinstance(device.device_kind, str) and device.platform != "cpu"
    flags = os.environ.get("XLA_FLAGS", "")
    return JaxRecord(
        jax_version=version("jax"),
        jaxlib_version=version("jaxlib"),
        flax_version=version("flax"),
        optax_version=version("optax"),
        tunix_version=version("google-tunix"),
        transformers_version=version("transformers"),
        platform=cast(Literal["cpu", "gpu", "tpu"], device.platform),
        device=device_name(device),
        device_name=device.device_kind if named else Unavailable("no GPU is in use"),
        num_devices=jax.local_device_count(),
        num_threads=num_threads(plan),
        matmul_precision=str(jax.config.jax_default_matmul_precision or "default"),
        x64=bool(jax.config.jax_enable_x64),
        deterministic_ops=_DETERMINISTIC in flags,
        xla_flags=flags,
    )


def peak_memory_bytes(plan: AttemptPlan) -> int:
    """Of the device where it counts its memory, else of the process."""
    device = device_of(plan)
    stats = device.memory_stats() if device.platform != "cpu" else None
    found = (stats or {}).get("peak_bytes_in_use")
    return int(found) if found is not None else posix.peak_memory_bytes()
