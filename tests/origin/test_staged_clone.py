"""Laws of a pack with stages that is held against a clone: each stage is asked for its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence.records.finding import Report
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.origin.staged import committed
from tests.shared import made_once

pytestmark = pytest.mark.torch


@pytest.fixture
def clone(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "staged-clone", committed)
    return Path(shutil.copytree(made, tmp_path / "project"))


def against(clone: Path, name: str) -> Report:
    checks = VerifyOptions(further=repository_checks(clone))
    return verify_pack(clone / "runs" / name, checks)


def errors(report: Report) -> list[tuple[str, str]]:
    return [(one.check, one.address) for one in report.findings if one.severity == "error"]


@pytest.mark.parametrize("name", ["S1", "S2"])
def test_an_honest_pack_with_stages_is_intact_whatever_its_stages_ask(
    name: str, clone: Path
) -> None:
    report = against(clone, name)
    assert errors(report) == []
    assert {one.id: one.outcome for one in report.checks}["repo-data-facts"] == "pass"
