"""Several packs at once, each in a process of our own.

Responsible for sharing packs out and for the order of the reports, which is that of the paths.
Where a process cannot be copied (no fork), packs are checked one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evidence.records.finding import Report
from evidence.verify.options import VerifyOptions
from evidence.verify.verification import verify_pack


def verify_packs(paths: Sequence[Path], options: VerifyOptions, num_jobs: int) -> list[Report]:
    """A report for each path, in that order. Raises UsageError as `verify_pack` does."""
    num_jobs = min(num_jobs, len(paths))
    if num_jobs < 2:
        return [verify_pack(path, options) for path in paths]
    import multiprocessing  # for several only: it takes longer to import than a pack to check
    from concurrent.futures import ProcessPoolExecutor

    if "fork" not in multiprocessing.get_all_start_methods():
        return [verify_pack(path, options) for path in paths]
    context = multiprocessing.get_context("fork")  # checks hold functions, which no pickle carries
    with ProcessPoolExecutor(num_jobs, context, _remember, (options,)) as pool:
        return list(pool.map(_verify, paths, chunksize=max(1, len(paths) // (4 * num_jobs))))


_asked = VerifyOptions()


def _remember(options: VerifyOptions) -> None:
    global _asked
    _asked = options


def _verify(path: Path) -> Report:
    return verify_pack(path, _asked)
