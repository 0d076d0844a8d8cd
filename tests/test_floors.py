"""Laws of the versions that pyproject.toml allows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

from tests.floors import PYPROJECT, floors

TEXT = PYPROJECT.read_text("utf-8")
CONSTRAINTS = {
    "torch": (PYPROJECT.parent / "constraints.txt").read_text("utf-8"),
    "jax": (PYPROJECT.parent / "constraints-jax.txt").read_text("utf-8"),
}
"""Of the two environments that there are, by the extra that each is made with."""


def by_name(lines: list[str]) -> dict[str, Version]:
    pinned = (line.split("==") for line in lines if "==" in line)
    return {re.sub(r"[-_.]+", "-", name).lower(): Version(number) for name, number in pinned}


@pytest.mark.parametrize("extra", CONSTRAINTS)
def test_every_dependency_of_a_user_has_a_floor(extra: str) -> None:
    named = {re.match(r"[A-Za-z0-9._-]+", one)[0].lower() for one in asked(extra)}  # type: ignore[index]
    assert named <= by_name(list(floors(TEXT))).keys()


@pytest.mark.parametrize("extra", CONSTRAINTS)
def test_what_is_run_here_is_no_older_than_any_floor(extra: str) -> None:
    run = by_name(CONSTRAINTS[extra].splitlines())
    for one in asked(extra):
        match = re.match(r"([A-Za-z0-9._-]+)>=([0-9][0-9.]*)(?:,<([0-9][0-9.]*))?", one)
        assert match is not None, one
        found = run[match[1].lower()]
        assert found >= Version(match[2]), one
        assert match[3] is None or found < Version(match[3]), one


def test_the_environment_of_jax_has_no_torch() -> None:
    names = by_name(CONSTRAINTS["jax"].splitlines()).keys()
    assert not [name for name in names if name == "torch" or name.startswith("nvidia-cu")]


def asked(extra: str) -> list[str]:
    project = tomllib.loads(TEXT)["project"]
    return [*project["dependencies"], *project["optional-dependencies"][extra]]


def test_make_and_pyproject_ask_for_the_same_torch() -> None:
    makefile = Path(PYPROJECT.parent / "Makefile").read_text("utf-8")
    asked = re.search(r"^TORCH \?= (.*)$", makefile, re.MULTILINE)
    assert asked is not None
    assert asked[1] in tomllib.loads(TEXT)["project"]["optional-dependencies"]["torch"]
