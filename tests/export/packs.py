"""Packs of each kind that an export meets, and what every test of an export asks of them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from evidence.export.facts import Account, account_of
from evidence.export.formats import files_of
from evidence.export.tree import Content, Copy
from evidence.verification.verification import load_sealed
from tests.export.events import words
from tests.importing.made import make_pack
from tests.packs.case import GOLDEN
from tests.recording.programs import make_repository, program, run
from tests.recording.test_forged import MILESTONE, SOURCE
from tests.shared import made_once

PACKAGES: Final = {"tensorboard": "tensorboard"}
"""Packages that write a format."""
KINDS: Final = ("complete", "failed", "recorded", "imported")


def made(kind: str, factory: pytest.TempPathFactory) -> Path:
    """A pack of this kind, to be looked at only."""
    if kind in ("complete", "failed"):
        return GOLDEN / "v1" / kind / "M90"
    make = _recorded if kind == "recorded" else make_pack
    return made_once(factory, f"export-{kind}", make)


def _recorded(folder: Path) -> Path:
    root = make_repository(folder / "project")
    python, script = program(root, SOURCE)
    words = ", ".join(f'"{word}"' for word in (python, "-I", script))
    (root / "milestones/R1.toml").write_text(MILESTONE.format(run=words), encoding="utf-8")
    return run(root).pack


def copied(pack: Path, folder: Path) -> Path:
    """A copy of a pack that a test may change."""
    return Path(shutil.copytree(pack, folder / pack.name))


def account(pack: Path) -> Account:
    """What exports say of it."""
    return account_of(load_sealed(pack))


def exported(name: str, pack: Path) -> dict[str, bytes]:
    """The files of an export."""
    return {path: read(data) for path, data in files_of(name, account(pack)).items()}


def read(data: Content) -> bytes:
    """What a file of an export holds, a copy too."""
    return data.source.read_bytes() if isinstance(data, Copy) else data


def made_of(name: str, pack: Path) -> dict[str, bytes]:
    """The files that an export makes itself, copies of files of the pack left out."""
    found = files_of(name, account(pack))
    return {path: data for path, data in found.items() if not isinstance(data, Copy)}


def said(files: Mapping[str, bytes]) -> dict[str, str]:
    """What each file of an export says, as text: of one that is none, the texts in it."""
    return {path: _said(path, data) for path, data in files.items()}


def _said(path: str, data: bytes) -> str:
    if path.endswith(".db"):
        rows = [*stored(data, "SELECT * FROM metrics"), *stored(data, "SELECT * FROM configs")]
        return "\n".join(str(cell) for row in rows for cell in row)
    return words(data) if ".tfevents." in path else data.decode("utf-8")


def stored(data: bytes, query: str) -> list[tuple[Any, ...]]:
    """What a database answers."""
    with closing(sqlite3.connect(":memory:")) as store:
        store.deserialize(data)
        return store.execute(query).fetchall()


def lacking(name: str) -> str:
    """Why this format cannot be written here; empty where it can."""
    package = PACKAGES.get(name)
    if package is None or find_spec(package) is not None:
        return ""
    return f"{package} is not here: evidence-pack[trackers]"


def values(pack: Path) -> dict[str, dict[str, Any]]:
    """The values of its results.json."""
    found: dict[str, dict[str, Any]] = json.loads((pack / "results.json").read_bytes())["values"]
    return found


def texts_of_sealed(pack: Path) -> Iterator[str]:
    """Every sealed file that is text, which may list digests of other files."""
    for row in (pack / "SHA256SUMS").read_text("ascii").splitlines():
        path = pack / row[66:]
        if path.suffix in (".json", ".jsonl", ".toml", ".txt", ".patch", ".md"):
            yield path.read_text("utf-8", errors="replace")


def holds(values_of_pack: Mapping[str, dict[str, Any]], name: str, value: object) -> bool:
    """Whether results.json has this very value under this name, measured."""
    found = values_of_pack.get(name)
    return found is not None and found["value"] is not None and found["value"] == value
