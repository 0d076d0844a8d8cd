"""The evidence files that grow while a stage runs: rows, logs, telemetry.

Responsible for writing them durably, at least once a second. Their content is decided by
`stage`.
"""

from __future__ import annotations

import codecs
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.cut import cut
from evidence.errors import PastLimitError
from evidence.redact.known import Secrets
from evidence.redact.stream import Redactor
from evidence.stages.kind import Kind
from evidence.system.durable import LineWriter, Written
from evidence.text.escape import visible

SYNC_EVERY_S: Final = 0.75
"""With the supervisor's pause between two looks, no row waits longer than a second."""
NUM_LAST_LINES: Final = 20
"""Last lines of a log that an outcome repeats."""
LEFT_FOR_THE_REST_BYTES: Final = 8 * limits.MIB
"""Of what the rows of a pack may have: for samples and events that are written meanwhile."""


MAX_LOG_BYTES: Final = limits.MAX_TEXT_BYTES
"""Of one log: verify looks into no longer text. Past it only the end is kept."""
TAIL_BYTES: Final = limits.MIB // 2
ROOM_BYTES: Final = 8 * TAIL_BYTES
"""For what was taken last and for the end: spelled out, a byte may take four."""
SEAM_CHARS: Final = 64 * limits.KIB
"""Longer than any secret: a private key of many lines."""
FULL: Final = "[evidence: the log is full; of what follows the end is kept, and nothing is shown]\n"


class LogFile:
    """A log in UTF-8 with LF ends, no acting characters and no secrets, fed with raw output."""

    def __init__(self, path: Path, redactor: Redactor | None = None) -> None:
        self._writer = LineWriter(path)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._redactor = redactor or Redactor(Secrets())
        self._held = ""
        self._last: deque[str] = deque(maxlen=NUM_LAST_LINES)
        self._tail = b""
        self._num_past = 0
        """Bytes of output past what a log holds; the last of them are in `_tail`."""

    def feed(self, data: bytes) -> str:
        """Take output in any pieces; whole lines are written at once, secrets cut out before.

        Returns what was written.
        """
        if self._writer.size_bytes > MAX_LOG_BYTES - ROOM_BYTES:
            return self._hold(data)
        return self._take(data)

    def _take(self, data: bytes) -> str:
        text = self._held + self._decode(data)
        # A progress bar rewrites its line with CR: each state becomes a line of its own. A CR at
        # the very end waits, since LF may follow in the next piece.
        self._held = "\r" if text.endswith("\r") else ""
        if "\r" in text:
            text = text[: len(text) - len(self._held)]
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return self._write(self._redactor.feed(text))

    def _write(self, lines: str) -> str:
        shown = visible(lines)
        if shown:
            self._writer.append(shown.encode("utf-8"))
            self._last.extend(cut(line, limits.MAX_LAST_LINE_CHARS) for line in _last_of(shown))
        return shown

    def _hold(self, data: bytes) -> str:
        """Keep the end of what no longer fits. It is read for secrets once, when all is over."""
        is_first = not self._num_past
        self._num_past += len(data)
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        return FULL if is_first else ""

    def _write_tail(self) -> None:
        """The end of the output; of it not the beginning, which may be the rest of a secret."""
        text = self._redactor.feed(self._tail.decode("utf-8", "replace").replace("\r", "\n"))
        text = (text + self._redactor.close())[SEAM_CHARS:].partition("\n")[2]
        left_out = self._num_past - len(text.encode("utf-8"))
        self._write(f"[evidence: about {left_out} bytes are left out here]\n{text}")

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines that are not blank."""
        return tuple(self._last)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._writer.path

    @property
    def written(self) -> Written:
        """What it holds by now."""
        return self._writer.written

    def sync(self) -> None:
        """Return only when every written line is on disk."""
        self._writer.sync()

    def close(self) -> None:
        """Write a last line that had no end, and close."""
        try:
            self._write(self._redactor.close())
            if self._num_past:
                self._write_tail()
        finally:
            self._writer.close()


def _lines_bytes(folder: Path) -> int:
    """Size of all rows, samples and events of the run so far, in this folder and below."""
    return sum(path.stat().st_size for path in folder.rglob("*.jsonl") if path.is_file())


def _last_of(text: str) -> list[str]:
    """Its last lines that are not blank; only these are made into strings of their own."""
    found: list[str] = []
    end = len(text)
    while end >= 0 and len(found) < NUM_LAST_LINES:
        start = text.rfind("\n", 0, end) + 1
        line = text[start:end]
        if line.strip():
            found.append(line)
        end = start - 1
    return found[::-1]


class StageFiles:
    """All growing files of one stage, below its folder, which is the attempt's or lies in it."""

    def __init__(
        self, folder: Path, attempt_folder: Path, kind: Kind, redactor: Redactor | None = None
    ) -> None:
        self._rows = None if kind.rows is None else LineWriter(folder / kind.rows.path)
        self._telemetry = LineWriter(attempt_folder / layout.TELEMETRY)
        self.log = LogFile(folder / kind.log, redactor)
        self.num_rows = 0
        self._size_bytes = _lines_bytes(attempt_folder.parent)
        self._synced_at = time.monotonic()

    def row(self, record: object) -> None:
        """Append a row of the stage. Only a kind that leaves rows has any."""
        if self._rows is None:
            raise TypeError("this kind of stage leaves no rows")
        line = jsonio.dump_row(encode(record))
        if len(line) > limits.MAX_JSONL_LINE_BYTES:
            raise PastLimitError(
                f"row {self.num_rows + 1} of {self._rows.path.name} has {len(line)} bytes, and a "
                f"line holds {limits.MAX_JSONL_LINE_BYTES}; shorter texts or a lower "
                "max_new_tokens make it shorter"
            )
        self._refuse_more(self._rows.path.name, len(line))
        self._rows.append(line)
        self.num_rows += 1

    def _refuse_more(self, name: str, more_bytes: int) -> None:
        self._size_bytes += more_bytes
        if self.num_rows >= limits.MAX_JSONL_LINES:
            raise PastLimitError(f"{name} has {self.num_rows} rows, and a pack holds no more of it")
        if self._size_bytes > limits.MAX_JSONL_BYTES - LEFT_FOR_THE_REST_BYTES:
            raise PastLimitError(
                f"the rows of this run have {self._size_bytes} bytes by row {self.num_rows + 1} of "
                f"{name}, and a pack holds {limits.MAX_JSONL_BYTES}; fewer or shorter ones fit"
            )

    def telemetry(self, record: object) -> None:
        """Append a telemetry sample."""
        self._telemetry.append(jsonio.dump_row(encode(record)))

    def sync(self) -> None:
        """Make everything so far durable."""
        for writer in self._writers():
            writer.sync()
        self._synced_at = time.monotonic()

    def written(self) -> dict[Path, Written]:
        """What each file holds by now."""
        return {one.path: one.written for one in self._writers()}

    def sync_when_due(self) -> None:
        """Sync if it is time again."""
        if time.monotonic() - self._synced_at >= SYNC_EVERY_S:
            self.sync()

    def __enter__(self) -> StageFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as closing:  # each is closed, also when another cannot be
            for writer in reversed(self._writers()):
                closing.callback(writer.close)

    def _writers(self) -> tuple[LineWriter | LogFile, ...]:
        """Rows first: what telemetry and log say may be lost before they are."""
        others = (self._telemetry, self.log)
        return others if self._rows is None else (self._rows, *others)
