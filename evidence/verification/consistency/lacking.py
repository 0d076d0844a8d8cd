"""The check on what attempts lacked: it is what this machine lacks, by our own sentences.

Responsible for reading what `evidence.worker.requirements` wrote. What a backend says of itself,
and what the hub said, nothing in a pack can contradict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import permutations
from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.capture import HardwareRecord, TorchRecord
from evidence.records.run import AttemptPlan
from evidence.redact.marks import is_cut_from
from evidence.results.context import journal_at
from evidence.verification.consistency.registry import Evidence, Problems, check
from evidence.verification.problem import CannotCheckError, Problem
from evidence.worker.lacking_words import AT_MOST, NO_CARD, NOT_USABLE, UNKNOWN
from evidence.worker.visible import first_device

_HIDDEN: Final = ("CUDA_VISIBLE_DEVICES", "(MIG)")
"""What our sentences name where cards are there, and a process sees none."""
_MEMORY: Final = re.compile(r"(.+) has ([0-9.]+) GiB, the attempt needs ([0-9.e+-]+) GiB\b.*")
_SUPPORTED: Final = re.compile(
    rf"(?:the installed PyTorch was|jax-cuda\d+-plugin\b) .* the driver(?: \(.*\))? {AT_MOST} (\S+)"
)
_NO_TORCH: Final = (
    "the Python package torch is not installed",
    "PyTorch is not installed",
)
_NO_CUDA: Final = "the installed PyTorch is a build without CUDA"
_GIB: Final = 1 << 30


@check("attempt-missing", "what an attempt lacked is what the documents say is not here")
def attempt_missing(evidence: Evidence) -> Problems:
    """Of each thing that was missing, where the sentence is ours: no usable GPU, its memory, the
    CUDA of its driver, PyTorch and its build are as in hardware.json, environment.json and the
    milestone; and no stage began of a failed attempt that asks for an NVIDIA GPU where
    hardware.json has none. Exact, but for secrets and names that were cut out. Not of a run that
    was resumed or closed later, perhaps elsewhere."""
    documents = evidence.documents
    if any(event.event == "recovered" for event in documents.journal):
        raise CannotCheckError("the run was resumed or closed later, perhaps on another machine")
    plans = {plan.name: plan for plan in evidence.plans}
    for outcome in documents.outcomes:
        plan = plans.get(outcome.name)
        folder = layout.attempt_dir(outcome.number, outcome.name)
        for index, said in enumerate(outcome.missing if plan is not None else ()):
            place = f"{folder}/outcome.json#/missing/{index}"
            for text, expected in _contradictions(evidence, plan, said):
                yield Problem(place, text, expected, said)
    yield from _began(evidence, plans)


def _began(evidence: Evidence, plans: dict[str, AttemptPlan]) -> Problems:
    gpus = evidence.documents.hardware.gpus
    if not isinstance(gpus, Unavailable) and gpus:
        return
    completed = evidence.context.plan
    for event in evidence.documents.journal:
        if completed is not None and event.attempt == completed.name:
            continue  # framework-identity asks on which device it computed
        plan = plans.get(event.attempt or "")
        if event.event == "stage-started" and plan and plan.requires.accelerator == "nvidia":
            text = "this attempt asks for an NVIDIA GPU, and hardware.json has none"
            yield Problem(journal_at(event, "attempt"), text, "something missing", event.attempt)


def _contradictions(
    evidence: Evidence, plan: AttemptPlan | None, said: str
) -> Iterator[tuple[str, object]]:
    """What is wrong with a sentence, and what the documents say."""
    hardware, framework = evidence.documents.hardware, evidence.documents.environment.framework
    for begins in (NOT_USABLE, UNKNOWN):
        if said.startswith(begins):
            yield from _gpus(hardware, said.removeprefix(begins))
    memory, supported = _MEMORY.fullmatch(said), _SUPPORTED.match(said)
    if memory and plan is not None:
        yield from _too_small(hardware, plan, memory)
    driver = hardware.driver_cuda_version
    if supported and not isinstance(driver, Unavailable) and supported[1] != driver:
        yield "another CUDA than the driver's in hardware.json", driver
    if not isinstance(framework, TorchRecord):
        return
    if said in _NO_TORCH:
        yield "a later attempt computed with it", f"torch {framework.torch_version}"
    if said.startswith(_NO_CUDA) and not isinstance(framework.cuda_version, Unavailable):
        yield "the build of this run has CUDA", framework.cuda_version


def _gpus(hardware: HardwareRecord, why: str) -> Iterator[tuple[str, object]]:
    gpus = hardware.gpus
    if isinstance(gpus, Unavailable):
        if not any(is_cut_from(*pair, names=True) for pair in permutations((why, gpus.reason))):
            yield "hardware.json has another reason why there is no GPU", gpus.reason
    elif not gpus:
        if why != NO_CARD:
            yield "hardware.json has a driver that reports no GPU", NO_CARD
    elif not any(mark in why for mark in _HIDDEN):
        yield "hardware.json has a GPU", ", ".join(str(one.name) for one in gpus)


def _too_small(
    hardware: HardwareRecord, plan: AttemptPlan, said: re.Match[str]
) -> Iterator[tuple[str, object]]:
    if said[3] != f"{plan.requires.vram_gib:g}":
        yield "the milestone asks for other memory", f"{plan.requires.vram_gib:g} GiB"
    gpus = () if isinstance(hardware.gpus, Unavailable) else hardware.gpus
    devices = first_device(gpus, {})
    known = [
        f"{one.name} has {one.memory_bytes / _GIB:.1f} GiB"
        for one in (() if isinstance(devices, Unavailable) else devices)
        if not isinstance(one.memory_bytes, Unavailable)
    ]
    if f"{said[1]} has {said[2]} GiB" not in known:
        yield "hardware.json has no such GPU", " or ".join(known) or "no GPU"
