"""Laws of machines side by side: a GPU that computed nothing changes no bits of a run."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from render.sample import complete_pack, gpu

from evidence.compare.environment import can_change_bits, environment_of
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import TorchRecord
from evidence.results.computed import computed_on, machine_name

GPU = gpu().name


def on(device: str, name: Any, *cards: Any) -> Documents:
    pack = complete_pack()
    framework = pack.environment.framework
    assert isinstance(framework, TorchRecord)
    said = replace(framework, device=device, device_name=name)
    return replace(
        pack,
        environment=replace(pack.environment, framework=said),
        hardware=replace(pack.hardware, gpus=cards, driver_version="580"),
    )


IDLE = on("cpu", Unavailable("no GPU is in use"), gpu(), gpu())
NONE = on("cpu", Unavailable("no GPU is in use"))
USED = on("cuda:0", GPU, gpu(), gpu())


def decisive(documents: Documents) -> dict[str, Any]:
    return {key: v for key, v in environment_of(documents).items() if can_change_bits(key)}


def test_gpus_that_computed_nothing_are_facts_of_the_system_alone() -> None:
    assert decisive(IDLE) == decisive(NONE)
    assert environment_of(IDLE)["system.gpus_present"] == f"{GPU}, {GPU}"
    assert "system.gpus_present" not in decisive(IDLE)


def test_of_several_gpus_the_one_that_computed_is_compared() -> None:
    alone = on("cuda:0", GPU, gpu())
    assert decisive(USED) == decisive(alone)
    assert decisive(USED)["gpu.names"] == GPU
    assert decisive(USED)["gpu.driver"] == "580"
    assert decisive(USED) != decisive(IDLE)


def test_a_gpu_that_nvml_does_not_show_is_compared_by_its_own_name() -> None:
    pack = on("cuda:0", "NVIDIA H100")
    silent = replace(pack, hardware=replace(pack.hardware, gpus=Unavailable("no answer")))
    assert environment_of(silent)["gpu.names"] == "NVIDIA H100"


def test_a_machine_is_called_by_what_computed() -> None:
    processor = NONE.hardware.cpu.model
    assert machine_name(IDLE) == machine_name(NONE) == processor
    assert machine_name(USED) == GPU
    silent = replace(IDLE, hardware=replace(IDLE.hardware, gpus=Unavailable("no answer")))
    assert machine_name(silent) == processor
    unsaid = replace(IDLE, environment=replace(IDLE.environment, framework=Unavailable("none")))
    assert computed_on(unsaid).kind == "unknown"
    assert machine_name(unsaid) == processor


def test_memory_that_a_worker_held_tells_of_a_gpu_that_it_did_not_name() -> None:
    unsaid = replace(IDLE, environment=replace(IDLE.environment, framework=Unavailable("none")))
    rows = tuple(replace(row, gpu_memory_bytes=1 << 30) for row in unsaid.telemetry)
    assert machine_name(replace(unsaid, telemetry=rows)) == GPU
    other = replace(unsaid.hardware, gpus=(gpu(), replace(gpu(), name="Other")))
    unlike = replace(unsaid, telemetry=rows, hardware=other)
    assert machine_name(unlike) == "a GPU that does not say its name"
    earlier = (replace(rows[0], attempt="earlier"), *unsaid.telemetry)
    assert computed_on(replace(unsaid, telemetry=earlier)).kind == "unknown"
