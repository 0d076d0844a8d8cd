"""The process: who it is, whether it forked, how it ended and how much memory it took.

Responsible for the events `process`, `memory` and `end`, the first and the last of a file.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import Any, Callable

from .context import Context

MAX_ARGUMENT = 1000
MAX_ARGUMENTS = 1000


def watch(context: Context) -> Callable[[], None]:
    """Say who this process is, be there when it forks and ends; call what is returned at exec."""
    process = _Process(context)
    process.watch()
    return process.exec_begins


class _Process:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._ended = self._replaced = False

    def watch(self) -> None:
        self._say(forked=False)
        self._context.say_end = self._ends
        atexit.register(self._ends, "exit")
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def exec_begins(self) -> None:
        """The program is about to be another one: if it succeeds, we see no more."""
        if not self._replaced:
            self._replaced = True
            self._say_end("exec")

    def _forked(self) -> None:
        self._ended = self._replaced = False
        self._context.forked()
        self._context.guard.hook("process", self._say)(forked=True)

    def _say(self, forked: bool) -> None:
        self._context.spool.write("process", **described(forked))

    def _ends(self, how: str) -> None:
        if not self._ended:
            self._ended = True
            self._say_end(how)

    def _say_end(self, how: str) -> None:
        self._context.end()
        guard = self._context.guard
        guard.hook("memory", self._memory)()
        ended = {"steps": 0, "skipped": 0, "num_backward": 0, **self._context.ended}
        guard.hook("end", self._context.spool.write)("end", how=how, **ended)

    def _memory(self) -> None:
        self._context.spool.hold(
            "memory",
            max_rss_bytes=max_rss_bytes(),
            cuda_max_allocated_bytes=_cuda_max_allocated_bytes(),
        )


def described(forked: bool) -> dict[str, Any]:
    """Who this process is."""
    arguments = list(getattr(sys, "orig_argv", None) or getattr(sys, "argv", []))
    return {
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "argv": [str(argument)[:MAX_ARGUMENT] for argument in arguments[:MAX_ARGUMENTS]],
        "executable": sys.executable,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "cwd": _working_folder(),
        "rank": _number("RANK"),
        "local_rank": _number("LOCAL_RANK"),
        "world_size": _number("WORLD_SIZE"),
        "forked": forked,
    }


def _working_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _number(variable: str) -> int | None:
    text = os.environ.get(variable, "")
    return int(text) if text.isascii() and text.isdigit() else None


def max_rss_bytes() -> int | None:
    """Peak memory of this process, where the system tells."""
    peak: int | None = None
    if sys.platform != "win32":
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak *= 1 if sys.platform == "darwin" else 1024
    return peak


def _cuda_max_allocated_bytes() -> int | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    devices = range(torch.cuda.device_count())
    return sum(int(torch.cuda.max_memory_allocated(device)) for device in devices)
