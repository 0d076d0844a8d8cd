"""Other Pythons than the one that runs the tests, for attempts that name one."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests import PLUG_INS

ROOT = Path(__file__).parents[1]
SITE = Path(sysconfig.get_paths()["purelib"])


def _jax_python() -> Path | None:
    """Said by EVIDENCE_JAX_PYTHON, where a wrong name is no reason to leave tests out; else that of
    `make jax`, where it is there."""
    said = os.environ.get("EVIDENCE_JAX_PYTHON")
    if said:
        return Path(said)
    made = ROOT / ".venv-jax/bin/python"
    return made if made.exists() else None


JAX_PYTHON = _jax_python()
"""The Python of the JAX path; None where it is not there. Tests that need it are marked jax."""
NO_JAX = "the JAX path is not installed: make jax (or name its Python in EVIDENCE_JAX_PYTHON)"


def make_python(folder: Path, *paths: str | Path) -> Path:
    """An environment in which these folders are imported from, and nothing else is installed."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, timeout=120)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "paths.pth").write_text("".join(f"{path}\n" for path in paths))
    return folder / "bin/python"


def able_python(folder: Path, *first: Path) -> Path:
    """One that has all that this one has, and before it what lies in these folders."""
    return make_python(folder, *first, PLUG_INS, ROOT, SITE)


def distribution(folder: Path, name: str, version: str) -> Path:
    """A folder in which a package of this version is installed, of which nothing is imported."""
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (metadata / "METADATA").write_text(text)
    return folder


def script(path: Path, body: str) -> Path:
    """A program of the shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path
