"""Packages that a test installs, and backends that it takes away again."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import PLUG_INS


@dataclass(frozen=True, slots=True)
class Installed:
    """A folder like `site-packages`, first on the path of this process and of all it starts."""

    folder: Path

    def package(self, name: str, entry_points: str | bytes, source: str | None = None) -> None:
        """A package of version 1.0, with a module of its name where there is source."""
        metadata = self.folder / f"{name}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        text = entry_points.encode() if isinstance(entry_points, str) else entry_points
        (metadata / "entry_points.txt").write_bytes(text)
        if source is not None:
            (self.folder / f"{name}.py").write_text(source)

    def backend(self, package: str, name: str, source: str) -> None:
        """A package whose module has the record BACKEND of a backend `name`."""
        self.package(package, f"[evidence.backends]\n{name} = {package}:BACKEND\n", source)


def install(folder: Path, patch: pytest.MonkeyPatch) -> Installed:
    """A folder to install into."""
    folder.mkdir(exist_ok=True)
    patch.syspath_prepend(folder)
    patch.setenv("PYTHONPATH", os.pathsep.join((str(folder), os.environ["PYTHONPATH"])))
    return Installed(folder)


def take_away(patch: pytest.MonkeyPatch) -> None:
    """The stub is installed no more, for this process and all that it starts."""
    patch.setattr(sys, "path", [one for one in sys.path if one != PLUG_INS])
    patch.delenv("PYTHONPATH")
