"""Laws of an environment made for one reproduction: the recorded versions, or a refusal by name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.errors import UsageError
from evidence.progress import Silent
from evidence.records.availability import Unavailable
from evidence.records.capture import PackageRecord
from evidence.reproduce.exact import (
    find_interpreter,
    reproduce_in_exact_environment,
    requirements,
)
from evidence.verify import VerifiedPack
from tests.compare.conftest import packs
from tests.project import Project

__all__ = ["packs"]

SAID = Unavailable("a test")


def package(name: str, version: str, origin: str | Unavailable = SAID) -> PackageRecord:
    return PackageRecord(name, version, SAID, origin, SAID)


def test_every_recorded_version_is_asked_for_but_the_tool() -> None:
    recorded = [package("torch", "2.9.0+cpu"), package("evidence-pack", "0"), package("a", "1!2.0")]
    assert requirements(recorded) == ["a==1!2.0", "torch==2.9.0+cpu"]


@pytest.mark.parametrize(
    "odd",
    [
        package("--index-url", "1"),
        package("a", "1 --pre"),
        package("a", ""),
        package("a", "1", "git+https://example.org/a"),
        package("a", "2"),
    ],
)
def test_what_no_index_has_is_refused_by_name(odd: PackageRecord) -> None:
    with pytest.raises(UsageError, match=odd.name) as caught:
        requirements([package("a", "1"), odd])
    assert "--exact-env" in caught.value.hint


def test_the_recorded_interpreter_is_found_or_named(packs: Callable[[str], VerifiedPack]) -> None:
    documents = packs("as-it-is").documents
    assert find_interpreter(documents, Silent()) == sys.executable
    older = replace(documents.environment, python_version="3.1.0")
    with pytest.raises(UsageError, match=r"no python3\.1 here"):
        find_interpreter(replace(documents, environment=older), Silent())


def test_a_version_that_no_index_has_starts_nothing_and_leaves_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real environment is begun, and a real pip refuses."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    project.run()
    before = sorted(project.runs.rglob("*"))
    with pytest.raises(UsageError, match="cannot be installed here"):
        reproduce_in_exact_environment(project.pack, project.root, [], Silent())
    assert sorted(project.runs.rglob("*")) == before
    assert list(tmp_path.glob("evidence-*")) == []
    assert project.git("worktree", "list").count("\n") == 1
