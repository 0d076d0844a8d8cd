"""A process with PyTorch imported that forks commands: `python -m tests.warm_server`.

A command through it is the real one in a process of its own, from arguments to exit status, with
real workers that train and evaluate real models. Two things are not as for a user: processes are
forked and not executed, which saves the import of PyTorch and transformers, ten times what a tiny
training takes; and py-cpuinfo, which takes seconds, answers from a record.

Forking is clean: with one thread for each pool PyTorch starts none, nothing is computed here, and
`main` refuses to serve where there is a second thread.

Requests and answers are JSON lines on standard input and output.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn

import psutil

from evidence.capture import host
from evidence.cli.main import COMMANDS, cli, main
from evidence.worker import main as worker
from tests.forked import begin, end, fork_workers

FRAMEWORK = (
    "evidence.backends.transformers.stage",
    "evidence.backends.transformers.training",
    "transformers.models.gemma.modeling_gemma",
    "transformers.models.llama.modeling_llama",
)


def ready() -> None:
    """Import what commands and workers import, and nothing that is thrown away again."""
    gc.disable()
    for name in FRAMEWORK:
        importlib.import_module(name)
    for name in COMMANDS:
        cli.get_command(None, name)  # type: ignore[arg-type]
    host._cpuinfo = lambda: {"brand_raw": "canned"}
    fork_workers()
    gc.freeze()
    gc.enable()
    assert psutil.Process().num_threads() == 1


def serve() -> None:
    """Answer until standard input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        until = request.pop("until")
        pid = os.fork()
        if pid == 0:
            _do(**request)
        status = _ended(pid) if until is None else _killed(pid, Path(until[0]), until[1])
        sys.stdout.write(json.dumps({"status": os.waitstatus_to_exitcode(status)}) + "\n")
        sys.stdout.flush()


def _ended(pid: int) -> int:
    return os.waitpid(pid, 0)[1]


def _killed(pid: int, path: Path, num_lines: int) -> int:
    """Kill a command as soon as a file of its has so many lines, unless it ends before."""
    while not (path.exists() and path.read_bytes().count(b"\n") >= num_lines):
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            return status
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return _ended(pid)


def _do(
    what: str, argv: list[str], cwd: str, out: str, err: str, environment: dict[str, str]
) -> NoReturn:
    status = 70
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        begin(os.open(out, flags, 0o666), os.open(err, flags, 0o666), cwd)
        os.environ.clear()
        os.environ.update(environment)
        if what == "command":
            sys.argv = ["evidence", *argv]
            main()
        job, events = argv
        told = os.open(events, os.O_WRONLY | os.O_CREAT)
        sys.argv = ["worker", job, str(told), str(os.getppid())]
        status = worker.main()
    except SystemExit as left:
        status = int(left.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        end(status)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    ready()
    serve()
