"""Where a pack ran, key by key: interpreter, packages, processor, GPUs, threads, commit. Pure.

Responsible also for which of these facts can change bits: only they decide whether two
environments count as equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace

from evidence.capture.variables import changes_numbers
from evidence.encoding.codec import encode
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import (
    EnvironmentRecord,
    GpuRecord,
    HardwareRecord,
    PackagesRecord,
    WorkerRecord,
)
from evidence.records.comparison import Scalar
from evidence.results.computed import computed_on
from evidence.rules.differences import flat, measured_in_all

_VARIABLE: Final = "variable."
_IRRELEVANT: Final = ("system.", "git.")
"""Facts that change no bits of a run (the worker's own variables are fixed by the supervisor)."""

_COMPUTING: Final = frozenset(
    (
        "accelerate", "bitsandbytes", "datasets", "flash-attn", "flax", "google-tunix", "jax",
        "jaxlib", "mkl", "numpy", "nvidia", "optax", "orbax-checkpoint", "peft", "qwix",
        "safetensors", "tokenizers", "torch", "transformers", "triton", "xformers",
    )
)  # fmt: skip
"""Packages, or beginnings of names up to a hyphen, that take part in computing a run."""


def environment_of(documents: Documents) -> dict[str, Scalar]:
    """Dotted keys such as package.torch and git.commit."""
    state, manifest, worker = documents.git.start, documents.manifest, documents.worker
    git: dict[str, Any] = {"commit": state, "dirty": state}
    if not isinstance(state, Unavailable):
        git = {"commit": state.commit, "dirty": state.dirty}
    patch = documents.git.patch_sha256
    facts = machine_facts(
        environment_used(documents.environment, worker),
        documents.hardware,
        documents.packages_used[1],
        on_gpu=computed_on(documents).kind != "cpu",
    )
    return {
        **facts,
        **({} if worker is None else {"python.interpreter": worker.interpreter}),
        **flat({"git": git | {"patch_sha256": patch}}),
        "tool.version": None if manifest is None else manifest.tool.version,
    }


def environments(documents: Sequence[Documents]) -> list[dict[str, Scalar]]:
    """The same of several, without what one of them did not measure."""
    return measured_in_all([environment_of(one) for one in documents], ("framework.",))


def environment_used(
    environment: EnvironmentRecord, worker: WorkerRecord | None
) -> EnvironmentRecord:
    """The environment with the Python that the workers ran under."""
    if worker is None:
        return environment
    return replace(
        environment,
        python_version=worker.python_version,
        python_implementation=worker.python_implementation,
        python_compiler=worker.python_compiler,
    )


def machine_facts(
    environment: EnvironmentRecord,
    hardware: HardwareRecord,
    packages: PackagesRecord,
    *,
    on_gpu: bool,
) -> dict[str, Scalar]:
    """The same without the repository: what can be looked up before anything runs.

    A GPU computes nothing where the run is not `on_gpu`: it is a fact of the system then.
    """
    framework = environment.framework
    there = None if isinstance(hardware.gpus, Unavailable) else _names(hardware.gpus)
    used = there
    if not isinstance(framework, Unavailable):
        name = framework.device_name
        used = there if isinstance(name, Unavailable) else name
    facts: dict[str, Any] = {
        "cpu": {
            "model": hardware.cpu.model,
            "architecture": hardware.cpu.architecture,
            "num_usable_cores": hardware.cpu.num_usable_cores,
        },
        "gpu": {
            "names": used if on_gpu else None,
            "driver": hardware.driver_version if on_gpu and used is not None else None,
        },
        "python": {
            "version": environment.python_version,
            "implementation": environment.python_implementation,
        },
        "framework": {} if isinstance(framework, Unavailable) else _framework(encode(framework)),
        "package": _versions(packages),
        "variable": environment.variables,
        "system": {
            "os": hardware.os,
            "kernel": hardware.kernel,
            "memory_bytes": hardware.memory_bytes,
            "gpus_present": there,
        },
    }
    return flat(facts)


def _names(gpus: tuple[GpuRecord, ...]) -> str | None:
    names = ("unnamed" if isinstance(gpu.name, Unavailable) else gpu.name for gpu in gpus)
    return ", ".join(names) or None


def can_change_bits(key: str) -> bool:
    """Whether a difference in this fact can change what a run computes."""
    if key.startswith(_VARIABLE):
        return changes_numbers(key.removeprefix(_VARIABLE))
    return not key.startswith(_IRRELEVANT)


def decides_bits(key: str) -> bool:
    """Whether it is likely to: of packages, only those that compute."""
    if not key.startswith("package."):
        return can_change_bits(key)
    name = key.removeprefix("package.").lower()
    return name in _COMPUTING or name.partition("-")[0] in _COMPUTING


def _framework(encoded: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value["unavailable"] if isinstance(value, dict) else value
        for key, value in encoded.items()
    }


def _versions(packages: PackagesRecord) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for package in packages.imported:
        found.setdefault(package.name, []).append(package.version)
    return {name: ", ".join(versions) for name, versions in found.items()}
