"""Fixtures of the tests of exports."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.export.facts import Account
from tests.export.packs import KINDS, account, made


@pytest.fixture(params=KINDS)
def pack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of each kind, to be looked at only."""
    return made(request.param, tmp_path_factory)


@pytest.fixture
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of a complete run, to be looked at only."""
    return made("complete", tmp_path_factory)


@pytest.fixture(scope="session")
def complete_account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    """What exports say of a complete run."""
    return account(made("complete", tmp_path_factory))
