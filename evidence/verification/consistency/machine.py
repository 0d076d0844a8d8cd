"""Checks on the machine: documents, snapshot, framework and samples tell of one and the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from evidence import layout
from evidence.limits import most_processors_j
from evidence.pack import lost
from evidence.records.availability import Unavailable
from evidence.records.capture import (
    FrameworkRecord,
    HardwareRecord,
    JaxRecord,
    TelemetryRow,
    TorchRecord,
)
from evidence.records.finding import Severity
from evidence.records.inputs import ModelRecord
from evidence.records.run import AttemptPlan, JournalEvent
from evidence.results.context import journal_at
from evidence.rules.devices import is_rocm
from evidence.stages.eval import EVAL
from evidence.stages.stage import stages_of
from evidence.stages.train import STEPS, TRAIN
from evidence.text.snapshot import env_snapshot
from evidence.verification.consistency.cards import as_chosen, of_number
from evidence.verification.consistency.memory import too_little_memory
from evidence.verification.consistency.registry import Evidence, Problems, check, differs, need
from evidence.verification.problem import CannotCheckError, Problem

TRANSFORMERS: Final = "transformers"
TUNIX: Final = "tunix"
OUR_BACKENDS: Final = (TRANSFORMERS, TUNIX)
"""What these backends always do is known; what another reports is its own."""
_FRAMEWORKS: Final[dict[str, type[FrameworkRecord]]] = {
    TRANSFORMERS: TorchRecord,
    "tunix": JaxRecord,
}
_PLATFORMS: Final = {"none": "cpu", "nvidia": "gpu", "tpu": "tpu"}
"""Where JAX computes, by the accelerator that an attempt requires."""
_DETERMINISTIC: Final = "--xla_gpu_deterministic_ops=true"
_NO_DRIVER: Final = "no NVIDIA driver"
_GPU: Final = ("gpu_memory_bytes", "gpu_utilisation_percent", "gpu_power_w")
_ABOVE_LIMIT: Final = 2.0
"""How far above its limit a card may draw for a moment; peaks of some last milliseconds."""
UNSAMPLED_S: Final = 60.0
AWAKE_S: Final = 10.0
"""A stage of a minute has a sample; of each pause between two steps so much counts as awake."""
SHARED: Final = 8
"""Pages that processes share count once for each of them."""


@check("env-snapshot", "env_snapshot.txt is what the documents beside it give")
def snapshot(evidence: Evidence) -> Problems:
    """snapshot.env_snapshot over environment.json, hardware.json, git.json, packages.json and,
    where it is there, worker.json, compared as bytes. Exact."""
    documents = evidence.documents
    if lost.damaged_in(documents.journal) is not None:
        raise CannotCheckError("the run was closed when its files were damaged")
    found = evidence.contents.get(layout.ENV_SNAPSHOT)
    if found is None:
        raise CannotCheckError(f"{layout.ENV_SNAPSHOT} is not there, or too large")
    text = env_snapshot(
        documents.environment,
        documents.hardware,
        documents.git,
        documents.packages,
        documents.worker,
    )
    expected, lines = text.split("\n"), found.decode("utf-8", "replace").split("\n")
    for number, (wanted, line) in enumerate(zip(expected, lines, strict=False), 1):
        if wanted != line:
            place = f"{layout.ENV_SNAPSHOT}#L{number}"
            yield Problem(place, "not what the documents give here", wanted, line)
            return
    if len(expected) != len(lines):
        text = "not as many lines as the documents give"
        yield Problem(layout.ENV_SNAPSHOT, text, len(expected) - 1, len(lines) - 1)


@check(
    "framework-build",
    "the framework could compute where it says, and as the attempt asks",
    of_stages=TRAIN.name,
)
def framework_build(evidence: Evidence) -> Problems:
    """A CUDA device needs a build with CUDA or ROCm, and a card of its number; the card that the
    attempt names is the only one that was there, and has that UUID; +cuNNN is cuda_version; the
    journal's execution was on that device; where our own backend ran: the framework is known,
    torch and transformers are among the packages (a development build of torch may not be),
    threads, one thread between operations and deterministic algorithms are as the attempt asks. Of
    JAX: a device of its platform, which is that of the accelerator asked for; no double precision,
    deterministic operations where XLA_FLAGS say so, threads and precision as the attempt asks.
    Exact."""
    plan, framework = evidence.plan, evidence.documents.environment.framework
    place = f"{layout.ENVIRONMENT}#/framework"
    if isinstance(framework, Unavailable):
        if plan.backend in OUR_BACKENDS:
            yield Problem(place, "a run that completed knows its framework", None, framework.reason)
            return
        raise CannotCheckError(f"the framework is not known: {framework.reason}")
    expected = _FRAMEWORKS.get(plan.backend)
    if expected is not None and not isinstance(framework, expected):
        text = f"the backend {plan.backend} computes with another framework"
        yield Problem(place, text, expected.__name__, type(framework).__name__)
    if isinstance(framework, JaxRecord):
        yield from _jax(place, framework)
        if plan.backend in OUR_BACKENDS:
            yield from _jax_as_asked(place, framework, plan)
    else:
        yield from _torch(place, framework)
    yield from of_number(framework, evidence.documents.hardware)
    yield from as_chosen(evidence, framework)
    for event in evidence.events("execution", "train"):
        where, text = journal_at(event, "data", "device"), "another device than the framework had"
        kind, _, number = event.data["device"].partition(":")
        same = framework.device.partition(":")[0] == kind
        if not same or (
            number and ":" in framework.device and event.data["device"] != framework.device
        ):
            yield Problem(where, text, framework.device, event.data["device"])
    if plan.backend in OUR_BACKENDS and isinstance(framework, TorchRecord):
        yield from _as_asked(evidence, framework, plan)


def _jax(place: str, framework: JaxRecord) -> Problems:
    begins = {"cpu": ("cpu",), "gpu": ("cuda", "rocm", "gpu"), "tpu": ("tpu",)}
    if not framework.device.startswith(begins[framework.platform]):
        text = "is no device of this platform"
        yield Problem(f"{place}/device", text, framework.platform, framework.device)


def _jax_as_asked(place: str, framework: JaxRecord, plan: AttemptPlan) -> Problems:
    text = "not as this attempt asks"
    facts: list[tuple[str, object]] = [("platform", _PLATFORMS[plan.requires.accelerator])]
    facts += [("x64", False), ("deterministic_ops", _DETERMINISTIC in framework.xla_flags)]
    if plan.threads is not None:
        facts.append(("num_threads", plan.threads))
    if plan.numerics.deterministic:
        facts.append(("matmul_precision", "highest"))
    for key, expected in facts:
        yield from differs(f"{place}/{key}", text, expected, getattr(framework, key))


def _torch(place: str, framework: TorchRecord) -> Problems:
    cpu_build = framework.torch_version.endswith("+cpu")
    if framework.device.startswith("cuda"):
        if cpu_build:
            text = "a build for CPUs alone computes on no GPU"
            yield Problem(f"{place}/device", text, "a build with CUDA", framework.device)
        elif isinstance(framework.cuda_version, Unavailable) and not is_rocm(framework):
            text = "a GPU was used, and this build has no CUDA"
            yield Problem(f"{place}/device", text, "cpu", framework.device)
    if framework.device.startswith("mps") and cpu_build:
        text = "a build for CPUs alone computes on no GPU"
        yield Problem(f"{place}/device", text, "a build for macOS", framework.device)
    if cpu_build and not isinstance(framework.cuda_version, Unavailable):
        text = "a build for CPUs alone has no CUDA"
        yield Problem(f"{place}/cuda_version", text, None, framework.cuda_version)
    tag = re.fullmatch(r"[^+]+\+cu(\d+)", framework.torch_version)
    if tag and not isinstance(framework.cuda_version, Unavailable):
        text, stated = "another CUDA than the build names", framework.cuda_version
        if tag[1] != stated.replace(".", ""):
            yield Problem(f"{place}/cuda_version", text, framework.torch_version, stated)


def _as_asked(evidence: Evidence, framework: TorchRecord, plan: AttemptPlan) -> Problems:
    place = f"{layout.ENVIRONMENT}#/framework"
    path, packages = evidence.documents.packages_used
    names = {one.name.lower() for one in packages.imported}
    released = not any(mark in framework.torch_version for mark in ("dev", "git", "a0"))
    if names and "torch" not in names and released:
        text = "PyTorch is not among the packages"
        yield Problem(f"{place}/torch_version", text, f"torch in {path}")
    if names and "transformers" not in names:
        text = "is not among the packages: perhaps it was imported from a folder"
        where = f"{place}/transformers_version"
        yield Problem(where, text, severity="warning", code="package-not-listed")
    facts = [("num_interop_threads", 1), ("deterministic_algorithms", plan.numerics.deterministic)]
    if plan.threads is not None:
        facts.append(("num_threads", plan.threads))
    for key, expected in facts:
        text = "not as this attempt asks"
        yield from differs(f"{place}/{key}", text, expected, getattr(framework, key))


@check("telemetry-machine", "samples show what this machine could have shown")
def telemetry_machine(evidence: Evidence) -> Problems:
    """No value of a GPU where there is no driver or no card; its memory and power within those of
    the cards (power ×2), use up to 100 %; the worker's memory within the machine's (×8: pages that
    processes share count more than once), its processor use within its logical processors (×2); no
    more energy of processors than 20 kW would draw in the time since the sample before and 10 s."""
    rows, hardware = evidence.documents.telemetry, evidence.documents.hardware
    if not rows:
        raise CannotCheckError("there are no samples")
    limits = dict(_limits(hardware))
    before_s = 0.0
    for line, row in enumerate(rows, 1):
        place = f"{layout.TELEMETRY}#L{line}"
        yield from _sample(place, row, limits)
        yield from _processor_energy(place, row, max(0.0, row.elapsed_s - before_s))
        before_s = row.elapsed_s


def _limits(hardware: HardwareRecord) -> Iterator[tuple[str, float | None]]:
    """The most of each value; None where there can be none."""
    gpus = hardware.gpus
    if isinstance(gpus, Unavailable):
        if gpus.reason.startswith(_NO_DRIVER):
            yield from dict.fromkeys(_GPU, None).items()
    elif not gpus:
        yield from dict.fromkeys(_GPU, None).items()
    else:
        yield "gpu_utilisation_percent", 100.0
        memory = [one.memory_bytes for one in gpus]
        power = [one.power_limit_w for one in gpus]
        known = [one for one in memory if not isinstance(one, Unavailable)]
        if len(known) == len(memory):
            yield "gpu_memory_bytes", float(sum(known))
        watts = [float(one) for one in power if not isinstance(one, Unavailable)]
        if len(watts) == len(power):
            yield "gpu_power_w", _ABOVE_LIMIT * sum(watts)
    if not isinstance(hardware.memory_bytes, Unavailable):
        yield "rss_bytes", SHARED * hardware.memory_bytes
    if not isinstance(hardware.cpu.num_logical_cores, Unavailable):
        yield "cpu_percent", 2 * 100.0 * hardware.cpu.num_logical_cores


def _processor_energy(place: str, row: TelemetryRow, since_s: float) -> Problems:
    drawn, limit = row.cpu_energy_j, most_processors_j(since_s)
    if drawn is not None and not isinstance(drawn, Unavailable) and drawn > limit:
        text = "more than processors draw in this time"
        yield Problem(f"{place}/cpu_energy_j", text, f"at most {limit:g}", drawn)


def _sample(place: str, row: TelemetryRow, limits: dict[str, float | None]) -> Problems:
    for key, limit in limits.items():
        value = getattr(row, key)
        if isinstance(value, Unavailable):
            continue
        if limit is None:
            yield Problem(f"{place}/{key}", "there is no GPU that could show this", None, value)
        elif value > limit:
            text = "more than this machine has"
            yield Problem(f"{place}/{key}", text, f"at most {limit:g}", value)


@check("machine-limits", "the machine has no more free than it has, and no stage used more")
def machine_limits(evidence: Evidence) -> Problems:
    """Warnings: more of the disk free than there is; more processors that may be used, or physical
    ones, than logical ones; a stage that used more memory than machine and cards have (containers
    and file systems of containers count otherwise). An error: more than eight times as much, as in
    telemetry-machine; and an evaluation that used less than half of what the parameters of its
    model take in their number format."""
    hardware, place = evidence.documents.hardware, f"{layout.HARDWARE}#"
    yield from _of_evaluations(evidence)
    cpu = hardware.cpu
    pairs = (
        ("disk_free_bytes", hardware.disk_free_bytes, hardware.disk_total_bytes),
        ("cpu/num_usable_cores", cpu.num_usable_cores, cpu.num_logical_cores),
        ("cpu/num_physical_cores", cpu.num_physical_cores, cpu.num_logical_cores),
    )
    for key, part, whole in pairs:
        if isinstance(part, Unavailable) or isinstance(whole, Unavailable) or part <= whole:
            continue
        text = "more than there is in all"
        yield Problem(f"{place}/{key}", text, f"at most {whole}", part, "warning")
    gpus = () if isinstance(hardware.gpus, Unavailable) else hardware.gpus
    memory = [hardware.memory_bytes, *(one.memory_bytes for one in gpus)]
    known = [one for one in memory if not isinstance(one, Unavailable)]
    if len(known) < len(memory) or (not gpus and _may_have_gpus(hardware)):
        raise CannotCheckError("it is not known how much memory there is")
    for event in evidence.documents.journal:
        peak = event.data["peak_memory_bytes"] if event.event == "stage-finished" else None
        if peak is not None and peak > sum(known):
            text, where = (
                "more than this machine has",
                journal_at(event, "data", "peak_memory_bytes"),
            )
            severity: Severity = "error" if peak > SHARED * sum(known) else "warning"
            yield Problem(where, text, f"at most {sum(known)}", peak, severity)


def _of_evaluations(evidence: Evidence) -> Problems:
    """Of one process on one device. That of a training is held by model-size."""
    for stage in stages_of(evidence.documents.milestone):
        if stage.kind is not EVAL:
            continue
        view = evidence.within(stage) if stage.is_named else evidence
        model, plan = view.documents.inputs.model, view.context.plan
        if isinstance(model, ModelRecord) and plan is not None and plan.backend != TUNIX:
            yield from too_little_memory(view, model, EVAL.name)


def _may_have_gpus(hardware: HardwareRecord) -> bool:
    gpus = hardware.gpus
    return isinstance(gpus, Unavailable) and not gpus.reason.startswith(_NO_DRIVER)


@check("telemetry-there", "what ran for seconds was sampled while it ran")
def telemetry_there(evidence: Evidence) -> Problems:
    """Samples are of stages that the journal started for their attempt; a stage of the completed
    attempt that took a minute or more has a sample. A warning where its steps do not tell of a
    minute: a machine that slept takes no samples."""
    rows = evidence.documents.telemetry
    known = {
        (event.attempt, event.data["stage"])
        for event in evidence.documents.journal
        if event.event == "stage-started"
    }
    for line, row in enumerate(rows, 1):
        if (row.attempt, row.stage) not in known:
            text = "the journal started no such stage of this attempt"
            yield Problem(f"{layout.TELEMETRY}#L{line}/stage", text, None, row.stage)
    need(evidence.context.plan, "no attempt completed")
    sampled = {(row.attempt, row.stage) for row in rows}
    for event in evidence.events("stage-finished"):
        long = event.data["duration_s"] > UNSAMPLED_S
        if long and (event.attempt, event.data["stage"]) not in sampled:
            text = f"there is no sample of the {event.data['stage']} stage, which took this long"
            slept = _awake_s(evidence, event) <= UNSAMPLED_S
            place = journal_at(event, "data", "duration_s")
            yield Problem(place, text, severity="warning" if slept else "error")


def _awake_s(evidence: Evidence, finished: JournalEvent) -> float:
    """How long the steps of this stage show that the machine was awake: of each pause, a sample."""
    if finished.data["stage"] != TRAIN.name:
        return 0.0
    times = [
        row.elapsed_s
        for row in evidence.documents.rows(STEPS)
        if row.segment == finished.data["segment"]
    ]
    return sum(min(after - before, AWAKE_S) for before, after in pairwise(times))
