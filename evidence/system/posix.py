"""Calls that only POSIX has, each with a twin for Windows.

Responsible for the difference between systems, so that no other module asks which one it runs on.
Windows can verify, render and compare; it has no supervisor.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evidence.errors import BusyError

HELD_PATIENCE_S: Final = 120.0
"""For another command on the same pack: several notes at once take their turns, one that hangs is
named."""

if sys.platform == "win32":

    def can_supervise() -> bool:
        """Whether workers can be run and stopped here."""
        return False

    def is_locked(path: Path) -> bool:
        """Whether a run holds its lock; never known here, where none can run."""
        return False

    def is_own_folder(path: Path) -> bool:
        """Whether a folder is ours alone; never known here."""
        return False

    def can_only_be_read(path: Path) -> bool:
        """Whether a disk is mounted without writing; never known here."""
        return False

    @contextlib.contextmanager
    def folder_held(path: Path) -> Iterator[None]:
        """Nothing is held here: who writes into one pack twice at once is not kept from it."""
        yield

    DIRECTORY_FLAGS: int | None = None
    """A directory has no handle here, and NTFS journals its renames."""

    def stop_group(pid: int, *, by_interrupt: bool = False) -> None:
        """Nothing: there is no worker to stop."""

    def kill_group(pid: int) -> None:
        """Nothing: there is no worker to kill."""

    def can_copy_process() -> bool:
        """Never: there is no fork."""
        return False

    def copy_process() -> int:
        """Nothing to be had here; see `can_copy_process`."""
        raise OSError("this system cannot copy a process")

    def end_process(pid: int) -> None:
        """Nothing: there is no copy to end."""

    def peak_memory_bytes() -> int:
        """Largest working set of this process so far."""
        import psutil

        return int(psutil.Process().memory_info().peak_wset)

else:
    import fcntl
    import resource
    import signal

    def can_supervise() -> bool:
        """Whether workers can be run and stopped here."""
        return True

    def is_own_folder(path: Path) -> bool:
        """Whether a path is a folder, no link, that only this user can write into."""
        try:
            found = path.lstat()
        except OSError:
            return False
        others = stat.S_IWGRP | stat.S_IWOTH
        return (
            stat.S_ISDIR(found.st_mode)
            and found.st_uid == os.getuid()
            and not (found.st_mode & others)
        )

    def can_only_be_read(path: Path) -> bool:
        """Whether a path lies on a disk that is mounted without writing."""
        try:
            return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
        except OSError:
            return False

    def is_locked(path: Path) -> bool:
        """Whether another process holds the lock file of a run. Writes nothing.

        A shared lock is taken for an instant: who wants the lock at that instant tries again.
        """
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(handle)
        return False

    @contextlib.contextmanager
    def folder_held(path: Path) -> Iterator[None]:
        """Wait until no other process holds this folder, and hold it. Leaves no file behind; a
        process that dies lets go. A disk that knows no locks keeps nobody out.

        What is held is the folder that has this name then: who waited while it was moved away
        waits for the one that took its place. Raises FileNotFoundError where none did, BusyError
        where the other does not let go.
        """
        while True:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                _lock(handle, path)
                if os.path.samestat(os.fstat(handle), path.stat()):
                    yield
                    return
            finally:
                os.close(handle)

    def _lock(handle: int, path: Path) -> None:
        until_s = time.monotonic() + HELD_PATIENCE_S
        while True:
            try:
                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until_s:
                    raise BusyError(
                        f"another command writes into {path}, and did not end within "
                        f"{HELD_PATIENCE_S:g} s",
                        hint="Nothing was written. Wait for it, or end it; then try again.",
                    ) from None
                time.sleep(0.02)
            except OSError:
                return None  # a disk that knows no locks

    DIRECTORY_FLAGS: int | None = os.O_RDONLY | os.O_DIRECTORY
    """How a directory is opened to make its entries durable; None: it cannot be."""

    def stop_group(pid: int, *, by_interrupt: bool = False) -> None:
        """SIGTERM, or SIGINT, to a process group; one that is gone already is no error."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGINT if by_interrupt else signal.SIGTERM)

    def kill_group(pid: int) -> None:
        """SIGKILL to a process group; one that is gone already is no error."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)

    def can_copy_process() -> bool:
        """Whether a copy can go on from here: macOS's own libraries do not survive it, and locks
        that other threads hold would stay locked."""
        return sys.platform == "linux" and threading.active_count() == 1

    def copy_process() -> int:
        """fork: the child's process id, and 0 in the child."""
        return os.fork()

    def end_process(pid: int) -> None:
        """SIGKILL to a child of ours that was not waited for yet, and wait for it."""
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def peak_memory_bytes() -> int:
        """Largest resident size of this process so far."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024  # Linux counts KiB, macOS bytes
