"""Keeps a failure of ours from becoming one of the program's.

Responsible for calling each hook so that it never raises, and for saying once that it failed, why,
and from which step on nothing is known by it. What Ctrl-C and `sys.exit` raise is let through.
"""

from __future__ import annotations

import functools
import threading
from typing import Any, Callable

from .spool import Spool

MAX_WHY = 300


class Guard:
    """The hooks of one process, each until it fails."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.failed: dict[str, str] = {}
        self.step = 0
        """The last optimizer step that was seen."""
        self._inside = False
        """Whether code of ours runs: what it opens and calls is not the program's."""
        self._lock = threading.RLock()

    def after_fork(self) -> None:
        """No thread of the parent is left that could hold the lock."""
        self._inside = False
        self._lock = threading.RLock()

    def hook(
        self, name: str, function: Callable[..., Any], nested: bool = False
    ) -> Callable[..., None]:
        """The function as a hook: its result is dropped, its failure is written once.

        What our own code calls is not watched, but for what is `nested`: the end of an object may
        come at any time.
        """

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> None:
            if name in self.failed:
                return
            with self._lock:
                was_inside = self._inside
                if was_inside and not nested:
                    return
                self._inside = True
                try:
                    function(*args, **kwargs)
                except Exception as error:
                    self.give_up(name, error)
                finally:
                    self._inside = was_inside

        return guarded

    def give_up(self, name: str, error: BaseException) -> None:
        """The hook has failed: it is not called again."""
        why = "{}: {}".format(type(error).__name__, error)[:MAX_WHY]
        self.failed[name] = why
        try:
            self._spool.write("hook-failed", hook=name, why=why, from_step=self.step + 1)
        except OSError:
            return
