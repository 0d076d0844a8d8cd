"""Checks on what several processes say of themselves and of the machine that they ran on.

Responsible for holding it against each other and against hardware.json, environment.json,
packages.json and the rest of the journal. Which rows were whose is `ranks`'s. The name of the
machine is in no other document: it is held against the other processes' alone.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import partial
from itertools import islice

from msgspec.structs import replace

from evidence.records.availability import Unavailable
from evidence.records.capture import TorchRecord
from evidence.records.run import JournalEvent
from evidence.results.computed import present
from evidence.rules.ranks import packages_sha256
from evidence.stages.train import TRAIN
from evidence.verification.consistency import registry
from evidence.verification.consistency.machine import OUR_BACKENDS, SHARED
from evidence.verification.consistency.rank_devices import alike, computes, differ, gpu
from evidence.verification.consistency.rank_rules import each, within_its_tokens
from evidence.verification.consistency.registry import Evidence, Problems, differs
from evidence.verification.problem import Problem

check = partial(registry.check, kind=TRAIN.name)


@check("ranks-alike", "the processes of a training ran under the same conditions")
def ranks_alike(evidence: Evidence) -> Problems:
    """Warning `ranks-differ` where machine, GPU model, driver, Python, PyTorch, packages or threads
    of one process are not those of the first; and where the first finds other packages than the
    pack names."""
    _ = evidence.plan
    expected = _packages(evidence)
    for event in evidence.events("ranks", TRAIN.name):
        yield from alike(event)
        for place, one in islice(each(event), 1):
            if expected and one["packages_sha256"] != expected:
                text = "the processes found other packages installed than the pack names"
                yield differ(f"{place}/packages_sha256", text, expected, one["packages_sha256"])


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
        for place, one in each(event):
            yield from computes(place, one, device)
            if one["host"] != event.data["ranks"][0]["host"]:
                continue
            yield from _as_moved(evidence, gpu(place, one, evidence.documents.hardware))
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


def _software(evidence: Evidence, event: JournalEvent) -> Problems:
    """Of the first: another of the others is what `ranks-alike` tells."""
    documents = evidence.documents
    framework = documents.environment.framework
    stated: dict[str, str | Unavailable] = {}
    if _names_worker(evidence):
        stated["python_version"] = (documents.worker or documents.environment).python_version
    if isinstance(framework, TorchRecord):
        stated["torch_version"] = framework.torch_version
    for place, one in islice(each(event), 1):
        for key, expected in stated.items():
            if not isinstance(expected, Unavailable):
                text = "not what the pack says of its workers"
                yield from differs(f"{place}/{key}", text, expected, one[key])


def _threads(evidence: Evidence, event: JournalEvent, began: int | None) -> Problems:
    """`began`: with how many the stage began, where the journal says so of this segment."""
    plan = evidence.plan
    for index, (place, one) in enumerate(each(event)):
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
    yield from within_its_tokens(event)
    for index, (place, one) in enumerate(each(event)):
        peak, at_end = one["peak_memory_bytes"], finished.data["peak_memory_bytes"]
        if index == 0 and at_end is not None and peak > at_end:
            text = "more than the whole stage of this process used"
            yield Problem(f"{place}/peak_memory_bytes", text, f"at most {at_end}", peak)
        elif most is not None and peak > most and one["rank"] not in elsewhere:
            text = "more than this machine has"
            yield Problem(f"{place}/peak_memory_bytes", text, f"at most {most}", peak)
