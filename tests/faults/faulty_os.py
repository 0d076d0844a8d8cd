"""What stands for the module `os` inside `evidence.system.durable`: counts, kills, fails, records
calls, or copies what lies there at each.

Responsible for one plan a process: at which call something goes wrong, and how. Which calls make
sense to fail, and what must hold afterwards, is said by the tests.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

CALLS = (
    "open",
    "write",
    "fsync",
    "close",
    "ftruncate",
    "replace",
    "rename",
    "mkdir",
    "unlink",
    "rmdir",
)
"""Every call through which `durable` changes the disk."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes wrong at the `at`-th of the calls in `calls`."""

    do: Literal["record", "kill", "fail", "copy"] = "record"
    at: int = 0
    calls: tuple[str, ...] = CALLS
    error: int = errno.EIO
    sticky: bool = False
    """Every later one of `calls` fails too."""
    log: str | None = None
    """File that gets each call that succeeded, a JSON line each."""
    watched: str = ""
    """Folder that is copied at each call, halfway through a write: what a kill would leave."""
    copies: str = ""
    """Folder that gets the copies, named by the number of the call."""
    every: int = 1
    """One of so many calls is copied at."""


class FaultyOs:
    """`os`, with a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.count = 0
        self._lock = threading.RLock()
        for name in plan.calls:
            setattr(self, name, self._planned(name, getattr(os, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def _planned(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            with self._lock:
                self.count += 1
                if self._plan.do == "copy":
                    return self._copied(name, real, args)
                self._go_wrong(name, real, args)
                result = real(*args)
                if self._plan.log is not None:
                    _log(Path(self._plan.log), name, args, result)
                return result

        return call

    def _copied(self, name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        done = 0
        if name == "write":
            done = real(args[0], bytes(args[1])[: len(args[1]) // 2])
            args = (args[0], bytes(args[1])[done:])
        if self.count % self._plan.every == 0 and Path(self._plan.watched).exists():
            shutil.copytree(self._plan.watched, Path(self._plan.copies) / str(self.count))
        result = real(*args)
        return result + done if name == "write" else result

    def _go_wrong(self, name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> None:
        plan = self._plan
        due = self.count >= plan.at if plan.sticky else self.count == plan.at
        if plan.do == "record" or not due:
            return
        if name == "write":  # half of it may reach the disk
            real(args[0], bytes(args[1])[: len(args[1]) // 2])
        elif name == "close":  # the descriptor is gone in any case
            real(*args)
        if plan.do == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(plan.error, os.strerror(plan.error))


def _log(log: Path, name: str, args: tuple[Any, ...], result: Any) -> None:
    """One call as JSON: paths as text, what was written or (for a file of the worker) is there."""
    entry: dict[str, Any] = {"call": name, "args": [_plain(value) for value in args]}
    match name:
        case "open":
            entry["descriptor"] = result
            if args[1] & (os.O_CREAT | os.O_DIRECTORY) == 0:
                entry["there"] = _plain(Path(args[0]).read_bytes())
        case "write":
            entry["args"][1] = _plain(bytes(args[1])[:result])
    with log.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(value).decode("ascii")
    return os.fspath(value) if isinstance(value, Path) else value
