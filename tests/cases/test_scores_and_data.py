"""Cases whose faults lie in scores and in rows of data: what is right is in each case's README."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.api.values import read_results
from tests.cases import project_of


@pytest.mark.torch
def test_wrong_answers_are_not_called_right(tmp_path: Path) -> None:
    project, name = project_of("r14-wrong-answers-called-right", tmp_path)
    results = read_results(project.run(name).pack)
    for scorer in ("exact", "normalised", "numeric", "contains"):
        assert results[f"eval.{scorer}.num_correct"].number == 0
