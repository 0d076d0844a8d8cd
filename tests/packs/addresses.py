"""Where a finding points: an address of verify looked up in the pack that it was said of.

Responsible for `path`, `path#/key/0`, `path#L7`, `path#L7/key` and `path#L1-L9/key`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from evidence.encoding.codec import encode
from evidence.records.finding import Finding

NOTHING: Final = object()
"""There is no such place."""
NOT_THERE: Final = {
    "checkpoint-header", "journal-attempts", "missing", "not-a-plain-file", "unsafe-name",
    "withheld",
}  # fmt: skip
"""Findings whose file need not be one that can be opened under that name, or even be there."""
EXPECTED: Final = {"other-commit", "other-milestone", "other-pack"}
"""Findings on what the caller expects, and the pack may not have at all."""
NOT_READ: Final = {"runs-code", "too-large"}
"""Findings in files that need not be JSON, or are too large to be read here."""
SAYS_MORE: Final = {
    "checkpoint-config",
    "journal-seal",
    "prose-contradicts",
    "prose-unsupported",
    "wall-clock-jump",
}
"""Findings whose `actual` is part of what stands there, or follows from it."""


def astray(findings: Iterable[Finding], pack: Path) -> list[Finding]:
    """Findings whose address does not exist, or does not hold what they say."""
    return [one for one in findings if not points_at(pack, encode(one))]


def points_at(pack: Path, finding: dict[str, Any]) -> bool:
    """Whether the address of a finding exists, and what it is said to hold is what it holds."""
    address, code, actual = finding["address"], finding["code"], finding["actual"]
    if code in NOT_READ:
        return (pack / address.partition("#")[0]).exists()
    value = look_up(pack, address)
    if value is NOTHING:
        return code in EXPECTED or (code in NOT_THERE and "#" not in address)
    whole = isinstance(value, (bytes, dict, list))
    return actual is None or whole or actual in _spelled(value) or code in SAYS_MORE


def look_up(pack: Path, address: str) -> Any:
    """The value at an address: of a bare path or line, its bytes. NOTHING where there is none."""
    path, _, place = address.partition("#")
    file = pack / path
    if not file.exists():
        return NOTHING
    if not file.is_file():
        return NOTHING if place else b""
    data = file.read_bytes()
    if not place.startswith("L"):
        whole = place in ("", "/")
        return data if whole else _inside(_document(path, data), place.split("/")[1:])
    lines, *keys = place.split("/")
    first, _, last = lines.partition("-")
    rows = data.split(b"\n")
    found = rows[int(first[1:]) - 1 : int((last or first)[1:])]
    if not found or (last and len(found) <= int(last[1:]) - int(first[1:])):
        return NOTHING
    if not keys:
        return b"\n".join(found)
    values = [_inside(json.loads(row), keys) for row in found]
    return NOTHING if NOTHING in values else values[0]


def _spelled(value: Any) -> set[str]:
    """How a finding may write a value that it found."""
    return {str(value), repr(value), json.dumps(value)}


def _document(path: str, data: bytes) -> Any:
    text = data.decode("utf-8")
    return tomllib.loads(text) if path.endswith(".toml") else json.loads(text)


def _inside(value: Any, keys: list[str]) -> Any:
    for key in keys:
        name = key.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return NOTHING
    return value
