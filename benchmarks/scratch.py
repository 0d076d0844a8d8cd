"""Where benchmarks put their files, and what becomes of them: nothing stays.

Responsible for a folder that is gone when a benchmark ends, interrupted or not (what a killed one
left is removed by the next), and for the state of the page cache before a run.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import psutil

PREFIX = "evidence-bench-"
_DROP = Path("/proc/sys/vm/drop_caches")


@contextmanager
def scratch(needed_bytes: int = 0) -> Iterator[Path]:
    """A folder below TMPDIR for this benchmark; a reason to end where the disk is too small."""
    parent = Path(tempfile.gettempdir())
    for left in parent.glob(f"{PREFIX}*"):
        if not psutil.pid_exists(int(left.name.split("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    free = shutil.disk_usage(parent).free
    if free < needed_bytes * 1.1:
        raise SystemExit(f"{parent} has {free >> 20} MiB free, and this needs {needed_bytes >> 20}")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as folder:
        yield Path(folder)


def _leave(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def files_below(folder: Path) -> list[Path]:
    """Every file, largest first: the order in which a pool of any kind ends soonest."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(found, key=lambda path: (-path.stat().st_size, path))


def drop_cache(files: list[Path]) -> str:
    """Make the next read of these files come from the disk; returns how that was done."""
    os.sync()
    try:
        _DROP.write_text("1")
    except OSError:
        for path in files:
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
        return "posix_fadvise(DONTNEED)"
    return "drop_caches"
