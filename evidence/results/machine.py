"""Values of the machine, the software, the checkpoint and the telemetry of the run."""

from __future__ import annotations

from collections.abc import Callable

from evidence import layout
from evidence.encoding.codec import decode
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord, JaxRecord, TelemetryRow
from evidence.records.inputs import FileDigest
from evidence.results.context import (
    Context,
    Value,
    Values,
    at,
    journal_at,
    known,
    observed,
    rows_at,
    unknown,
)

_CPU = (
    ("model", ""),
    ("architecture", ""),
    ("num_physical_cores", "cores"),
    ("num_logical_cores", "cores"),
    ("num_usable_cores", "cores"),
)
_GPU = (
    ("name", ""),
    ("memory_bytes", "bytes"),
    ("compute_capability", ""),
    ("architecture", ""),
)
_SOFTWARE = (
    ("torch", "torch_version"),
    ("transformers", "transformers_version"),
    ("cuda", "cuda_version"),
    ("device", "device"),
)
_JAX = (
    ("jax", "jax_version"),
    ("flax", "flax_version"),
    ("optax", "optax_version"),
    ("tunix", "tunix_version"),
    ("transformers", "transformers_version"),
    ("device", "device"),
)


def machine_values(context: Context) -> Values:
    """hardware.*, software.*, checkpoint.* and telemetry.*"""
    yield from _hardware(context)
    yield from _software(context)
    yield from _worker(context)
    yield from _telemetry(context)


def _hardware(context: Context) -> Values:
    hardware = context.documents.hardware
    for key, unit in _CPU:
        place = at(layout.HARDWARE, "cpu", key)
        yield f"hardware.cpu.{key}", observed(getattr(hardware.cpu, key), unit, place)
    singles: tuple[tuple[str, str], ...] = (
        ("memory_bytes", "bytes"),
        ("driver_version", ""),
        ("driver_cuda_version", ""),
        ("os", ""),
    )
    for key, unit in singles:
        yield f"hardware.{key}", observed(getattr(hardware, key), unit, at(layout.HARDWARE, key))
    gpus, place = hardware.gpus, at(layout.HARDWARE, "gpus")
    if isinstance(gpus, Unavailable):
        yield "hardware.num_gpus", unknown(gpus.reason, "GPUs", place, "count")
        return
    yield "hardware.num_gpus", known(len(gpus), "GPUs", place, "count")
    for index, gpu in enumerate(gpus):
        yield from _gpu(index, gpu)


def _gpu(index: int, gpu: GpuRecord) -> Values:
    for key, unit in _GPU:
        place = at(layout.HARDWARE, "gpus", index, key)
        yield f"hardware.gpu.{index}.{key}", observed(getattr(gpu, key), unit, place)


def _software(context: Context) -> Values:
    environment = context.documents.environment
    place = at(layout.ENVIRONMENT, "python_version")
    yield "software.python", observed(environment.python_version, "", place)
    framework = environment.framework
    path, used = context.documents.packages_used
    installed = {
        one.name: (one.version, at(path, "packages", index, "version"))
        for index, one in enumerate(used.known)
        if not one.shadowed
    }
    for name, key in _JAX if isinstance(framework, JaxRecord) else _SOFTWARE:
        found = framework if isinstance(framework, Unavailable) else getattr(framework, key)
        place = at(layout.ENVIRONMENT, "framework", key)
        if isinstance(framework, Unavailable) and name in installed:  # no worker said what it used
            found, place = installed[name]
        yield f"software.{name}", observed(found, "", place)
    packages, place = context.documents.packages.packages, at(layout.PACKAGES, "packages")
    yield (
        "software.packages",
        unknown(packages.reason, "packages", place, "count")
        if isinstance(packages, Unavailable)
        else known(len(packages), "packages", place, "count"),
    )


def _worker(context: Context) -> Values:
    """The Python of the workers, where it is another one."""
    worker = context.documents.worker
    if worker is None:
        return
    for name, key in (("interpreter", "interpreter"), ("python", "python_version")):
        yield f"software.worker.{name}", known(getattr(worker, key), "", at(layout.WORKER, key))
    place = at(layout.WORKER, "packages")
    count = len(worker.packages)
    yield "software.worker.packages", known(count, "packages", place, "count")


def final_model_files(context: Context) -> tuple[FileDigest, ...] | Unavailable:
    """Files of the final model as the journal recorded them when they were saved."""
    events = context.events("final-model")
    if not events:
        why = context.why_not if context.plan is None else "the journal names no final model"
        return Unavailable(why)
    try:
        return decode(tuple[FileDigest, ...], events[-1].data.get("files"))
    except MalformedError as error:
        return Unavailable(f"the journal's final-model event is malformed {error.message}")


def checkpoint_values(context: Context) -> Values:
    """checkpoint.*"""
    files = final_model_files(context)
    events = context.events("final-model")
    place = journal_at(events[-1], "data", "files") if events else ""
    if isinstance(files, Unavailable):
        yield "checkpoint.num_files", unknown(files.reason, "files", place, "count")
        yield "checkpoint.size_bytes", unknown(files.reason, "bytes", place, "sum")
        return
    yield "checkpoint.num_files", known(len(files), "files", place, "count")
    size_bytes = sum(file.size_bytes for file in files)
    yield "checkpoint.size_bytes", known(size_bytes, "bytes", place, "sum")


def _telemetry(context: Context) -> Values:
    rows = context.documents.telemetry if context.plan is not None else ()
    wanted: tuple[tuple[str, str, str, Callable[[list[float]], float], str], ...] = (
        ("peak_rss_bytes", "rss_bytes", "bytes", max, "maximum"),
        ("peak_gpu_memory_bytes", "gpu_memory_bytes", "bytes", max, "maximum"),
        ("mean_gpu_utilisation_percent", "gpu_utilisation_percent", "%", _mean, "mean"),
        ("peak_gpu_power_w", "gpu_power_w", "W", max, "maximum"),
    )
    for name, field, unit, reduce, rule in wanted:
        found = _column(rows, field) if rows else Unavailable(_why_no_rows(context))
        place = rows_at(layout.TELEMETRY, 1, len(rows), field) if rows else layout.TELEMETRY
        value: Value | Unavailable = found if isinstance(found, Unavailable) else reduce(found)
        yield (
            f"telemetry.{name}",
            unknown(value.reason, unit, place, rule)
            if isinstance(value, Unavailable)
            else known(value, unit, place, rule),
        )


def _why_no_rows(context: Context) -> str:
    return context.why_not if context.plan is None else "the run was over before the first sample"


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _column(rows: tuple[TelemetryRow, ...], field: str) -> list[float] | Unavailable:
    """What was measured of one column; samples that could not be taken are left out."""
    cells = [getattr(row, field) for row in rows]
    measured = [cell for cell in cells if not isinstance(cell, Unavailable)]
    if measured:
        return measured
    reason = next(cell.reason for cell in cells if isinstance(cell, Unavailable))
    return Unavailable(reason)
