"""Progress of a run on a terminal (a live bar), or as plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Any, Final

from tqdm import tqdm

from evidence.cli.answer import current
from evidence.cli.say import echo
from evidence.progress import Observer
from evidence.text.escape import visible

PLAIN_EVERY_S: Final = 10.0


class TerminalProgress:
    """A live bar with the loss, steps per second and the time left."""

    def __init__(self, is_apart: bool = False) -> None:
        self._bar: tqdm[Any] | None = None
        self._is_apart = is_apart
        """Whether stdout is kept for something else than what a program prints."""

    def message(self, text: str) -> None:
        """A line above the bar."""
        tqdm.write(visible(text), file=sys.stderr)

    def stage(self, attempt: str, stage: str, total: int, unit: str) -> None:
        """Begin or restart the bar of a stage."""
        self.stage_end()
        self._bar = tqdm(
            total=total or None,
            desc=visible(f"{attempt} · {stage}"),
            unit=unit,
            file=sys.stderr,
            leave=total > 0,
            dynamic_ncols=True,
        )

    def advance(self, done: int, total: int, note: str) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(visible(note), refresh=False)
            self._bar.update(done - self._bar.n)

    def stage_end(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def output(self, text: str) -> None:
        """Above the bar, on stdout, where the program itself would print."""
        with tqdm.external_write_mode(file=sys.stderr if self._is_apart else sys.stdout):
            echo(text, err=self._is_apart, nl=False)


class PlainProgress:
    """Plain lines, few enough for a log file."""

    def __init__(self, is_apart: bool = False) -> None:
        self._is_apart = is_apart
        self._label = ""
        self._began_s = self._printed_s = 0.0

    def message(self, text: str) -> None:
        """A line."""
        echo(visible(text), err=True)

    def stage(self, attempt: str, stage: str, total: int, unit: str) -> None:
        """Announce a stage."""
        self._label = f"{attempt} · {stage}"
        self._began_s = self._printed_s = time.monotonic()
        if total:
            plural = "" if total == 1 else "s"
            self.message(f"{self._label}: {total} {unit}{plural}")

    def advance(self, done: int, total: int, note: str) -> None:
        """A line every few seconds and at the end; none where nobody knows how much there is."""
        now = time.monotonic()
        if total == 0 or (now - self._printed_s < PLAIN_EVERY_S and done != total):
            return
        self._printed_s = now
        elapsed_s = now - self._began_s
        rate = done / elapsed_s if elapsed_s > 0 else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate and total > done else ""
        self.message(f"{self._label}: {done}/{total}  {note}  {rate:.1f}/s{left}")

    def stage_end(self) -> None:
        """Nothing to close."""

    def output(self, text: str) -> None:
        """On stdout, where the program itself would print."""
        echo(text, err=self._is_apart, nl=False)


class Unfailing:
    """Shows what it can: a terminal or a pipe that is gone stops no run."""

    def __init__(self, display: Observer) -> None:
        self._display = display

    def message(self, text: str) -> None:
        """As the display does."""
        with suppress(OSError):
            self._display.message(text)

    def stage(self, attempt: str, stage: str, total: int, unit: str) -> None:
        """As the display does."""
        with suppress(OSError):
            self._display.stage(attempt, stage, total, unit)

    def advance(self, done: int, total: int, note: str) -> None:
        """As the display does."""
        with suppress(OSError):
            self._display.advance(done, total, note)

    def stage_end(self) -> None:
        """As the display does."""
        with suppress(OSError):
            self._display.stage_end()

    def output(self, text: str) -> None:
        """As the display does."""
        with suppress(OSError):
            self._display.output(text)


def observer() -> Observer:
    """The display that fits where stderr goes."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()  # None: it was closed
    is_apart = current().is_collecting
    return Unfailing(TerminalProgress(is_apart) if is_terminal else PlainProgress(is_apart))
