"""The spool: one append-only file of JSON lines a process, and the names of what stands in it.

Responsible for writing whole lines so that a killed process leaves whole lines, and for keeping its
file whatever the program does with descriptors and folders. What events mean stands elsewhere.
"""

from __future__ import annotations

import binascii
import errno
import json
import math
import os
import sys
import time
from typing import Any

VARIABLE = "EVIDENCE_SPOOL"
MAX_LINE_BYTES = 900_000
MAX_HELD_BYTES = 64_000
"""Lines that are held back are written when they are more than this, or when a step ends."""
HIGH_DESCRIPTOR = 700
"""Programs that close a range of descriptors or count on low numbers are left alone."""
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
WORD = {"inf": "inf", "-inf": "-inf", "nan": "nan"}


def plain(value: Any) -> Any:
    """A value as JSON has it: NaN and infinities are words, and bytes of a name are spelled."""
    if isinstance(value, float):
        return value if math.isfinite(value) else WORD[repr(float(value))]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")  # no half of a character
    if value is None or isinstance(value, (bool, int)):
        return value
    return str(value)[:300]


def encoded(event: dict[str, Any]) -> bytes:
    """One line. Lists of whole numbers, which are long, are not walked twice."""
    try:
        text = _encode(event)
    except (TypeError, ValueError):
        text = _encode(plain(event))
    if "\\ud" in text:
        text = _encode(plain(event))
    return text.encode("ascii") + b"\n"


class Spool:
    """The file of this process."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._begin()

    def _begin(self) -> None:
        self.pid = os.getpid()
        token = binascii.hexlify(os.urandom(4)).decode("ascii")
        self.path = os.path.join(self.folder, "{}-{}.jsonl".format(self.pid, token))
        self._descriptor = -1
        self._identity: tuple[int, int] | None = None
        self._held: list[bytes] = []
        self._held_bytes = 0

    def after_fork(self) -> None:
        """The child has a file of its own; what the parent held is the parent's."""
        if self._descriptor >= 0 and self._is_ours():
            os.close(self._descriptor)
        self._begin()

    def write(self, event: str, /, **values: Any) -> None:
        """Append one event now, after those that are held."""
        self.hold(event, **values)
        self.flush()

    def hold(self, event: str, /, **values: Any) -> None:
        """Append one event with the next that is written."""
        now_s = time.monotonic()
        line = encoded({"event": event, "t": now_s, **values})
        if len(line) > MAX_LINE_BYTES:
            why = "an event of {} bytes is more than {}".format(len(line), MAX_LINE_BYTES)
            line = encoded({"event": "unseen", "t": now_s, "what": event, "why": why})
        self._held.append(line)
        self._held_bytes += len(line)
        if self._held_bytes > MAX_HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the held lines, each whole and in one call."""
        held, self._held, self._held_bytes = self._held, [], 0
        if held:
            self._append(b"".join(held))

    def _append(self, data: bytes) -> None:
        if not self._is_ours():
            self._open()
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except InterruptedError:
                continue

    def _is_ours(self) -> bool:
        """Whether the descriptor is still that of the spool: the program may have closed it."""
        if self._descriptor < 0:
            return False
        try:
            found = os.fstat(self._descriptor)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(self.path, flags, 0o600)
        self._descriptor = _moved_up(descriptor)
        found = os.fstat(self._descriptor)
        self._identity = (found.st_dev, found.st_ino)


def _moved_up(descriptor: int) -> int:
    """The same file under a high number."""
    high = descriptor
    if sys.platform != "win32":
        import fcntl

        try:
            high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EMFILE):
                raise
    if high != descriptor:
        os.close(descriptor)
    return high
