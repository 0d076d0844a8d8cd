"""What an attempt needs and this machine lacks, each with the way to get it.

Runs in the supervisor before any worker; imports no ML framework. What it cannot see from outside
(memory already in use, kernels missing for a card) the worker reports as its own outcome. Where
workers run under another Python, packages are looked for in that one.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

from msgspec.structs import replace

from evidence import __version__
from evidence.capture.driver import is_certain, remedy_for
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord, HardwareRecord
from evidence.records.run import AttemptPlan
from evidence.records.training import needs_bitsandbytes
from evidence.worker import devices, jax_requirements
from evidence.worker.interface import Backend, Package, Planned
from evidence.worker.interpreter import WorkerPython, python_of, unusable
from evidence.worker.lacking_words import AT_MOST, NO_CARD, NOT_USABLE, UNKNOWN
from evidence.worker.visible import Device, first_device, most_visible

Unmet = tuple[str, str]
"""(what is missing, how to get it)."""

_PEFT: Final = Package("peft", 'pip install "evidence-pack[lora]"')
"""What [train.lora] needs of the backend transformers."""
_BITSANDBYTES: Final = Package("bitsandbytes", 'pip install "evidence-pack[quantised]"')
"""What an optimizer in 8 bit and a model in 4 bit need of it."""
_EXTRAS: Final = {_PEFT.name: "[lora]", _BITSANDBYTES.name: "[quantised]"}
_GIB: Final = 1 << 30
_BUILD_UNKNOWN: Final = (
    "for which CUDA the installed PyTorch was built cannot be measured because its version.py does "
    "not say"
)
_INSTALL_CUDA_TORCH: Final = (
    "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu130 "
    "(or the index that fits your driver)"
)
_MAKE_VISIBLE: Final = (
    "unset CUDA_VISIBLE_DEVICES, or name a GPU that is here by its number or UUID (nvidia-smi -L)"
)
_CHOOSE: Final = (
    "set CUDA_DEVICE_ORDER=PCI_BUS_ID and CUDA_VISIBLE_DEVICES to the GPU you mean (nvidia-smi -L)"
)
HUB_TIMEOUT_S: Final = 5.0
"""How long the hub may be silent before it counts as out of reach: its library waits for ever."""


def worker_python(
    plan: AttemptPlan, backend: Backend, root: Path, instead: str | None = None
) -> WorkerPython:
    """The Python that the workers of an attempt run under, asked for all that matters here.

    `instead`: the path to take for the one that the milestone names.
    """
    names = {one.name for one in backend.packages} | {
        "torch",
        *jax_requirements.MODULES,
        *_EXTRAS,
    }
    if isinstance(backend.run_stage, str):
        names.add(_top(backend.run_stage))
    return python_of(plan.interpreter, names, root, os.environ, instead)


def unmet(
    plan: AttemptPlan,
    backend: Backend,
    hardware: HardwareRecord,
    python: WorkerPython = WorkerPython(),  # noqa: B008 - a frozen record: our own Python
) -> tuple[Unmet, ...]:
    """Everything that is missing for `plan`; empty when it can be tried."""
    if isinstance(backend.run_stage, Planned):
        return ((backend.run_stage.reason, backend.run_stage.remedy),)
    asked = replace(backend, packages=(*backend.packages, *_further(plan, backend)))
    found = [*_packages(asked, python, backend.run_stage)]
    if plan.requires.accelerator == "nvidia":
        found += _gpu(plan, backend, hardware, python)
    elif plan.requires.accelerator == "tpu":
        found += _tpu(backend, python)
    elif plan.requires.accelerator == "amd":
        found += devices.unmet_amd(plan, backend, torch_cuda_version(python))
    elif plan.requires.accelerator == "apple":
        found += devices.unmet_apple(plan, backend)
    found += devices.unmet_choice(plan, os.environ)
    model = plan.given_model
    if plan.requires.hub and model is not None and model.id is not None:
        found += _hub(model.id, model.revision or "main")
    return tuple(found)


def _packages(backend: Backend, python: WorkerPython, run_stage: str) -> Iterator[Unmet]:
    extra = {"tunix": "[jax]", "transformers": "[torch]"}.get(backend.name, "")
    trouble = unusable(python, extra)
    if trouble is not None:
        yield trouble
        return
    missing = [one for one in backend.packages if python.place(one.name) is None]
    for package in missing:
        text = f"the Python package {package.name} is not installed{python.inside}"
        own = _EXTRAS.get(package.name, extra)
        whole = f'pip install "evidence-pack{own}=={__version__}"'
        ours = whole if extra else package.remedy
        there = python.made_by or python.there(ours)
        yield text, package.remedy if python.given is None else there
    if python.given is not None and python.place(_top(run_stage)) is None:
        text = f"the backend {backend.name!r} is not installed in {python.given}"
        yield text, f"install there the package that brings it: {python.pip('PACKAGE')}"


def _further(plan: AttemptPlan, backend: Backend) -> tuple[Package, ...]:
    """What a setting needs beside the packages of the backend."""
    train = plan.given_train
    if train is None or backend.name != "transformers":
        return ()
    lora = () if train.lora is None else (_PEFT,)
    return (*lora, *((_BITSANDBYTES,) if needs_bitsandbytes(train) else ()))


def _top(run_stage: str) -> str:
    return run_stage.partition(":")[0].partition(".")[0]


def _is_of(backend: Backend, package: str) -> bool:
    return any(one.name == package for one in backend.packages)


def _gpu(
    plan: AttemptPlan, backend: Backend, hardware: HardwareRecord, python: WorkerPython
) -> Iterator[Unmet]:
    of_jax = _is_of(backend, "jax")
    if of_jax and sys.platform in (jax_requirements.WINDOWS, jax_requirements.MACOS):
        yield from jax_requirements.on_gpu(python, hardware, sys.platform, os.environ)
        return
    gpus = hardware.gpus
    if isinstance(gpus, Unavailable):
        said = NOT_USABLE if is_certain(gpus.reason) else UNKNOWN
        yield f"{said}{gpus.reason}", remedy_for(gpus.reason)
    elif not gpus:
        yield (
            f"{NOT_USABLE}{NO_CARD}",
            "in a container start it with its GPUs (docker run --gpus all); else see nvidia-smi",
        )
    else:
        no_such = [*_no_such(plan, gpus)]
        yield from no_such or _memory(plan, gpus)
        yield from _enough(plan.processes, gpus)
    if _is_of(backend, "torch") and python.place("torch") is not None:
        yield from _build(hardware, python)
    if of_jax:
        yield from jax_requirements.on_gpu(python, hardware, sys.platform, os.environ)


def _enough(processes: int, gpus: tuple[GpuRecord, ...]) -> Iterator[Unmet]:
    """A GPU for each process."""
    count = most_visible(gpus, os.environ)
    if processes > 1 and count < processes:
        yield (
            f"[launch] asks for {processes} processes, each on a GPU of its own, and "
            f"{count} can be seen here",
            "set [launch] processes to that number, or show more of them (CUDA_VISIBLE_DEVICES)",
        )


def _tpu(backend: Backend, python: WorkerPython) -> Iterator[Unmet]:
    if _is_of(backend, "jax"):
        yield from jax_requirements.on_tpu(python, sys.platform, os.environ)
    else:
        yield f"the backend {backend.name!r} computes on no TPU", 'take backend = "tunix"'


def _no_such(plan: AttemptPlan, gpus: tuple[GpuRecord, ...]) -> Iterator[Unmet]:
    if plan.requires.gpu is not None:
        yield from devices.no_such(plan.requires.gpu, gpus)


def _memory(plan: AttemptPlan, gpus: tuple[GpuRecord, ...]) -> Iterator[Unmet]:
    """Of the GPU that the attempt names, or that CUDA takes first: all that may be it must do."""
    needed_gib = plan.requires.vram_gib
    first = first_device(gpus, {**os.environ, **devices.showing(plan.requires)})
    if isinstance(first, Unavailable):
        yield f"{NOT_USABLE}{first.reason}", _MAKE_VISIBLE
        return
    if not needed_gib:
        return
    least = min(first, key=_known_bytes)
    known = [one for one in first if not isinstance(one.memory_bytes, Unavailable)]
    if known and _known_bytes(least) < needed_gib * _GIB:
        has = f"{least.name} has {_known_bytes(least) / _GIB:.1f} GiB"
        needs = f"the attempt needs {needed_gib:g} GiB"
        if max(map(_known_bytes, known)) < needed_gib * _GIB and len(known) == len(first):
            yield f"{has}, {needs}", "use a larger GPU, or lower vram_gib if you know it fits"
        else:
            yield f"{has}, {needs}, and which GPU CUDA takes first cannot be told", _CHOOSE
        return
    for device in first:
        if isinstance(device.memory_bytes, Unavailable):
            yield (
                f"the attempt needs {needed_gib:g} GiB, and the memory of {device.name} cannot be "
                f"measured because: {device.memory_bytes.reason}",
                "see what nvidia-smi says of it; if you know that it fits, leave vram_gib out",
            )
            return


def _known_bytes(device: Device) -> float:
    unknown = isinstance(device.memory_bytes, Unavailable)
    return float("inf") if unknown else float(cast(int, device.memory_bytes))


def _build(hardware: HardwareRecord, python: WorkerPython) -> Iterator[Unmet]:
    """Whether the installed PyTorch and the driver know one CUDA: same major version, or newer."""
    built = torch_cuda_version(python)
    if isinstance(built, Unavailable):
        yield f"{built.reason}{python.inside}", python.there(_INSTALL_CUDA_TORCH)
        return
    supported = hardware.driver_cuda_version
    if isinstance(hardware.gpus, Unavailable):
        return  # said already
    if isinstance(supported, Unavailable):
        yield (
            f"whether the driver is new enough for PyTorch's CUDA {built} cannot be measured "
            f"because: {supported.reason}",
            "see the CUDA version that nvidia-smi shows; in a container add `compute` to "
            "NVIDIA_DRIVER_CAPABILITIES",
        )
    elif int(supported.partition(".")[0]) < int(built.partition(".")[0]):
        yield (
            f"the installed PyTorch was built for CUDA {built}, the driver {AT_MOST} {supported}",
            "update the driver, or install a PyTorch for its CUDA: see https://pytorch.org",
        )


def torch_cuda_version(
    python: WorkerPython = WorkerPython(),  # noqa: B008 - a frozen record: our own Python
) -> str | Unavailable:
    """CUDA version that the installed torch was built for, read without importing it."""
    place = python.place("torch")
    if not place:
        return Unavailable("PyTorch is not installed")
    try:
        source = (Path(place).parent / "version.py").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Unavailable(f"{_BUILD_UNKNOWN} ({type(error).__name__})")
    built = re.search(r"^cuda\b[^=\n]*=\s*['\"](\d+(?:\.\d+)*)['\"]", source, re.MULTILINE)
    if built:
        return built[1]
    if re.search(r"^hip\b[^=\n]*=\s*['\"]", source, re.MULTILINE):
        return Unavailable("the installed PyTorch is a build for ROCm, without CUDA")
    if re.search(r"^cuda\b[^=\n]*=\s*None", source, re.MULTILINE):
        return Unavailable("the installed PyTorch is a build without CUDA")
    return Unavailable(_BUILD_UNKNOWN)


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
    yield from _asked(model_id, page, has_token=get_token() is not None)


def _asked(model_id: str, page: str, *, has_token: bool) -> Iterator[Unmet]:
    """What the hub says of the model. A public one needs no token."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
    from huggingface_hub.utils import get_session

    try:
        get_session().timeout = HUB_TIMEOUT_S
        HfApi().auth_check(model_id)
    except GatedRepoError:
        if has_token:
            text = f"the licence of {model_id} is not accepted for this token"
            yield text, f"accept it at {page}"
        else:
            text = f"{model_id} is gated, and there is no Hugging Face token"
            yield text, f"accept its licence at {page}, then: hf auth login (or set HF_TOKEN)"
    except RepositoryNotFoundError:
        if not has_token:
            yield (
                f"the hub knows no public {model_id}, and there is no Hugging Face token",
                f"check the name at {page}; a private model needs a token: hf auth login",
            )
            return
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
