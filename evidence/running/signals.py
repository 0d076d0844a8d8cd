"""SIGINT, SIGTERM and SIGHUP turned into a level that the run looks at between events.

Responsible for what each signal asks for. Obeying is `attempt`'s; no handler does any work. Where
there are no events to look between, as while large files are read, a signal ends what is done.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final

from evidence.errors import StoppedError

GRACE_S: Final = 20.0
"""After SIGTERM a step and its checkpoint may take so long; then the run stops now. Schedulers
follow with SIGKILL after 30 s, and the reason must be on disk before."""

_POLITE: Final = ("SIGTERM", "SIGHUP")
"""From a system that is about to insist. SIGHUP: the terminal went away."""


class _Signalled(BaseException):
    """Raised where a signal arrives. No `except Exception` of a probe may take it for its own."""


class StopRequest:
    """0: go on. 1: stop at the next step, with a checkpoint. 2: stop now.

    SIGINT once is 1, twice 2; SIGTERM is 1 at first and 2 after `GRACE_S`. Used as a context
    manager; signal handlers are restored on leaving.
    """

    def __init__(self) -> None:
        self.asked = 0
        """Signals so far, 2 at most."""
        self.by_sigterm = False
        self._at_once_s: float | None = None
        self._raising = False
        self._heard = False
        self._before: dict[signal.Signals, Any] = {}

    @property
    def level(self) -> int:
        """What the signals so far ask for at this moment."""
        late = self._at_once_s is not None and time.monotonic() > self._at_once_s
        return 2 if late else self.asked

    @contextmanager
    def at_once(self, error: Callable[[], StoppedError]) -> Iterator[None]:
        """Let a signal end the block where it is, and raise `error`; also one that came before.

        For blocks that may be ended anywhere, as SIGKILL could: that look, or that write what the
        next process makes anew.
        """
        try:
            if self._heard:
                raise _Signalled
            try:
                self._raising = True
                yield
            finally:
                self._raising = False
        except _Signalled:
            raise error() from None

    def nothing_started(self) -> StoppedError:
        """For what is stopped before there is a run."""
        return StoppedError("stopped, as asked; nothing was started", by_sigterm=self.by_sigterm)

    def __enter__(self) -> StopRequest:
        for name in ("SIGINT", *_POLITE):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is None:
                continue
            before = signal.getsignal(number)
            if before is None:
                continue  # of a program that Python is embedded in, and could not be put back
            if name == "SIGHUP" and before == signal.SIG_IGN:
                continue  # nohup: the run is to outlive its terminal
            self._before[number] = signal.signal(number, self._received)
        return self

    def _received(self, number: int, frame: FrameType | None) -> None:
        self._heard = True
        self.asked = min(self.asked + 1, 2)
        self.by_sigterm = signal.Signals(number).name in _POLITE
        if self.by_sigterm and self._at_once_s is None:
            self._at_once_s = time.monotonic() + GRACE_S
        if self._raising:
            raise _Signalled

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
