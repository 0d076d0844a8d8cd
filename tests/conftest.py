"""Fixtures that several folders of tests use."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from evidence.encoding import schema
from evidence.encoding.codec import encode
from evidence.records.finding import Report
from evidence.stages.registry import kinds
from evidence.system import posix
from evidence.verification import report, verification
from evidence.verification.consistency import registry
from tests.other_python import JAX_PYTHON, NO_JAX
from tests.project import Project, make_project
from tests.shared import made_once

# A busy machine breaks no law: nothing has a deadline.
settings.register_profile("quick", deadline=None, max_examples=30)
settings.register_profile("full", deadline=None, max_examples=100)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests of the JAX path are left out where its environment is not there."""
    if item.get_closest_marker("jax") and JAX_PYTHON is None:
        pytest.skip(NO_JAX)


def pytest_configure(config: pytest.Config) -> None:
    """How many examples a law is tried with depends on the tier. Byte code is kept, whatever the
    environment says: hundreds of processes import what is here, and each would compile it."""
    settings.load_profile("quick" if "not full" in config.getoption("markexpr") else "full")
    _heed_interrupts()
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _heed_interrupts() -> None:
    """A shell without job control starts what goes into the background deaf to Ctrl-C, and so is
    each process that a test executes: what it interrupts would go on for as long as it likes."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One more than there are processors: a test that waits for a process or a disk leaves its
    own to another."""
    count = yield
    return count if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else count + 1


def _make_once(folder: Path) -> Path:
    return make_project(folder / "project").root


@pytest.fixture(scope="session")
def _made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "project", _make_once)


@pytest.fixture
def project(_made_once: Path, tmp_path: Path) -> Project:
    """A fresh project with a stub milestone T1."""
    shutil.copytree(_made_once, tmp_path / "project")
    return Project(tmp_path / "project")


def _run_once(folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
        patch.delenv("EVIDENCE_STUB", raising=False)  # the first to ask may have told it to fail
        made = make_project(folder / "project")
        made.run()
    return made.root


@pytest.fixture(scope="session")
def _ran_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "ran", _run_once)


@pytest.fixture
def ran(_ran_once: Path, tmp_path: Path) -> Project:
    """The project of `project` after one run: a copy, for tests to which running is no question."""
    shutil.copytree(_ran_once, tmp_path / "project")
    return Project(tmp_path / "project")


@pytest.fixture(autouse=True)
def _quiet_cpuinfo(monkeypatch: pytest.MonkeyPatch) -> None:
    # py-cpuinfo takes 1.4 s each time; tests/capture/test_host.py runs the real one.
    monkeypatch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})


@pytest.fixture(autouse=True)
def _every_report_keeps_to_its_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test verifies: codes are those of the schema (checks of tests are no part of it),
    gravest first."""

    def built(subject: report.Subject, ledger: report.Ledger) -> Report:
        made = report.build_report(subject, ledger)
        known = encode(made)
        assert schema.validate("report.v1", known) == ()
        theirs = {one.rule.id for one in registry.registered() if one.kind in plugged_in()}
        for one in known["findings"]:
            assert one["code"] in CODES or one["check"] in theirs or one["check"][:4] == "toy-", one
        gravity = [_GRAVITY.index(one.severity) for one in made.findings]
        assert gravity == sorted(gravity)
        return made

    monkeypatch.setattr(verification, "build_report", built)


def plugged_in() -> set[str]:
    """Names of the kinds of stage that a test registered."""
    return {kind.name for kind in kinds()} - {"train", "eval"}


_FINDINGS = schema.load("report.v1")["properties"]["findings"]["items"]["properties"]
CODES = set(_FINDINGS["code"]["anyOf"][0]["enum"])
_GRAVITY = ("refused", "error", "warning", "advice")


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Process ids of all copies. Other tests of this process have children of their own, and may
    have left a thread behind that hangs in a driver: it holds nothing that a copy needs."""
    monkeypatch.setattr(posix.threading, "active_count", lambda: 1)
    made: list[int] = []
    copy = posix.copy_process

    def counted() -> int:
        child = copy()
        made.append(child)
        return child

    monkeypatch.setattr(posix, "copy_process", counted)
    return made
