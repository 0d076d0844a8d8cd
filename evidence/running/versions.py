"""Installed versions beside those that this tool requires, as `doctor` says them.

Responsible for naming the version that an import finds, those that it hides, and what would fit.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distributions, requires, version
from importlib.util import find_spec
from typing import Final

from evidence.records.availability import Unavailable

_TOOL: Final = "evidence-pack"
_OF_JAX: Final = re.compile(r"""\bextra\s*==\s*["']jax["']""")
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*(.*)")


def said_version(name: str) -> str | Unavailable:
    """The version that is imported, what it shadows, and what is required instead."""
    try:
        found = version(name)
    except PackageNotFoundError:
        return Unavailable("not installed")
    others = sorted({one.version for one in distributions(name=name)} - {found})
    behind = f"; {', '.join(others)} is on the path too, and is not imported" if others else ""
    wanted = required(name)
    unfit = "" if wanted is None or fits(found, wanted) else f", but {wanted} is required"
    remedy = f": pip install '{name}{wanted}'" if unfit else ""
    return f"{found}{unfit}{remedy}{behind}"


def required(name: str) -> str | None:
    """The versions of a package that this tool states for the environment that it runs in; None
    where it states none. Those of the JAX path are of another environment."""
    for line in _stated():
        stated, _, marker = line.partition(";")
        if _OF_JAX.search(marker):
            continue
        match = _REQUIREMENT.fullmatch(stated.strip())
        if match is not None and match[1].lower() == name and match[2]:
            return match[2]
    return None


def fits(found: str, wanted: str) -> bool:
    """Whether a version is among those; True where nothing here can tell."""
    if find_spec("packaging") is None:  # comes with transformers
        return True
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return SpecifierSet(wanted).contains(found, prereleases=True)
    except InvalidVersion:
        return False


def _stated() -> list[str]:
    try:
        return requires(_TOOL) or []
    except PackageNotFoundError:  # run from a folder, without being installed
        return []
