"""Several packs at once, each in a process of our own.

Responsible for how many processes packs deserve; sharing out is `evidence.system.processes`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from evidence.records.finding import Report
from evidence.system import processes
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack


def verify_packs(paths: Sequence[Path], options: VerifyOptions, num_jobs: int = 0) -> list[Report]:
    """A report for each path, in that order, by `num_jobs` processes (0: by machine and packs).

    Raises UsageError as `verify_pack` does.
    """
    num_jobs = num_jobs or processes.worthwhile(len(paths))
    return processes.each(partial(verify_pack, options=options), paths, num_jobs)
