"""What of a Linux machine a container leaves to us: its limits on memory and on processor time.

Responsible for both generations of control groups, and for limits that are garbled: such a limit
is unknown, not absent. A system without control groups sets none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

from evidence.records.availability import Unavailable

T = TypeVar("T", int, float)

_FOLDER: Final = "sys/fs/cgroup"
_MAX_CHARS: Final = 65_536
_UNLIMITED_BYTES: Final = 1 << 60
"""The first generation writes 'no limit' as a number of about 2^63."""
_NUMBER: Final = re.compile(r"[0-9]{1,20}")


def memory_limit_bytes(root: Path = Path("/")) -> int | Unavailable | None:
    """The lowest limit above us; None where there is none."""
    files = _files(root, "memory", "memory.max", "memory.limit_in_bytes")
    return _lowest([_memory(path) for path in files])


def core_limit(root: Path = Path("/")) -> float | Unavailable | None:
    """The lowest quota above us in processors, 1.5 say; None where there is none."""
    files = _files(root, "cpu", "cpu.max", "cpu.cfs_quota_us")
    return _lowest([_quota(path) for path in files])


def _lowest(found: list[T | Unavailable | None]) -> T | Unavailable | None:
    for one in found:
        if isinstance(one, Unavailable):
            return one
    known = [one for one in found if one is not None and not isinstance(one, Unavailable)]
    return min(known, default=None)


def _files(root: Path, controller: str, newer: str, older: str) -> Iterator[Path]:
    """Files that may hold a limit: of our group, of those above, and of the mount itself."""
    text = _text(root / "proc/self/cgroup") or ""
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        names, _, group = rest.partition(":")
        if names and controller not in names.split(","):
            continue
        top = root / _FOLDER / (controller if names else "")
        parts = [one for one in PurePosixPath(group).parts if one not in ("/", "..", ".")]
        for count in range(len(parts), -1, -1):
            yield top.joinpath(*parts[:count], older if names else newer)


def _memory(path: Path) -> int | Unavailable | None:
    text = _text(path)
    if text is None or text == "max":
        return None
    if not _NUMBER.fullmatch(text):
        return _garbled(path)
    return int(text) if 0 < int(text) < _UNLIMITED_BYTES else None


def _quota(path: Path) -> float | Unavailable | None:
    text = _text(path)
    if text is None:
        return None
    if path.name == "cpu.max":
        quota, _, period = text.partition(" ")
    else:
        quota, period = text, _text(path.with_name("cpu.cfs_period_us")) or "100000"
    if quota in ("max", "-1"):
        return None
    if not _NUMBER.fullmatch(quota) or not _NUMBER.fullmatch(period) or not int(period):
        return _garbled(path)
    return int(quota) / int(period) or None


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_CHARS).decode("utf-8", "replace").strip()
    except (OSError, ValueError):
        return None


def _garbled(path: Path) -> Unavailable:
    return Unavailable(f"{path.name} of the control group holds no number")
