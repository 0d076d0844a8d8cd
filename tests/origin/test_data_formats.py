"""Laws of `--repo` where the data are no JSON lines: rows and facts are counted again from them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from evidence.records.finding import Report
from tests.origin.test_repository import against, clone_of, failed
from tests.project import Project, rows

EVERY = ("repo-data", "repo-data-facts", "repo-evaluation", "repo-rows")


def outcomes(report: Report) -> dict[str, str]:
    return {one.id: one.outcome for one in report.checks if one.id in EVERY}


def as_csv(path: Path) -> bytes:
    """The rows of a file as a table."""
    found = rows(path)
    made = io.StringIO()
    writer = csv.DictWriter(made, list(found[0]))
    writer.writeheader()
    writer.writerows(found)
    return made.getvalue().encode()


def committed(project: Project) -> None:
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "other data")


@pytest.fixture
def packed(project: Project) -> Project:
    """A project with a packed table and a JSON array for data."""
    train, evaluation = project.root / "data/train.jsonl", project.root / "data/eval.jsonl"
    (project.root / "data/train.csv.gz").write_bytes(gzip.compress(as_csv(train)))
    array = json.dumps(rows(evaluation), indent=1)
    (project.root / "data/eval.json").write_text(array)
    project.edit('"data/train.jsonl"', '"data/train.csv.gz"')
    project.edit('"data/eval.jsonl"', '"data/eval.json"')
    committed(project)
    return project


def test_rows_of_other_formats_are_counted_again(packed: Project, tmp_path: Path) -> None:
    packed.run()
    record = packed.read("inputs.json")["data"]["train"]
    assert record["num_rows"] == 14
    assert record["line_ends"] == "none"
    report = against(packed, clone_of(packed, tmp_path / "clone"))
    assert outcomes(report) == dict.fromkeys(EVERY, "pass"), report.findings
    assert report.exit_code == 0


def test_a_packed_file_past_the_bound_is_not_unpacked(
    packed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed.run()
    monkeypatch.setattr("evidence.verification.origin.clone_data.MAX_UNPACKED_BYTES", 64)
    report = against(packed, clone_of(packed, tmp_path / "clone"))
    found = outcomes(report)
    assert (found["repo-data"], found["repo-data-facts"]) == ("pass", "not_checked")
    assert failed(report) == set()
    (said,) = (one.reason for one in report.checks if one.id == "repo-data-facts")
    assert "data/train.csv.gz: unpacks to more than 0 MiB" in str(said)
