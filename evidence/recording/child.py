"""The program as a process: started as a shell would start it, heard, and waited for.

Responsible for its environment, its output and its end. It is in the worker's process group, so
that who ends the worker ends it; what its end means is `stage`'s.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from evidence import limits
from evidence.recording import places
from evidence.records.record import Record
from evidence.worker.interface import StageFailure

READ_BYTES: Final = 1 << 16
MAX_LOG_BYTES: Final = limits.MAX_TEXT_BYTES
"""Of output in which numbers are looked for."""
GRACE_AFTER_EXIT_S: Final = 1.0
"""How long what the program started may go on talking once it is gone itself."""
ALWAYS: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "TZ",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH",
)  # fmt: skip
"""What a program gets where the milestone lists its variables."""


class End(Record):
    """How the program ended."""

    exit_status: int | None
    signal: int | None
    left_running: tuple[str, ...]


def environment(names: Sequence[str] | None, spool: Path) -> dict[str, str]:
    """What the program gets: the caller's variables, all or those that are listed, and our hooks
    first on its path."""
    given: Mapping[str, str] = os.environ
    if names is not None:
        given = {name: os.environ[name] for name in (*ALWAYS, *names) if name in os.environ}
    path = given.get("PYTHONPATH", "")
    hooked = f"{places.hooks()}{os.pathsep}{path}" if path else str(places.hooks())
    return {**given, "PYTHONPATH": hooked, places.SPOOL_VARIABLE: str(spool)}


def found(program: str, cwd: Path, path: str | None) -> str:
    """The file of a program. Raises StageFailure where there is none that can be run."""
    local = Path(program) if os.path.isabs(program) else cwd / program  # noqa: PTH117
    place = shutil.which(str(local) if os.sep in program else program, path=path) if program else ""
    if place:
        return place
    where = f"in {cwd}" if os.sep in program else "on PATH"
    text = f"there is no program {program!r} {where}"
    if os.sep in program and local.is_file():
        text = f"the file {program!r} in {cwd} may not be executed: chmod +x, or name what reads it"
    elif local.is_file():
        text = f"{text}; to run the file of that name in {cwd}, write './{program}'"
    raise StageFailure("requirement-not-met", text)


class Child:
    """One running program. Its output comes in pieces, stdout and stderr as they come.

    `apart`: in a session of its own, so that what reaches our process group does not reach it.
    """

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        variables: Mapping[str, str],
        *,
        apart: bool = False,
    ) -> None:
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=dict(variables),
                start_new_session=apart,
            )
        except OSError as error:
            text = f"{command[0]!r} cannot be run: {error.strerror}"
            raise StageFailure("requirement-not-met", text) from error
        self._spool = variables.get(places.SPOOL_VARIABLE, "")
        assert self._process.stdout is not None  # noqa: S101 - Popen was given a pipe
        self._output = self._process.stdout
        self._is_open = True
        self.num_output_bytes = 0
        self._kept: list[bytes] = []

    @property
    def pid(self) -> int:
        """Its process id; of one that is apart, its process group too."""
        return self._process.pid

    def output(self, timeout_s: float) -> bytes:
        """What it printed within `timeout_s`, a piece at most; empty where it was silent."""
        if not self._is_open:
            select.select([], [], [], timeout_s)
            return b""
        ready, _, _ = select.select([self._output], [], [], timeout_s)
        if not ready:
            return b""
        data = os.read(self._output.fileno(), READ_BYTES)
        self._is_open = bool(data)
        self.num_output_bytes += len(data)
        if self.num_output_bytes <= MAX_LOG_BYTES:
            self._kept.append(data)
        return data

    @property
    def printed(self) -> bytes:
        """All of its output so far; nothing where there is too much to look for numbers in."""
        return b"".join(self._kept) if self.num_output_bytes <= MAX_LOG_BYTES else b""

    @property
    def is_running(self) -> bool:
        """Whether the program itself goes on."""
        return self._process.poll() is None

    @property
    def is_heard(self) -> bool:
        """Whether everything that holds its output is gone."""
        return not self._is_open

    def ask_to_stop(self, number: int) -> None:
        """The signal that we got, for a program that left our group and was not asked with it."""
        group_of = getattr(os, "getpgid", None)
        with contextlib.suppress(OSError):
            if group_of and self.is_running and group_of(self._process.pid) != group_of(0):
                self._process.send_signal(number)

    def end(self) -> End:
        """How it ended, and what it leaves running: in the group that ends with us, or beside."""
        status = self._process.wait()
        self._output.close()
        if status < 0:
            return End(None, -status, _left_running(self._spool))
        return End(status, None, _left_running(self._spool))


def _left_running(spool: str) -> tuple[str, ...]:
    """Processes of our group but ourselves, and those that have our spool in their environment."""
    group_of = getattr(os, "getpgid", None)
    if group_of is None:
        return ()  # no process groups: nothing is recorded there
    group, found = group_of(0), []
    for process in psutil.process_iter(["name"]):
        try:
            ours = process.pid != os.getpid() and (
                group_of(process.pid) == group
                or process.environ().get(places.SPOOL_VARIABLE) == spool
            )
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.info['name']} ({process.pid})")
        except (OSError, psutil.Error):
            continue  # gone meanwhile
    return tuple(sorted(found))
