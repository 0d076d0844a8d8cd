"""What JAX needs to compute on an accelerator, and the way to get it on each system.

Pure: the system, the driver and the packages are given. JAX's own package computes on processors
alone; a plug-in for the major version of CUDA that the driver supports brings the GPU. A plug-in
that does not fit is passed over by JAX with a warning, and the run would be one on the processor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord, HardwareRecord
from evidence.records.record import Record
from evidence.worker.interpreter import WorkerPython
from evidence.worker.lacking_words import AT_MOST

Unmet = tuple[str, str]
"""(what is missing, how to get it)."""

WINDOWS: Final = "win32"
MACOS: Final = "darwin"


class Plugin(Record):
    """JAX's plug-in for one major version of CUDA."""

    cuda: int
    driver: str
    """The oldest driver for Linux that supports it."""
    capability: tuple[int, int]
    """The oldest architecture that it has kernels for."""

    @property
    def module(self) -> str:
        """As it is imported."""
        return f"jax_cuda{self.cuda}_plugin"

    @property
    def runtime(self) -> str:
        """The module that JAX finds the devices by."""
        return f"jax_cuda{self.cuda}_pjrt"

    @property
    def distribution(self) -> str:
        """As pip calls it."""
        return f"jax-cuda{self.cuda}-plugin"

    @property
    def extra(self) -> str:
        """What installs it."""
        return f'"jax[cuda{self.cuda}]"'


PLUGINS: Final = (Plugin(13, "580.65.06", (7, 5)), Plugin(12, "525.60.13", (5, 2)))
"""The newest first, as JAX looks for them."""
MODULES: Final = (
    "jax", "libtpu", *(name for one in PLUGINS for name in (one.module, one.runtime))
)  # fmt: skip
"""All that is asked of an interpreter here."""


def on_gpu(
    python: WorkerPython, hardware: HardwareRecord, system: str, variables: Mapping[str, str]
) -> Iterator[Unmet]:
    """What JAX lacks to compute on the NVIDIA GPU of this machine, or on the one it is to get."""
    if system == WINDOWS:
        yield (
            "JAX computes on no NVIDIA GPU under Windows itself, and `evidence run` needs Linux, "
            "WSL2 or macOS",
            "install WSL2 (wsl --install) and NVIDIA's driver for Windows, and none inside WSL2; "
            "then clone and run there",
        )
        return
    if system == MACOS:
        yield (
            "there is no CUDA on macOS: JAX computes on the processor there",
            "run on Linux or WSL2 with an NVIDIA GPU, or take an attempt without an accelerator",
        )
        return
    if python.place("jax") is None:
        return  # said already
    yield from _platform(variables, "cuda", "gpu")
    yield from _plugin(python, hardware)


def on_tpu(python: WorkerPython, system: str, variables: Mapping[str, str]) -> Iterator[Unmet]:
    """What JAX lacks to compute on a TPU. Whether there is one, only a worker can tell."""
    if system in (WINDOWS, MACOS):
        yield "JAX computes on TPUs under Linux alone", "run on a Cloud TPU VM"
    elif python.place("jax") is not None:
        if python.place("libtpu") is None:
            text = f"the Python package libtpu is not installed{python.inside}: JAX finds no TPU"
            yield text, f"on a Cloud TPU VM: {python.pip(_quoted('jax[tpu]'))}"
        yield from _platform(variables, "tpu")


def _platform(variables: Mapping[str, str], *names: str) -> Iterator[Unmet]:
    asked = variables.get("JAX_PLATFORMS") or variables.get("JAX_PLATFORM_NAME") or ""
    if asked and not {*asked.lower().split(",")} & {*names}:
        yield (
            f"JAX_PLATFORMS is {asked!r}: JAX looks for no {names[-1].upper()}",
            "unset JAX_PLATFORMS and JAX_PLATFORM_NAME",
        )


def _plugin(python: WorkerPython, hardware: HardwareRecord) -> Iterator[Unmet]:
    there = [one for one in PLUGINS if python.place(one.module) is not None]
    fitting = _fitting(hardware)
    if not there:
        text = f"JAX has no plug-in for CUDA{python.inside}: it computes on the processor alone"
        yield text, _install(python, fitting)
        return
    yield from _incomplete(python, there)
    if isinstance(fitting, Unavailable):
        if _gpus(hardware):  # else that there is none is said already
            yield fitting.reason, f"see what nvidia-smi says of it. {_by_driver(python)}"
    elif not any(one.cuda in {fit.cuda for fit in fitting} for one in there):
        yield from _unfit(python, hardware, there[0], fitting)


