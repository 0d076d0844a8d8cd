"""Files that were growing when a process was killed, and the ends of them that are cut off.

Responsible for telling whole lines from bytes that were never made durable, and for counting
these (`Truncation`) before the cut: the journal has the counts first. A kill leaves a line without
its end. A power cut also leaves zeros or old bytes where lines were that no fsync had made safe,
with later lines behind them: none of those ever counted. What to go on with is `recovery`'s.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import MalformedError
from evidence.records.run import StepRow
from evidence.stages.kind import Rows
from evidence.stages.stage import Stage
from evidence.stages.train import STEPS
from evidence.system.durable import write_file
from evidence.text.escape import acts_at


class Truncation(Struct):
    """Ends of files that are cut off, counted."""

    remaining: dict[Path, bytes] = field(default_factory=dict)
    """The bytes that remain of each file that is cut."""
    num_step_rows: int = 0
    num_predictions: int = 0
    num_incomplete_bytes: int = 0
    """Of lines that were never whole on disk: they never counted."""

    def write(self) -> None:
        """Write the files that are cut. Doing it twice changes nothing."""
        for path, data in self.remaining.items():
            write_file(path, data)

    def content(self, path: Path) -> bytes:
        """What is left of a file as far as it is decided."""
        if path in self.remaining:
            return self.remaining[path]
        return path.read_bytes() if path.exists() else b""

    def cut_incomplete_lines(self, path: Path, counts: Callable[[bytes], bool]) -> None:
        """Cut from the first line on that is not whole, or that `counts` refuses."""
        data = self.content(path)
        whole = itertools.takewhile(counts, data.split(b"\n")[:-1])
        remaining = b"".join(line + b"\n" for line in whole)
        self.num_incomplete_bytes += len(data) - len(remaining)
        self._set_remaining(path, remaining)

    def cut_rows_after(self, path: Path, last_step: int) -> None:
        """Cut the step rows past the one to resume from."""
        lines = self.content(path).split(b"\n")[:-1]
        self.num_step_rows += max(0, len(lines) - last_step)
        self._set_remaining(path, b"".join(line + b"\n" for line in lines[:last_step]))

    def cut_all_rows(self, path: Path, rows: Rows[Any]) -> None:
        """Cut every row of a stage that begins anew."""
        if rows.counted_as == "num_predictions":
            self.num_predictions += self.content(path).count(b"\n")
        self._set_remaining(path, b"")

    def _set_remaining(self, path: Path, data: bytes) -> None:
        if data != self.content(path):
            self.remaining[path] = data


def incomplete_tails(output: Path, stages: Sequence[Stage]) -> Truncation:
    """The incomplete ends of the growing files of an attempt."""
    truncation = Truncation()
    truncation.cut_incomplete_lines(output / layout.TELEMETRY, is_json)
    for stage in stages:
        rows, log = stage.kind.rows, output / stage.path(stage.kind.log)
        if rows is STEPS:
            truncation.cut_incomplete_lines(output / stage.path(STEPS.path), _counts_from_1())
        elif rows is not None:
            truncation.cut_incomplete_lines(output / stage.path(rows.path), is_json)
        truncation.cut_incomplete_lines(log, is_shown)
    return truncation


def _counts_from_1() -> Callable[[bytes], bool]:
    steps = itertools.count(1)
    return lambda line: _step_of(line) == next(steps)


def cut_incomplete_line(path: Path) -> int:
    """Cut the last line of a journal at once where it is not whole; how many bytes it had.

    Every earlier line was durable before the next was begun: one that is broken was damaged by
    something else, and stays for the reader to complain of.
    """
    data = path.read_bytes() if path.exists() else b""
    whole = whole_records(data)
    if whole != data:
        write_file(path, whole)
    return len(data) - len(whole)


def whole_records(data: bytes) -> bytes:
    """A journal as far as it counts: without a last line that is not whole."""
    lines = data.split(b"\n")[:-1]
    whole_lines = lines if not lines or is_json(lines[-1]) else lines[:-1]
    return b"".join(line + b"\n" for line in whole_lines)


def is_json(line: bytes) -> bool:
    """Whether a line can be one of a JSON lines file."""
    try:
        jsonio.load_document(line)
    except MalformedError:
        return False
    return True


def is_shown(line: bytes) -> bool:
    """Whether a log can hold this line: UTF-8 without acting characters."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return acts_at(text) is None


def _step_of(line: bytes) -> int | None:
    try:
        return decode(StepRow, jsonio.load_document(line)).step
    except MalformedError:
        return None
