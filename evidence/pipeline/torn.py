"""Growing files that a process left in the middle of a line: cut back to what counts.

Responsible for telling whole lines from what was never made durable. A kill leaves a line without
its end. A power cut also leaves zeros or old bytes where lines were that no fsync had made safe,
with later lines behind them: none of those ever counted. What to go on with is `recovery`'s.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from evidence import jsonio
from evidence.durable import write_file
from evidence.errors import MalformedError
from evidence.escape import visible
from evidence.records.codec import decode
from evidence.records.run import StepRow


def cut_lines(path: Path, counts: Callable[[bytes], bool]) -> int:
    """Cut a file before its first line that does not count; how many lines were cut."""
    lines = _lines(path)
    kept = list(itertools.takewhile(counts, lines))
    _keep(path, kept)
    return len(lines) - len(kept)


def cut_torn_line(path: Path) -> None:
    """Cut the last line of a journal where it is not whole.

    Every earlier line was durable before the next was begun: one that is broken was damaged by
    something else, and stays for the reader to complain of.
    """
    lines = _lines(path)
    _keep(path, lines if not lines or is_json(lines[-1]) else lines[:-1])


def cut_rows(path: Path, last_step: int | None = None) -> int:
    """Cut step rows after `last_step`, and from the first that is not the next step on."""
    steps = itertools.count(1)

    def counts(line: bytes) -> bool:
        step = next(steps)
        return (last_step is None or step <= last_step) and _step_of(line) == step

    return cut_lines(path, counts)


def num_lines(path: Path) -> int:
    """Whole lines of a file; 0 where there is none."""
    return len(_lines(path))


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
    return visible(text) == text


def _step_of(line: bytes) -> int | None:
    try:
        return decode(StepRow, jsonio.load_document(line)).step
    except MalformedError:
        return None


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def _keep(path: Path, lines: list[bytes]) -> None:
    """Leave only these lines, which are the file's first."""
    whole = b"".join(line + b"\n" for line in lines)
    if path.exists() and path.stat().st_size != len(whole):
        write_file(path, whole)
