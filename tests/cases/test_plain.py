"""The project from which all cases start has nothing wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.verification.verification import verify_pack
from tests.cases import project_of


@pytest.mark.full
@pytest.mark.torch
def test_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    project, name = project_of("c00-plain", tmp_path)
    result = project.run(name)
    report = verify_pack(result.pack)
    assert (result.status, report.verdict) == ("complete", "INTACT")
    assert {one.severity for one in report.findings} <= {"advice", "warning"}
