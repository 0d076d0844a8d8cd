"""The JAX path as `doctor` tells of it: its Python, its packages, and what it could compute on.

Responsible for looking; JAX is not imported, so that devices are those that packages are there for.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from evidence.capture.interpreter import Interpreter
from evidence.records.availability import Unavailable
from evidence.records.record import Record
from evidence.worker import jax_requirements
from evidence.worker.interpreter import JAX_PYTHON, WorkerPython, python_of, unusable

_PACKAGES: Final = ("jax", "jaxlib", "flax", "optax", "google-tunix", "qwix", "transformers")
_MODULES: Final = (*jax_requirements.MODULES, "tunix")


class JaxPath(Record):
    """What the JAX path is made of here."""

    python: str
    """Its Python, or why there is none."""
    remedy: str
    """What makes it, or mends it; empty where it is whole."""
    versions: tuple[tuple[str, str | Unavailable], ...] = ()
    devices: str = ""


def look(root: Path) -> JaxPath:
    """The environment of the project for JAX, else our own where JAX is in it."""
    own = WorkerPython()
    python = python_of(JAX_PYTHON, _MODULES, root, os.environ)
    trouble = unusable(python, "[jax]")
    if trouble is not None and own.place("jax") is not None:
        python, trouble = own, None
    if trouble is not None:
        return JaxPath(trouble[0], trouble[1])
    missing = [name for name in ("jax", "tunix") if python.place(name) is None]
    install = python.made_by or python.pip('"evidence-pack[jax]"')
    return JaxPath(
        python=_shown(python),
        remedy=install if missing else "",
        versions=tuple(
            (name, python.version(name) or Unavailable("not installed")) for name in _PACKAGES
        ),
        devices="" if missing else _devices(python),
    )


def _shown(python: WorkerPython) -> str:
    if not isinstance(python.answer, Interpreter):
        return "the Python of evidence"
    return f"{python.given}, {python.answer.implementation} {python.answer.version}"


def _devices(python: WorkerPython) -> str:
    found = ["the processor"]
    for one in jax_requirements.PLUGINS:
        if python.place(one.module) is not None:
            version = python.version(one.distribution)
            found.append(f"NVIDIA GPUs by {one.distribution} {version or ''}".rstrip())
    if python.place("libtpu") is not None:
        found.append("TPUs by libtpu")
    return ", ".join(found)