def _fitting(hardware: HardwareRecord) -> tuple[Plugin, ...] | Unavailable:
    """The plug-ins that driver and card support; none where the driver is too old for each."""
    supported = hardware.driver_cuda_version
    if isinstance(supported, Unavailable):
        text = "which plug-in of JAX fits the driver cannot be told because: "
        return Unavailable(f"{text}{supported.reason}")
    major = int(supported.partition(".")[0])
    oldest = min((_capability(one) for one in _gpus(hardware)), default=(99, 0))
    return tuple(one for one in PLUGINS if one.cuda <= major and one.capability <= oldest)


def _incomplete(python: WorkerPython, there: list[Plugin]) -> Iterator[Unmet]:
    """Plug-ins that JAX passes over: a part is missing, or they are of another version."""
    jaxlib = python.version("jaxlib")
    for one in there:
        found = python.version(one.distribution)
        if python.place(one.runtime) is None:
            text = f"{one.distribution} is installed{python.inside} without its other half"
            runtime = one.distribution.replace("plugin", "pjrt")
            yield f"{text}, {runtime}: JAX finds no GPU", python.pip(one.extra)
        elif found is not None and jaxlib is not None and found != jaxlib:
            yield (
                f"{one.distribution} {found} does not go with jaxlib {jaxlib}{python.inside}: JAX "
                "does not use it",
                python.pip(f'"jax[cuda{one.cuda}]=={jaxlib}"'),
            )


def _unfit(
    python: WorkerPython, hardware: HardwareRecord, plugin: Plugin, fitting: tuple[Plugin, ...]
) -> Iterator[Unmet]:
    supported = str(hardware.driver_cuda_version)
    update = f"update the driver to {plugin.driver} or newer"
    if plugin.cuda > int(supported.partition(".")[0]):
        driver = hardware.driver_version
        named = "" if isinstance(driver, Unavailable) else f" ({driver})"
        text = (
            f"{plugin.distribution}{python.inside} needs a driver for CUDA {plugin.cuda}, the "
            f"driver{named} {AT_MOST} {supported}"
        )
    else:
        least = ".".join(map(str, plugin.capability))
        text = (
            f"{plugin.distribution}{python.inside} has no kernels for this GPU, which is older "
            f"than compute capability {least}"
        )
        update = "run on a newer GPU"
    if fitting:
        old = f"{plugin.distribution} {plugin.distribution.replace('plugin', 'pjrt')}"
        swap = f"{python.there('pip uninstall')} {old}, then {python.pip(fitting[0].extra)}"
        yield text, f"{swap}; or {update}"
    else:
        yield text, update


def _install(python: WorkerPython, fitting: tuple[Plugin, ...] | Unavailable) -> str:
    if isinstance(fitting, Unavailable):
        return _by_driver(python)
    if fitting:
        return python.pip(fitting[0].extra)
    oldest = PLUGINS[-1]
    return f"update the driver to {oldest.driver} or newer, then: {_by_driver(python)}"


def _by_driver(python: WorkerPython) -> str:
    newest, *older = PLUGINS
    return f"{python.pip(newest.extra)} (driver {newest.driver} or newer), or " + ", or ".join(
        f"{one.extra} (driver {one.driver} or newer)" for one in older
    )


def _gpus(hardware: HardwareRecord) -> tuple[GpuRecord, ...]:
    return () if isinstance(hardware.gpus, Unavailable) else hardware.gpus


def _capability(gpu: GpuRecord) -> tuple[int, int]:
    """(9, 0) of sm_90; newer than all where it is not known, so that nothing is refused for it."""
    found = gpu.compute_capability
    digits = "" if isinstance(found, Unavailable) else found.removeprefix("sm_")
    return (int(digits[:-1]), int(digits[-1])) if digits.isdigit() and len(digits) > 1 else (99, 0)


def _quoted(text: str) -> str:
    return f'"{text}"'
