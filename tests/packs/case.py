"""One case of the corpus: what its folder says, read and checked.

Responsible for `case.toml` and `README.md`; making the pack is `edits`', judging it the test's.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
CASES: Final = FOLDER / "cases"
GOLDEN: Final = FOLDER / "golden"
KEYS: Final = frozenset({"rows", "base", "args", "exit", "codes", "says", "edit"})


@dataclass(frozen=True, slots=True)
class Case:
    """What is done to a pack, and what verify must say to it."""

    name: str
    about: str
    """Its README line."""
    rows: tuple[str, ...]
    """Rows of the threat matrix that it stands for."""
    base: Path
    """The pack that it begins with."""
    args: tuple[str, ...]
    """Further arguments; {trust} and {root} stand for the trust file and the base's root digest."""
    exit: int
    codes: frozenset[str]
    """Codes that must be among the findings."""
    says: str
    """What one of the findings must say; empty for anything."""
    edits: tuple[dict[str, Any], ...]


@cache
def cases() -> tuple[Case, ...]:
    """Every folder below cases/, by name."""
    return tuple(read(folder) for folder in sorted(CASES.iterdir()) if folder.is_dir())


def read(folder: Path) -> Case:
    """The case in a folder. Raises ValueError for a key that means nothing."""
    value = tomllib.loads((folder / "case.toml").read_text("utf-8"))
    unknown = value.keys() - KEYS
    if unknown:
        raise ValueError(f"{folder.name}: case.toml has no key {sorted(unknown)}")
    own = folder / "pack"
    return Case(
        name=folder.name,
        about=(folder / "README.md").read_text("utf-8").strip(),
        rows=tuple(value.get("rows", ())),
        base=next(own.iterdir()) if own.is_dir() else GOLDEN / value.get("base", "v1/complete/M90"),
        args=tuple(value.get("args", ())),
        exit=value["exit"],
        codes=frozenset(value.get("codes", ())),
        says=value.get("says", ""),
        edits=tuple(value.get("edit", ())),
    )
