"""The `evidence` command in a process that has PyTorch imported already, for tests of real models.

Responsible for the one server of this test process (tests/warm_server.py says in what it differs
from a user's). Signals, and what a start itself does, are tested with executed processes.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Lock

ROOT = Path(__file__).parents[1]
_ALONE = {
    "PYTHONHASHSEED": "0",  # workers have it, and it is read when an interpreter starts
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # pyarrow's allocator, which comes with the import of transformers where datasets is installed
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""For the server itself: no pool starts a thread, so that it can be forked."""


def evidence(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`evidence WORDS` in a folder, to its end."""
    with tempfile.TemporaryDirectory() as said:
        out, err = Path(said) / "out", Path(said) / "err"
        status = _ended("command", words, folder, (out, err), {})
        told = [path.read_text("utf-8", "replace") for path in (out, err)]
    return subprocess.CompletedProcess(["evidence", *words], status, *told)


def killed(folder: Path, until: tuple[Path, int], *words: str) -> None:
    """`evidence WORDS` in a folder, killed as soon as a file has so many lines."""
    with tempfile.TemporaryDirectory() as said:
        out, err = Path(said) / "out", Path(said) / "err"
        status = _ended("command", words, folder, (out, err), {}, until)
        assert status == -signal.SIGKILL, err.read_text("utf-8", "replace")


def worker(job: Path, events: Path, log: Path, environment: dict[str, str]) -> int:
    """The worker of a job, to its end: its exit status. What it tells goes into two files."""
    return _ended("worker", (str(job), str(events)), Path.cwd(), (log, log), environment)


def _ended(
    what: str,
    argv: Sequence[str],
    folder: Path,
    streams: tuple[Path, Path],
    environment: dict[str, str],
    until: tuple[Path, int] | None = None,
) -> int:
    request = {
        "what": what,
        "argv": argv,
        "cwd": str(folder),
        "out": str(streams[0]),
        "err": str(streams[1]),
        "environment": {**os.environ, **environment},
        "until": None if until is None else (str(until[0]), until[1]),
    }
    with _one_at_a_time:
        try:
            server = _server()
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(json.dumps(request) + "\n")
            server.stdin.flush()
            return int(json.loads(server.stdout.readline())["status"])
        except BaseException:  # a test ran out of time: what it began is of no use any more
            _server.cache_clear()
            raise


_one_at_a_time = Lock()


@cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.warm_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **_ALONE},
        text=True,
        start_new_session=True,
    )
    atexit.register(_close, server)
    return server


def _close(server: subprocess.Popen[str]) -> None:
    os.killpg(server.pid, signal.SIGKILL)
    server.communicate()
