"""SIGINT and SIGTERM turned into a level that the run looks at between events."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any


class StopRequest:
    """0: go on. 1: stop at the next step, with a checkpoint. 2: stop now.

    Used as a context manager; signal handlers are restored on leaving.
    """

    def __init__(self) -> None:
        self.level = 0
        self.by_sigterm = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopRequest:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._received)
        return self

    def _received(self, number: int, frame: FrameType | None) -> None:
        self.level = min(self.level + 1, 2)
        self.by_sigterm = number == signal.SIGTERM

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
