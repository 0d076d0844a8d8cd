"""Many packs: each in a process of our own, and none that cannot be read keeps the others back.

Responsible for how many processes packs deserve, and for what reading one came to; sharing out is
`evidence.system.processes`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from evidence.errors import PackBrokenError, UnfinishedRunError, UnsafePackError, UsageError
from evidence.records.finding import PackState, Report
from evidence.records.record import Record
from evidence.system import processes
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import SealedPack, load_sealed, verify_pack


class Unread(Record):
    """A pack that could not be read."""

    state: PackState
    reason: str


def sealed_or_why(path: Path) -> SealedPack | Unread:
    """A pack as `load_sealed` reads it, or why it cannot be read. Raises nothing of its own."""
    try:
        return load_sealed(path)
    except UnfinishedRunError as error:
        return Unread("unfinished", error.message)
    except UnsafePackError as error:
        return Unread("refused", error.message)
    except (PackBrokenError, UsageError) as error:
        return Unread("broken", error.message)


def verify_packs(paths: Sequence[Path], options: VerifyOptions, num_jobs: int = 0) -> list[Report]:
    """A report for each path, in that order, by `num_jobs` processes (0: by machine and packs).

    Raises UsageError as `verify_pack` does.
    """
    num_jobs = num_jobs or processes.worthwhile(len(paths))
    return processes.each(partial(verify_pack, options=options), paths, num_jobs)
