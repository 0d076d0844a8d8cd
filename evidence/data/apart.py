"""Parquet and Arrow of a stranger, read in a process apart with little memory and time.

Responsible for what a decoder written in C++ may do with bytes that nobody vouches for: a crash, an
endless loop or gigabytes end that process, and say that nothing was read. Rows come back as JSON
lines. Windows has no such limits, and there nothing is read.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from evidence.data import columns
from evidence.data.text_rows import Unread
from evidence.encoding import jsonio
from evidence.errors import MalformedError, MilestoneError
from evidence.limits import MIB

MAX_MEMORY_BYTES: Final = 4096 * MIB
"""Of address space, of which pyarrow takes a gigabyte before it reads anything."""
MAX_CPU_S: Final = 60
_REFUSED: Final = 3


def rows_apart(raw: bytes, kind: str, most_bytes: int) -> bytes:
    """The rows as JSON lines. Raises MalformedError with why there are none, MilestoneError without
    pyarrow."""
    if find_spec("pyarrow") is None:
        raise MilestoneError(columns.missing(kind))
    if find_spec("resource") is None:
        raise MalformedError(f"{kind} of a pack is read under limits that this system has not")
    command = [sys.executable, "-I", "-m", "evidence.data.apart", kind, str(most_bytes)]
    alone = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, input=raw, capture_output=True, timeout=2 * MAX_CPU_S, env=os.environ | alone
        )
    except subprocess.TimeoutExpired as error:
        raise MalformedError(f"reading it as {kind} takes too long") from error
    if done.returncode == _REFUSED:
        raise MalformedError(done.stderr.decode("utf-8", "replace"))
    if done.returncode:
        raise MalformedError(f"the process that read it as {kind} ended with {done.returncode}")
    return done.stdout


def main() -> int:
    """The process apart: a file on its input, JSON lines on its output."""
    resource: Any = import_module("resource")  # of POSIX only
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        rows, place = columns.rows_of(
            io.BytesIO(sys.stdin.buffer.read()), sys.argv[1], int(sys.argv[2])
        )
        for number, row in rows:
            if isinstance(row, Unread):
                raise MalformedError(f"{place(number)}: {row.texts[0]}")
            sys.stdout.buffer.write(jsonio.dump_row(row))
    except MalformedError as error:
        sys.stderr.buffer.write(error.message.encode("utf-8", "replace"))
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
