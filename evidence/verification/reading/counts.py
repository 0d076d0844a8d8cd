"""What is counted while files are read, so that reading ends before memory does.

Responsible for lines of JSON lines files and for headers of weights. Sizes of files are known
before, and are `structure`'s.
"""

from __future__ import annotations

import threading
from typing import NoReturn

from evidence import limits
from evidence.errors import UnsafePackError
from evidence.verification.problem import Problem


class LineCount:
    """Number and length of lines while they are read: a bomb is refused before it is in memory."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._num_ended = 0
        self._open_bytes = 0

    def feed(self, piece: bytes) -> None:
        """The next piece of the file. Raises UnsafePackError past a limit."""
        first = piece.find(b"\n")
        self._open_bytes += len(piece) if first < 0 else first
        if self._open_bytes > limits.MAX_JSONL_LINE_BYTES:
            self._refuse(self._num_ended + 1, f"longer than {limits.MAX_JSONL_LINE_BYTES} bytes")
        if first < 0:
            return
        # A line inside a piece is shorter than the piece, and so never too long.
        self._open_bytes = len(piece) - piece.rfind(b"\n") - 1
        self._num_ended += piece.count(b"\n")
        if self._num_ended > limits.MAX_JSONL_LINES:
            text = f"more than {limits.MAX_JSONL_LINES} lines"
            self._refuse(limits.MAX_JSONL_LINES + 1, text)

    def _refuse(self, number: int, message: str) -> NoReturn:
        raise UnsafePackError("past-limit", f"{self._path}#L{number}", message)


class HeadCount:
    """Bytes of all safetensors headers kept so far, counted by every thread that reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._num_bytes = 0

    def add(self, num_bytes: int) -> None:
        """Count one header."""
        with self._lock:
            self._num_bytes += num_bytes

    def problem(self, path: str) -> Problem | None:
        """Why the next file is not read; None within the limit."""
        if not path.endswith(".safetensors"):
            return None
        if self._num_bytes <= limits.MAX_SAFETENSORS_HEADERS_BYTES:
            return None
        most = limits.MAX_SAFETENSORS_HEADERS_BYTES
        text = f"the headers of the weights have more than {most} bytes together"
        return Problem(path, text, severity="refused", code="past-limit")
