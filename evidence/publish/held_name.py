"""The name of a pack, held by one process while it makes that pack.

Responsible for the lock alone: whoever runs, records or imports under a name holds it first.
"""

from __future__ import annotations

import errno
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from evidence import layout
from evidence.errors import BusyError, DurabilityError, UsageError
from evidence.system.durable import move
from evidence.system.entries import type_of

LOCK_PATIENCE_S: Final = 0.3


@contextmanager
def held_name(runs: Path, name: str) -> Iterator[None]:
    """Hold the name of a pack. Raises BusyError where another process does."""
    # The kernel drops the lock with its process, so a dead run never blocks the next one; a worker
    # that was about to start when it died holds it for the moment until its `exec`.
    path = runs / layout.WORK / f"{name}.lock"
    _clear(path)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=LOCK_PATIENCE_S, poll_interval=0.02)
    except Timeout as error:
        raise BusyError(
            f"another run of {name} is at work in {runs}",
            hint="Wait for it, or run another milestone.",
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot lock {lock.lock_file}: {error.strerror or error}",
            hint=f"Allow it: chmod u+rw {shlex.quote(str(path))}"
            if error.errno in (errno.EACCES, errno.EPERM) and type_of(path) == "file"
            else "Give a folder that can be written and locked (some network disks have no "
            "locks): --runs DIR",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _clear(lock: Path) -> None:
    """Move away what stands in the place of the lock and is no file: nobody can hold that."""
    if type_of(lock) in (None, "file"):
        return
    number = 1
    while type_of(place := lock.with_name(f".{lock.name}.{number}")) is not None:
        number += 1
    try:
        move(lock, place)
    except DurabilityError as error:
        raise UsageError(f"{error.message}; nothing was started", hint=error.hint) from error
    except OSError as error:
        raise UsageError(
            f"{error.strerror or error}: {lock}; nothing was started",
            hint="Give a folder that can be read and written: --runs DIR",
        ) from error
