"""Laws of what JAX needs for an accelerator: on each system it is said what is missing, and the
very command that gets it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace
from render.sample import complete_pack, gpu

from evidence.capture.interpreter import Interpreter
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord, HardwareRecord
from evidence.records.milestone import RequirementSpec
from evidence.worker import jax_requirements as jax
from evidence.worker import requirements
from evidence.worker.interface import Backend, Package
from evidence.worker.interpreter import WorkerPython

PYTHON = ".venv-jax/bin/python"
CARDS = (gpu(),)
NO_DRIVER = Unavailable("no NVIDIA driver was found (libnvidia-ml.so.1)")
PLUGIN_13 = ("jax_cuda13_plugin", "jax_cuda13_pjrt")
PLUGIN_12 = ("jax_cuda12_plugin", "jax_cuda12_pjrt")
PIP_13 = f'{PYTHON} -m pip install "jax[cuda13]"'
PIP_12 = f'{PYTHON} -m pip install "jax[cuda12]"'
BY_DRIVER = f'{PIP_13} (driver 580.65.06 or newer), or "jax[cuda12]" (driver 525.60.13 or newer)'


def python(*modules: str, **versions: str) -> WorkerPython:
    """One that has JAX, these modules too, and says these versions."""
    answer = Interpreter(
        version="3.11.7",
        implementation="CPython",
        compiler="GCC",
        executable=PYTHON,
        parent=0,
        too_old=False,
        modules=dict.fromkeys(("jax", *modules), "/there/__init__.py"),
        versions={name.replace("_", "-"): version for name, version in versions.items()},
    )
    return WorkerPython(PYTHON, "make jax", answer)


def machine(
    cuda: str | Unavailable = "13.0",
    gpus: tuple[GpuRecord, ...] | Unavailable = CARDS,
    driver: str = "580.95.05",
) -> HardwareRecord:
    hardware = complete_pack().hardware
    return replace(hardware, gpus=gpus, driver_version=driver, driver_cuda_version=cuda)


def card(capability: str | Unavailable) -> tuple[GpuRecord, ...]:
    return (replace(gpu(), compute_capability=capability),)


CASES: dict[str, tuple[WorkerPython, HardwareRecord, list[tuple[str, str]]]] = {
    "all there, for CUDA 13": (python(*PLUGIN_13), machine(), []),
    "all there, for CUDA 12": (python(*PLUGIN_12), machine("12.4", driver="550.54"), []),
    "an older plug-in on a newer driver": (python(*PLUGIN_12), machine(), []),
    "both, of which one fits": (python(*PLUGIN_13, *PLUGIN_12), machine("12.4"), []),
    "a capability that is not known refuses nothing": (
        python(*PLUGIN_13),
        machine(gpus=card(Unavailable("NVML does not say"))),
        [],
    ),
    "no plug-in, a driver of CUDA 13": (
        python(),
        machine(),
        [("JAX has no plug-in for CUDA in .venv-jax/bin/python: it computes on the", PIP_13)],
    ),
    "no plug-in, a driver of CUDA 12": (
        python(),
        machine("12.2", driver="535.1"),
        [("JAX has no plug-in for CUDA", PIP_12)],
    ),
    "no plug-in, a card that is too old for CUDA 13": (
        python(),
        machine(gpus=card("sm_70")),
        [("JAX has no plug-in for CUDA", PIP_12)],
    ),
    "no plug-in, a driver that is too old for any": (
        python(),
        machine("11.4", driver="470.1"),
        [("JAX has no plug-in", f"update the driver to 525.60.13 or newer, then: {BY_DRIVER}")],
    ),
    "no plug-in, and no driver that says what it supports": (
        python(),
        machine(NO_DRIVER, NO_DRIVER),
        [("JAX has no plug-in for CUDA", BY_DRIVER)],
    ),
    "a plug-in newer than the driver": (
        python(*PLUGIN_13),
        machine("12.4", driver="550.54.14"),
        [
            (
                "jax-cuda13-plugin in .venv-jax/bin/python needs a driver for CUDA 13, the driver "
                "(550.54.14) supports at most 12.4",
                f"{PYTHON} -m pip uninstall jax-cuda13-plugin jax-cuda13-pjrt, then {PIP_12}; or "
                "update the driver to 580.65.06 or newer",
            )
        ],
    ),
    "a plug-in newer than a driver that is too old for any": (
        python(*PLUGIN_12),
        machine("11.4", driver="470.1"),
        [
            (
                "jax-cuda12-plugin in .venv-jax/bin/python needs a driver for CUDA 12, the driver "
                "(470.1) supports at most 11.4",
                "update the driver to 525.60.13 or newer",
            )
        ],
    ),
    "a plug-in without kernels for the card": (
        python(*PLUGIN_13),
        machine(gpus=card("sm_70")),
        [("jax-cuda13-plugin in .venv-jax/bin/python has no kernels for this GPU", PIP_12)],
    ),
    "half of a plug-in": (
        python("jax_cuda13_plugin"),
        machine(),
        [("jax-cuda13-plugin is installed in .venv-jax/bin/python without its other", PIP_13)],
    ),
    "a plug-in of another version than JAX": (
        python(*PLUGIN_13, jax_cuda13_plugin="0.10.1", jaxlib="0.10.2"),
        machine(),
        [
            (
                "jax-cuda13-plugin 0.10.1 does not go with jaxlib 0.10.2 in .venv-jax/bin/python",
                f'{PYTHON} -m pip install "jax[cuda13]==0.10.2"',
            )
        ],
    ),
    "a driver that does not say what it supports": (
        python(*PLUGIN_13),
        machine(Unavailable("NVML: no permission")),
        [("which plug-in of JAX fits the driver cannot be told because: NVML: no perm", PIP_13)],
    ),
}


def held(found: Iterable[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
    given = list(found)
    assert len(given) == len(expected), given
    for (missing, remedy), (said, how) in zip(given, expected, strict=True):
        assert missing.startswith(said)
        assert how in remedy


@pytest.mark.parametrize("name", CASES)
def test_on_linux_the_plug_in_that_fits_driver_and_card_is_named(name: str) -> None:
    there, hardware, expected = CASES[name]
    held(jax.on_gpu(there, hardware, "linux", {}), expected)


@pytest.mark.parametrize("there", [python(), python(*PLUGIN_13), WorkerPython(PYTHON, "", None)])
@pytest.mark.parametrize(
    ("system", "missing", "remedy"),
    [
        ("win32", "JAX computes on no NVIDIA GPU under Windows itself, and `evidence run`", "WSL2"),
        ("darwin", "there is no CUDA on macOS", "run on Linux or WSL2 with an NVIDIA GPU"),
    ],
)
def test_where_there_is_no_cuda_that_alone_is_said(
    system: str, missing: str, remedy: str, there: WorkerPython
) -> None:
    held(jax.on_gpu(there, machine(NO_DRIVER, NO_DRIVER), system, {}), [(missing, remedy)])


@pytest.mark.parametrize(
    ("asked", "is_kept_off"),
    [("cpu", True), ("tpu,cpu", True), ("cuda", False), ("gpu,cpu", False), ("CUDA", False)],
)
def test_a_variable_that_keeps_jax_off_the_gpu_is_named(asked: str, is_kept_off: bool) -> None:
    there = python(*PLUGIN_13)
    for name in ("JAX_PLATFORMS", "JAX_PLATFORM_NAME"):
        found = list(jax.on_gpu(there, machine(), "linux", {name: asked}))
        assert bool(found) is is_kept_off
        assert all("unset JAX_PLATFORMS" in remedy for _, remedy in found)


@pytest.mark.parametrize(
    ("there", "system", "variables", "expected"),
    [
        (python("libtpu"), "linux", {}, []),
        (
            python(),
            "linux",
            {},
            [("the Python package libtpu is", '-m pip install "jax[tpu]"')],
        ),
        (python("libtpu"), "darwin", {}, [("JAX computes on TPUs under Linux alone", "Cloud TPU")]),
        (python("libtpu"), "win32", {}, [("JAX computes on TPUs under Linux alone", "Cloud TPU")]),
        (python("libtpu"), "linux", {"JAX_PLATFORMS": "cpu"}, [("JAX_PLATFORMS is 'cpu'", "uns")]),
    ],
)
def test_a_tpu_needs_its_library_under_linux(
    there: WorkerPython, system: str, variables: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    held(jax.on_tpu(there, system, variables), expected)


JAX = Backend("any", "Any", "evidence.x:y", (Package("jax", "pip install jax"),))
TORCH = Backend("any", "Any", "evidence.x:y", (Package("torch", "pip install torch"),))


def unmet(
    backend: Backend, accelerator: str, there: WorkerPython, hardware: HardwareRecord
) -> list[str]:
    from evidence.milestone.plan import plan_attempts

    first = plan_attempts(complete_pack().milestone)[0]
    asked = RequirementSpec(accelerator=accelerator)  # type: ignore[arg-type]
    found = requirements.unmet(replace(first, requires=asked), backend, hardware, there)
    return [missing for missing, _ in found if "evidence-pack" not in missing]


def test_what_an_attempt_lacks_is_asked_per_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "JAX_PLATFORM_NAME"):
        monkeypatch.delenv(name, raising=False)
    nowhere = machine(NO_DRIVER, NO_DRIVER)
    for system, begins in (
        ("linux", ["no NVIDIA GPU is usable here: no NVIDIA driver", "JAX has no plug-in"]),
        ("darwin", ["there is no CUDA on macOS"]),
        ("win32", ["JAX computes on no NVIDIA GPU under Windows itself"]),
    ):
        monkeypatch.setattr(requirements.sys, "platform", system)
        found = unmet(JAX, "nvidia", python(), nowhere)
        assert len(found) == len(begins), found
        assert all(said.startswith(one) for said, one in zip(found, begins, strict=True)), found
    monkeypatch.setattr(requirements.sys, "platform", "linux")
    assert unmet(JAX, "nvidia", python(*PLUGIN_13), machine()) == []
    assert unmet(JAX, "tpu", python("libtpu"), nowhere) == []
    assert unmet(TORCH, "tpu", WorkerPython(), nowhere) == ["the backend 'any' computes on no TPU"]
