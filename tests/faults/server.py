"""A process with everything imported that forks runs: `python -m tests.faults.server`.

A run through it is the real command in a process of its own, from arguments to exit status, with
a worker in a further process. Three things are not as for a user: processes are forked and not
executed, which saves half a second each; the slow probes (processor, packages) answer from a
record; and `evidence.system.durable` may see a faulty system.

Requests and answers are JSON lines on standard input and output.
"""

from __future__ import annotations

import json
import os
import select
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from msgspec.structs import replace
from stub_backend import stage as stub_stage

from evidence.attempt import stage
from evidence.capture import host
from evidence.capture.packages import capture_packages
from evidence.cli.main import COMMANDS, cli, main
from evidence.progress import Silent
from evidence.running import elsewhere, observation
from evidence.running.run import RunOptions, run_milestone
from evidence.running.signals import StopRequest
from evidence.system import durable
from evidence.verification.verification import verify_pack
from tests.faults.faulty_os import FaultyOs, Plan
from tests.faults.runs import make_small_project
from tests.forked import ForkedWorker, begin, end, fork_workers

ALONE_WITHIN_S = 5.0
"""How long a process of a dead run may live on."""


class Server:
    """Starts runs on request and says how they ended."""

    def __init__(self) -> None:
        self._witness: dict[int, int] = {}

    def serve(self) -> None:
        """Answer until standard input ends."""
        for line in sys.stdin:
            request = json.loads(line)
            do: Callable[..., dict[str, Any]] = getattr(self, request.pop("do"))
            sys.stdout.write(json.dumps(do(**request)) + "\n")
            sys.stdout.flush()

    def start(self, **request: Any) -> dict[str, Any]:
        """Fork a command. Every process of it holds the writing end of a witness pipe."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            for other in self._witness.values():
                os.close(other)
            _run(writing, **request)
        os.close(writing)
        self._witness[pid] = reading
        return {"pid": pid}

    def wait(self, pid: int) -> dict[str, Any]:
        """Status of a command as subprocess gives it, and whether all its processes are gone."""
        _, status = os.waitpid(pid, 0)
        reading = self._witness.pop(pid)
        ready, _, _ = select.select([reading], [], [], ALONE_WITHIN_S)
        os.close(reading)
        return {"status": os.waitstatus_to_exitcode(status), "alone": bool(ready)}


def _run(
    witness: int,
    argv: list[str],
    cwd: str,
    out: str,
    plan: dict[str, Any] | None,
    environment: dict[str, str],
    worker_room_bytes: int | None,
) -> NoReturn:
    status = 70
    try:
        said = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        begin(said, said, cwd)
        os.environ.update(environment)
        ForkedWorker.witness = witness
        ForkedWorker.room_bytes = worker_room_bytes
        if plan is not None:
            durable.os = FaultyOs(Plan(**plan))  # type: ignore[attr-defined]
        sys.argv = ["evidence", *argv]
        main()
    except SystemExit as left:
        status = int(left.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        end(status)


def can() -> None:
    """Put records in the place of the slow probes, and import what commands import late."""
    warnings.simplefilter("ignore", DeprecationWarning)  # forking is the point here
    packages = capture_packages()
    packages = replace(packages, packages=packages.packages[:3])  # few are checked in no time
    host._cpuinfo = lambda: {"brand_raw": "canned"}
    observation.capture_packages = lambda: packages  # type: ignore[attr-defined]
    elsewhere.capture_packages = lambda: packages  # type: ignore[attr-defined]
    stage.POLL_S = 0.01  # type: ignore[misc]
    fork_workers()
    for name in COMMANDS:
        cli.get_command(None, name)  # type: ignore[arg-type]
    assert stub_stage.run_stage
    with tempfile.TemporaryDirectory() as folder:
        _warm_up(Path(folder) / "project")


def _warm_up(root: Path) -> None:
    """Run and verify once here, so that schemas and templates are compiled before the forks."""
    make_small_project(root)
    with StopRequest() as stop:
        made = run_milestone("T1", RunOptions(root, root / "runs"), Silent(), stop)
    verify_pack(made.pack)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    can()
    Server().serve()
