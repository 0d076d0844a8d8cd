"""Laws of the versions that pyproject.toml allows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.version import Version

from tests.floors import PYPROJECT, floors

TEXT = PYPROJECT.read_text("utf-8")
CONSTRAINTS = (PYPROJECT.parent / "constraints.txt").read_text("utf-8")


def by_name(lines: list[str]) -> dict[str, Version]:
    pinned = (line.split("==") for line in lines if "==" in line)
    return {re.sub(r"[-_.]+", "-", name).lower(): Version(number) for name, number in pinned}


def test_every_dependency_of_a_user_has_a_floor() -> None:
    project = tomllib.loads(TEXT)["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["torch"]]
    named = {re.match(r"[A-Za-z0-9._-]+", one)[0].lower() for one in asked}  # type: ignore[index]
    assert named <= by_name(list(floors(TEXT))).keys()


def test_what_is_run_here_is_no_older_than_any_floor() -> None:
    run = by_name(CONSTRAINTS.splitlines())
    for name, floor in by_name(list(floors(TEXT))).items():
        assert run[name] >= floor, name


def test_make_and_pyproject_ask_for_the_same_torch() -> None:
    makefile = Path(PYPROJECT.parent / "Makefile").read_text("utf-8")
    asked = re.search(r"^TORCH \?= (.*)$", makefile, re.MULTILINE)
    assert asked is not None
    assert asked[1] in tomllib.loads(TEXT)["project"]["optional-dependencies"]["torch"]
