"""Checks on what several processes say of themselves and of the machine that they ran on.

Responsible for holding it against each other and against hardware.json, environment.json,
packages.json and the rest of the journal. Which rows were whose is `ranks`'s. The name of the
machine is in no other document: it is held against the other processes' alone.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from functools import partial
from itertools import islice, pairwise
from typing import Any, Final

from msgspec.structs import replace

from evidence.records.availability import Unavailable
from evidence.records.capture import GpuPartRecord, GpuRecord, HardwareRecord, TorchRecord
from evidence.records.run import JournalEvent
from evidence.results.computed import is_card, present
from evidence.results.context import journal_at
from evidence.rules.ranks import packages_sha256
from evidence.stages.train import TRAIN
from evidence.verification.consistency import registry
from evidence.verification.consistency.machine import OUR_BACKENDS, SHARED
from evidence.verification.consistency.registry import Evidence, Problems, differs
from evidence.verification.problem import Problem

check = partial(registry.check, kind=TRAIN.name)

_ALIKE: Final = (
    ("host", "machine"),
    ("device_name", "GPU model"),
    ("driver_version", "driver version"),
    ("python_version", "Python version"),
    ("torch_version", "PyTorch version"),
    ("packages_sha256", "set of packages"),
    ("num_threads", "number of threads"),
)
_OF_GPU: Final = ("device_name", "gpu_uuid", "driver_version")


@check("ranks-alike", "the processes of a training ran under the same conditions")
def ranks_alike(evidence: Evidence) -> Problems:
    """Warning `ranks-differ` where machine, GPU model, driver, Python, PyTorch, packages or threads
    of one process are not those of the first; and where the first finds other packages than the
    pack names."""
    _ = evidence.plan
    expected = _packages(evidence)
    for event in evidence.events("ranks", TRAIN.name):
        place, every = journal_at(event, "data", "ranks"), event.data["ranks"]
        for index, one in enumerate(every):
            for key, title in _ALIKE:
                if one[key] != every[0][key]:
                    text = (
                        f"process {one['rank']} has another {title} than process {every[0]['rank']}"
                    )
                    yield _differ(f"{place}/{index}/{key}", text, every[0][key], one[key])
        for one in every[:1]:
            if expected and one["packages_sha256"] != expected:
                text = "the processes found other packages installed than the pack names"
                yield _differ(f"{place}/0/packages_sha256", text, expected, one["packages_sha256"])


def _differ(place: str, text: str, expected: Any, actual: Any) -> Problem:
    return Problem(place, text, _said(expected), _said(actual), "warning", "ranks-differ")


def _said(value: Any) -> Any:
    return value["unavailable"] if isinstance(value, dict) else value


def _packages(evidence: Evidence) -> str:
    """The digest of the packages that the pack names for its workers; empty where it names none."""
    documents = evidence.documents
    if not _names_worker(evidence):
        return ""
    packages = documents.packages_used[1].packages
    if isinstance(packages, Unavailable):
        return ""
    return packages_sha256((one.name, one.version) for one in packages)


def _names_worker(evidence: Evidence) -> bool:
    """Whether the pack says which Python the workers of the attempt that completed ran under."""
    return (evidence.documents.worker is None) == (evidence.plan.interpreter is None)


@check("ranks-machine", "what each process says of itself is what the pack says elsewhere")
def ranks_machine(evidence: Evidence) -> Problems:
    """The first is started on the machine of hardware.json, and so is each that names the same
    machine; of another machine the pack has no document, and its GPU and memory are held against
    nothing. Each computes on the kind of device that the journal's execution of the segment says;
    without a GPU it has no GPU's name, UUID or driver; with one, name, UUID and driver are those of
    hardware.json, where that knows them. In the segment that ended the training: PyTorch is
    environment.json's, Python that or the worker's, the threads of the first are stage-finished's,
    and with our own backend those of the others what the attempt asks; of a segment that was killed
    those of all. target tokens ≤ tokens ≤ tokens fed; the peak memory of the first, which is read
    before the stage ends, is not above stage-finished's, and none is above eight times the
    machine's. Exact. Documents of the machine are of the start: of a run that was resumed, perhaps
    elsewhere, what differs from them is a warning `ranks-differ`."""
    for event in evidence.events("ranks", TRAIN.name):
        device = _device(evidence, event)
        for place, one in _each(event):
            yield from _computes(place, one, device)
            if one["host"] != event.data["ranks"][0]["host"]:
                continue
            yield from _as_moved(evidence, _gpu(place, one, evidence.documents.hardware))
    finished = _last(evidence, "stage-finished")
    for event in evidence.events("ranks", TRAIN.name):
        if finished is None or event.data["segment"] != finished.data["segment"]:
            yield from _threads(evidence, event, None)
    if finished is None:
        return
    for event in _of_segment(evidence, "ranks", finished):
        yield from _as_moved(evidence, _software(evidence, event))
        yield from _threads(evidence, event, finished.data["num_threads_start"])
    elsewhere = {
        one["rank"]
        for event in _of_segment(evidence, "ranks", finished)
        for one in event.data["ranks"]
        if one["host"] != event.data["ranks"][0]["host"]
    }
    for event in _of_segment(evidence, "ranks-fed", finished):
        yield from _counted(evidence, event, finished, elsewhere)


def _as_moved(evidence: Evidence, found: Problems) -> Problems:
    """What differs from the documents of the start: an error, unless the run was resumed."""
    results = evidence.documents.results
    value = None if results is None else results.values.get("run.num_recoveries")
    was_resumed = value is not None and value.value not in (None, 0)
    for one in found:
        if was_resumed:
            yield replace(one, severity="warning", code="ranks-differ")
        else:
            yield one


def _each(event: JournalEvent) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, one in enumerate(event.data["ranks"]):
        yield f"{journal_at(event, 'data', 'ranks')}/{index}", one


def _last(evidence: Evidence, name: str) -> JournalEvent | None:
    return next(reversed(evidence.events(name, TRAIN.name)), None)


def _of_segment(evidence: Evidence, name: str, other: JournalEvent) -> Iterator[JournalEvent]:
    for event in evidence.events(name, TRAIN.name):
        if event.data["segment"] == other.data["segment"]:
            yield event


def _device(evidence: Evidence, event: JournalEvent) -> str:
    """Where the journal says that the segment was computed; empty where it does not."""
    found = _of_segment(evidence, "execution", event)
    return next((str(one.data["device"]) for one in found), "")


def _computes(place: str, one: dict[str, Any], device: str) -> Problems:
    if device and _kind(one["device"]) != _kind(device):
        text = "not the kind of device that the training ran on"
        yield Problem(f"{place}/device", text, device, one["device"])
    if _kind(one["device"]) == "cpu":
        for key in _OF_GPU:
            if not isinstance(one[key], dict):
                text = "this process computed on no GPU"
                yield Problem(f"{place}/{key}", text, None, one[key])


def _kind(device: str) -> str:
    return device.partition(":")[0]


def _gpu(place: str, one: dict[str, Any], hardware: HardwareRecord) -> Problems:
    if _kind(one["device"]) == "cpu":
        return
    cards = present(hardware)
    name, uuid, driver = (one[key] for key in _OF_GPU)
    names = _known(card.name for card in cards)
    if isinstance(name, str) and names and not any(is_card(name, card) for card in cards):
        text = "a GPU that hardware.json does not have"
        yield Problem(f"{place}/device_name", text, " or ".join(names), name)
    parts = [part.uuid for card in cards for part in _parts(card)]
    uuids = _known((*(card.uuid for card in cards), *parts))
    if isinstance(uuid, str) and uuids and uuid not in uuids:
        text = "no GPU of hardware.json has this UUID"
        yield Problem(f"{place}/gpu_uuid", text, " or ".join(uuids), uuid)
    stated = hardware.driver_version
    if isinstance(driver, str) and isinstance(stated, str) and driver != stated:
        text = "another driver than that of hardware.json"
        yield Problem(f"{place}/driver_version", text, stated, driver)


def _known(values: Iterable[str | Unavailable]) -> list[str]:
    """All of them; none where one is not known, which could be any."""
    found = list(values)
    known = [one for one in found if not isinstance(one, Unavailable)]
    return known if len(known) == len(found) else []


def _parts(card: GpuRecord) -> tuple[GpuPartRecord, ...]:
    return () if isinstance(card.parts, Unavailable) else card.parts


def _software(evidence: Evidence, event: JournalEvent) -> Problems:
    """Of the first: another of the others is what `ranks-alike` tells."""
    documents = evidence.documents
    framework = documents.environment.framework
    stated: dict[str, str | Unavailable] = {}
    if _names_worker(evidence):
        stated["python_version"] = (documents.worker or documents.environment).python_version
    if isinstance(framework, TorchRecord):
        stated["torch_version"] = framework.torch_version
    for place, one in islice(_each(event), 1):
        for key, expected in stated.items():
            if not isinstance(expected, Unavailable):
                text = "not what the pack says of its workers"
                yield from differs(f"{place}/{key}", text, expected, one[key])


def _threads(evidence: Evidence, event: JournalEvent, began: int | None) -> Problems:
    """`began`: with how many the stage began, where the journal says so of this segment."""
    plan = evidence.plan
    for index, (place, one) in enumerate(_each(event)):
        place, found = f"{place}/num_threads", one["num_threads"]
        if index == 0 and began is not None:
            yield from differs(place, "not the threads with which the stage began", began, found)
        elif plan.threads is not None and plan.backend in OUR_BACKENDS:
            yield from differs(place, "not as this attempt asks", plan.threads, found)


def _counted(
    evidence: Evidence, event: JournalEvent, finished: JournalEvent, elsewhere: Container[int]
) -> Problems:
    hardware = evidence.documents.hardware
    memory = [hardware.memory_bytes, *(card.memory_bytes for card in present(hardware))]
    known = [one for one in memory if not isinstance(one, Unavailable)]
    most = SHARED * sum(known) if len(known) == len(memory) else None
    for index, (place, one) in enumerate(_each(event)):
        for part, whole in pairwise(("num_target_tokens", "num_tokens", "num_fed_tokens")):
            if one[part] > one[whole]:
                text = f"more than its {whole}"
                yield Problem(f"{place}/{part}", text, f"at most {one[whole]}", one[part])
        peak, at_end = one["peak_memory_bytes"], finished.data["peak_memory_bytes"]
        if index == 0 and at_end is not None and peak > at_end:
            text = "more than the whole stage of this process used"
            yield Problem(f"{place}/peak_memory_bytes", text, f"at most {at_end}", peak)
        elif most is not None and peak > most and one["rank"] not in elsewhere:
            text = "more than this machine has"
            yield Problem(f"{place}/peak_memory_bytes", text, f"at most {most}", peak)
