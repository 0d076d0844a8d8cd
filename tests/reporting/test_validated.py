"""SARIF held by the validator that the authors of the format keep (`make browser` brings it).

Skipped, with the reason, where it is not there; the laws of test_forms hold everywhere.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.reporting.test_forms import NAMES, folder, said

__all__ = ["folder"]
pytestmark = pytest.mark.full

TOOL: Final = (
    Path(__file__).parents[2]
    / "build/browser/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"
)
AGAINST_CODE: Final = {"SARIF2005", "SARIF2017"}
"""Advice that is not followed: no address of the project is known, and a document is named by a
pointer, not by lines."""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", NAMES)
def test_the_formats_own_validator_finds_no_error(name: str, tmp_path: Path) -> None:
    if not TOOL.is_file():
        pytest.skip("sarif-multitool is not there: make browser")
    path, found = tmp_path / "verify.sarif", tmp_path / "found.sarif"
    path.write_text(said("sarif", name), "utf-8")
    done = subprocess.run(
        [str(TOOL), "validate", str(path), "--output", str(found)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    (run,) = json.loads(found.read_text("utf-8-sig"))["runs"]
    assert {one["ruleId"] for one in run.get("results", ())} <= AGAINST_CODE
