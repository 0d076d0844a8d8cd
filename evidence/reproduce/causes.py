"""Why a second run is not the first, bit for bit: recorded differences, the likeliest first. Pure.

The order follows from what is known. Other rows in the stream come from data, configuration or
tokenizer and from nothing else that is usual; with an equal stream, a setting that differs is
certain to matter, then the kernels that another processor, thread count or library chooses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from evidence.compare.page import plain
from evidence.compare.pair import Pair
from evidence.compare.reasons import reasons
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.comparison import DifferenceRecord
from evidence.records.reproduction import CauseRecord, TierResult
from evidence.results.context import Context
from evidence.results.framework import are_of_two_frameworks, framework_of
from evidence.results.side_by_side import compared_steps, trajectory
from evidence.stages.command import COMMAND

SHOWN_KEYS: Final = 6
MAX_CHARS: Final = 4000
"""Of one explanation."""

_KINDS: Final = (
    ("data", ("content.data.",)),
    ("threads", ("attempt.threads", "framework.num_", "cpu.num_", "variable.OMP_", "variable.MKL_",
                 "variable.OPENBLAS_", "variable.CUDA_VISIBLE", "variable.NVIDIA_VISIBLE")),
    ("model", ("model.", "content.")),
    ("configuration", ("train.", "eval.", "data.", "attempt.")),
    ("hardware", ("cpu.", "gpu.names", "framework.device")),
    ("versions", ("framework.", "package.", "python.", "tool.", "gpu.driver", "variable.")),
)  # fmt: skip
"""Kind of cause by the beginning of a key; the first that fits. Other keys explain nothing."""

_ORDER_OTHER_ROWS: Final = ("data", "configuration", "model", "versions", "threads", "hardware")
_ORDER_SAME_ROWS: Final = ("configuration", "model", "hardware", "threads", "versions", "data")

_CAUSE_TEXTS: Final = {
    "data": "other data bytes",
    "configuration": "configured differently",
    "model": "another model or tokenizer",
    "threads": "another number of threads or devices, which changes the order of sums",
    "hardware": "another processor or GPU, which chooses other kernels",
    "versions": "other versions of interpreter or libraries",
}

_SHUFFLING: Final = ("train.seed", "train.max_length", "train.epochs", "train.max_steps",
                     "train.batch_size", "train.gradient_accumulation", "data.")  # fmt: skip
_NUMERIC: Final = ("train.learning_rate", "train.", "data.", "attempt.")
_LIBRARIES: Final = ("framework.", "package.torch", "package.transformers", "package.tokenizers",
                     "package.jax", "package.numpy", "package.safetensors", "package.accelerate",
                     "package.evidence-pack", "tool.", "python.")  # fmt: skip


def causes(
    original: Documents,
    other: Documents,
    tiers: Sequence[TierResult],
    differences: Sequence[DifferenceRecord],
) -> tuple[CauseRecord, ...]:
    """What can explain that the outcome digests differ; empty where they are equal."""
    if tiers[0].reached:
        return ()
    if are_of_two_frameworks(original, other):
        return (*_failed(other), *_two_frameworks(original, other))
    same_rows = (
        trajectory(compared_steps(original), compared_steps(other)).first_stream_step is None
    )
    found: dict[str, list[DifferenceRecord]] = {}
    for row in differences:
        kind = _kind(row.key)
        if kind:
            found.setdefault(kind, []).append(row)
    order = _ORDER_SAME_ROWS if same_rows else _ORDER_OTHER_ROWS
    first = _NUMERIC if same_rows else _SHUFFLING
    named = [_cause(kind, found[kind], first) for kind in order if kind in found]
    interrupted = _interrupted(original)
    alone = not named and not interrupted
    return (*_failed(other), *interrupted, *named, *_kernels(other, alone=alone))


def _two_frameworks(original: Documents, other: Documents) -> Iterator[CauseRecord]:
    """That there are two comes last: whatever else differs explains more."""
    for one in reasons(Pair(original, other)):
        yield CauseRecord(one.kind, one.explanation[:MAX_CHARS])
    names = f"{framework_of(original)} and {framework_of(other)}"
    text = f"{names} are two implementations, which round otherwise in every sum"
    yield CauseRecord("framework", text)


def _interrupted(original: Documents) -> tuple[CauseRecord, ...]:
    """Steps of a program that was started more than once are of all its starts."""
    starts = Context(original).stage_events("stage-started", COMMAND.name)
    if len(starts) < 2:
        return ()
    text = (
        f"the program of the original was started {len(starts)} times, and its steps are of all of "
        "them; now it ran once, from its beginning"
    )
    return (CauseRecord("interrupted", text),)


def _kind(key: str) -> str:
    return next((kind for kind, starts in _KINDS if key.startswith(starts)), "")


def _cause(kind: str, rows: list[DifferenceRecord], first: Sequence[str]) -> CauseRecord:
    weights = _LIBRARIES if kind == "versions" else first
    rows = sorted(rows, key=lambda row: _weight(row.key, weights))
    shown = "; ".join(
        f"{row.key}: {plain(row.values[0])} → {plain(row.values[1])}" for row in rows[:SHOWN_KEYS]
    )
    more = f"; and {len(rows) - SHOWN_KEYS} more" if len(rows) > SHOWN_KEYS else ""
    return CauseRecord(kind, f"{_CAUSE_TEXTS[kind]}: {shown}{more}")


def _weight(key: str, starts: Sequence[str]) -> int:
    return next((i for i, start in enumerate(starts) if key.startswith(start)), len(starts))


def _failed(other: Documents) -> tuple[CauseRecord, ...]:
    """The second run may simply not have come to its end."""
    if other.manifest is None or other.manifest.status == "complete":
        return ()
    reason = other.outcomes[-1].reason if other.outcomes else "no attempt completed"
    return (CauseRecord("failed", f"the second run did not complete: {reason}"),)


def _kernels(other: Documents, *, alone: bool) -> tuple[CauseRecord, ...]:
    framework = other.environment.framework
    if other.manifest is not None and other.manifest.status != "complete":
        return ()
    if not isinstance(framework, Unavailable) and not framework.deterministic_algorithms:
        text = "deterministic algorithms were switched off, so two runs may differ anywhere"
        return (CauseRecord("kernels", text),)
    if not alone:
        return ()
    text = (
        "nothing that is recorded differs: a kernel that is not deterministic, or something that "
        "is not recorded"
    )
    return (CauseRecord("kernels", text),)
