"""A pytest plug-in that writes how long each test took, so that quick ones can run first."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

DURATIONS = "MUTANTS_DURATIONS"
"""Variable of the environment that names the file."""
_seconds: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up setup, call and teardown; a test that did not pass is no use against mutants."""
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if not report.passed:
        _seconds[report.nodeid] = float("inf")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write them once, from the process that heard of all tests."""
    if not hasattr(session.config, "workerinput"):
        usable = {test: spent for test, spent in _seconds.items() if spent != float("inf")}
        Path(os.environ[DURATIONS]).write_text(json.dumps(usable), "utf-8")
