"""Differences between the recorded environment and this machine, before anything starts.

Responsible for what can be looked up from outside a worker; what only a worker knows (the
framework's threads and kernels) is compared after the run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence.capture.environ import capture_environment
from evidence.capture.gpu import capture_gpus
from evidence.capture.host import capture_cpu, capture_hardware
from evidence.capture.packages import capture_packages
from evidence.compare.environment import (
    can_change_bits,
    decides_bits,
    environment_used,
    machine_facts,
)
from evidence.compare.page import plain
from evidence.pack.documents import Documents
from evidence.pack.journal import utc_now
from evidence.progress import Observer
from evidence.records.availability import Unavailable
from evidence.records.capture import WorkerRecord
from evidence.records.comparison import DifferenceRecord
from evidence.results.computed import computed_on
from evidence.rules.differences import differences
from evidence.worker.interpreter import python_of

_ANNOUNCED: Final = 20
_NAMED: Final = 6


def differences_on_this_machine(
    documents: Documents, project: Path, interpreter: str | None = None
) -> tuple[DifferenceRecord, ...]:
    """What of the recorded environment is different here, as far as it can change bits.

    `interpreter`: the path to take for the one that the attempt names.
    """
    unknown = Unavailable("no worker has started yet")
    gpus, on_gpu = capture_gpus(), computed_on(documents).kind != "cpu"
    worker = _worker_here(documents, project, interpreter)
    this_machine = machine_facts(
        environment_used(capture_environment(utc_now(), os.environ), worker),
        capture_hardware(
            project, capture_cpu(), gpus.gpus, gpus.driver_version, gpus.driver_cuda_version
        ),
        capture_packages() if worker is None else worker.as_packages,
        on_gpu=on_gpu,
    )
    recorded = environment_used(replace(documents.environment, framework=unknown), documents.worker)
    recorded_machine = machine_facts(
        recorded, documents.hardware, documents.packages_used[1], on_gpu=on_gpu
    )
    return tuple(
        row for row in differences([recorded_machine, this_machine]) if can_change_bits(row.key)
    )


def _worker_here(
    documents: Documents, project: Path, interpreter: str | None
) -> WorkerRecord | None:
    """The Python that the workers will run under, where the recorded ones ran under another."""
    if documents.worker is None:
        return None
    given = documents.worker.interpreter
    return python_of(given, (), project, os.environ, interpreter).record


def announce(differing: tuple[DifferenceRecord, ...], observer: Observer) -> None:
    """A line for each difference that is likely to change bits, and one for all others."""
    if not differing:
        observer.message("the environment here is the recorded one, as far as it can be seen")
    graver = [row for row in differing if decides_bits(row.key)]
    others = [row.key.removeprefix("package.") for row in differing if not decides_bits(row.key)]
    for row in graver[:_ANNOUNCED]:
        observer.message(
            f"differs here: {row.key}: recorded {plain(row.values[0])}, here {plain(row.values[1])}"
        )
    if len(graver) > _ANNOUNCED:
        observer.message(f"and {len(graver) - _ANNOUNCED} more differences that can change bits")
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        observer.message(
            f"differs here, and computes nothing: {', '.join(others[:_NAMED])}{more} (the new "
            "pack records the versions)"
        )
