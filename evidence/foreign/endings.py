"""Whether a log ends in an error: what its last lines say, and nothing about its middle.

Responsible for few forms that leave no doubt: an exception's own line behind its traceback, and the
words of a scheduler or a shell. Tracebacks in the midst of a log, and what PowerShell prints around
the lines of stderr, are no errors of a run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from evidence.foreign.facts import Fact, Place

TAIL_BYTES: Final = 64 << 10
NUM_LINES: Final = 200
NUM_LAST: Final = 20
MAX_TEXT_CHARS: Final = 300
NAME: Final = "ends_in_error"
_EXCEPTION: Final = re.compile(
    r"(?:\[?rank ?\d{1,4}\]?:\s*)?[A-Za-z_][\w.]{0,100}(?:Error|Exception|Interrupt)(?::.*)?"
)
_TRACEBACK: Final = "Traceback (most recent call last)"
_SCHEDULER: Final = re.compile(
    r"(?:slurmstepd|srun): error: .{0,300}"
    r"(?:CANCELLED AT|oom[_-]kill|[Ee]xited with exit code [1-9])"
)
_SHELL: Final = ("Killed", "Segmentation fault", "Segmentation fault (core dumped)", "Aborted")


def error_at_end(path: Path, file: str, encoding: str) -> Fact | None:
    """The line that says so; None where the log ends in another way. Raises OSError."""
    size_bytes = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size_bytes - TAIL_BYTES) // 4 * 4)
        data = stream.read(TAIL_BYTES + 4)
    lines = [line.strip() for line in _text(data, encoding).splitlines() if line.strip()]
    said = _said(lines[-NUM_LINES:])
    if said is None:
        return None
    text = said[:MAX_TEXT_CHARS]
    return Fact(NAME, text, text, Place(file, None, f"/{NAME}"))


def _text(data: bytes, encoding: str) -> str:
    plain = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}
    return data.decode(plain.get(encoding, encoding), "replace").replace("\0", "")


def _said(lines: list[str]) -> str | None:
    if not lines:
        return None
    last = lines[-1]
    if _EXCEPTION.fullmatch(last) and any(_TRACEBACK in line for line in lines):
        return last
    if last in _SHELL:
        return last
    return next((line for line in lines[-NUM_LAST:] if _SCHEDULER.search(line)), None)
