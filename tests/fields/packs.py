"""The packs whose every place is changed: golden ones, and runs of a stub with a history.

Responsible for packs that between them have as many fields as small packs can.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from toy import write
from toy_adapter import adapter_toy, merged_toy
from toy_jax import jax_toy
from toy_kept import kept_toy
from toy_measured import measured
from toy_parent import parent_toy
from toy_ranks import ranks_toy
from toy_set import set_toy
from toy_worker import under_another

from evidence.errors import EvidenceError
from tests.disclose.private import make_private
from tests.fields import recorded, staged
from tests.fields.rich import rich_toy
from tests.fields.settings import settings_toy
from tests.importing import made
from tests.packs.case import GOLDEN
from tests.project import Project, make_project

_BEFORE: Final = """\
[[attempt]]
name = "first"
backend = "stub"
resolution = "The second one runs without what broke the first."

[[attempt]]
name = "stub\""""


def _golden(status: str) -> Callable[[Path], Path]:
    return lambda _: GOLDEN / "v1" / status / "M90"


def _crashed(folder: Path) -> Path:
    """A run whose first attempt crashed in its evaluation, in a tree with two changes."""
    project = make_project(folder / "project")
    project.edit('[[attempt]]\nname = "stub"', _BEFORE)
    project.git("commit", "-qam", "two attempts")
    project.edit('title = "A test"', 'title = "Another test"')
    (project.root / "data/left.txt").write_text("not committed\n", encoding="utf-8")
    with _Orders('{"stage": "eval", "at": 3, "do": "raise", "attempt": "first"}'):
        project.run()
    return project.pack


def _resumed(folder: Path) -> Path:
    """A run whose worker was killed behind a checkpoint, and that went on."""
    project: Project = make_project(folder / "project")
    with _Orders('{"stage": "train", "at": 8, "do": "kill"}'), pytest.raises(EvidenceError):
        project.run()
    with _Orders("{}"):
        project.run(resume=True)
    return project.pack


def _rich(folder: Path) -> Path:
    return write(folder / "M90", rich_toy().all_bytes())


def _settings(folder: Path) -> Path:
    return write(folder / "M90", settings_toy().all_bytes())


def _set(folder: Path) -> Path:
    return write(folder / "M90", set_toy().seal().all_bytes())


def _parent(folder: Path) -> Path:
    return write(folder / "M90", parent_toy().seal().all_bytes())


def _ranks(folder: Path) -> Path:
    return write(folder / "M90", ranks_toy().seal().all_bytes())


def _adapter(folder: Path) -> Path:
    return write(folder / "M90", adapter_toy().seal().all_bytes())


def _merged(folder: Path) -> Path:
    return write(folder / "M90", merged_toy().seal().all_bytes())


def _measured(folder: Path) -> Path:
    return write(folder / "M90", measured().seal().all_bytes())


def _kept(folder: Path) -> Path:
    return write(folder / "M90", kept_toy().seal().all_bytes())


def _jax(folder: Path) -> Path:
    return write(folder / "M90", under_another(jax_toy()).seal().all_bytes())


def _withheld(folder: Path) -> Path:
    """A run whose answers are withheld, and at hand."""
    project = make_private(folder / "project")
    project.run()
    return project.pack


PACKS: Final[dict[str, Callable[[Path], Path]]] = {
    "complete": _golden("complete"),
    "failed": _golden("failed"),
    "crashed": _crashed,
    "resumed": _resumed,
    "rich": _rich,
    "settings": _settings,
    "set": _set,
    "staged": staged.make,
    "parent": _parent,
    "ranks": _ranks,
    "adapter": _adapter,
    "merged": _merged,
    "measured": _measured,
    "kept": _kept,
    "jax": _jax,
    "withheld": _withheld,
    "imported": made.make_odd_pack,
    "recorded": recorded.make,
    "recorded-resumed": recorded.make_resumed,
    "recorded-failed": recorded.make_failed,
}


class _Orders:
    """What the stub is told, and a processor that nobody has to ask."""

    def __init__(self, order: str) -> None:
        self._order = order
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        self._patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
        self._patch.setenv("EVIDENCE_STUB", self._order)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
