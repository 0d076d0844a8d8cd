"""One server and one undisturbed run for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import laws
from tests.faults.faulty_os import Plan
from tests.faults.runs import Case, Server, copy_case, make_small_project


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Forks runs."""
    serving = Server()
    yield serving
    serving.close()


@pytest.fixture(scope="session")
def fresh(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The small project, in which nothing ever ran."""
    root = tmp_path_factory.mktemp("faults") / "fresh"
    make_small_project(root)
    return Case(root, server)


@pytest.fixture(scope="session")
def undisturbed(fresh: Case, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A run to which nothing happened; `calls.jsonl` has its durable calls."""
    case = copy_case(fresh, tmp_path_factory.mktemp("faults") / "undisturbed")
    ended = case.do("run", "T1", plan=Plan(log=str(case.root / "calls.jsonl")))
    assert (ended.status, laws.honest(case, ended)) == (0, "published"), ended.printed
    return case


@pytest.fixture
def case(fresh: Case, tmp_path: Path) -> Case:
    """A copy of the small project for one test."""
    return copy_case(fresh, tmp_path / "project")
