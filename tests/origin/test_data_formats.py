"""Laws of `--repo` where the data are no JSON lines: rows and facts are counted again from them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from evidence.attempt.reported import Reported
from evidence.capture.hidden import Flagged
from evidence.encoding.codec import decode
from evidence.records.finding import Report
from evidence.records.inputs import InputsRecord
from evidence.running.unchanged import changed
from evidence.verification.verification import verify_pack
from tests.origin.test_repository import against, clone_of, failed
from tests.packs.edits import apply
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


@pytest.fixture
def several(project: Project) -> Project:
    """A project with the training rows in three files, which a pattern names."""
    lines = (project.root / "data/train.jsonl").read_bytes().splitlines(keepends=True)
    (project.root / "parts").mkdir()
    for number, part in enumerate((lines[:5], lines[5:9], lines[9:])):
        (project.root / f"parts/{number}.jsonl").write_bytes(b"".join(part))
    project.edit('"data/train.jsonl"', '"parts/*.jsonl"')
    committed(project)
    return project


def unseen_by_git(project: Project, monkeypatch: pytest.MonkeyPatch, *paths: str) -> None:
    """Changes of these files are in no patch: whoever ran it did not look behind the flag."""
    for module in ("hidden", "git"):
        monkeypatch.setattr(f"evidence.capture.{module}.flagged", lambda _: Flagged((), ()))
    project.git("update-index", "--assume-unchanged", *paths)


def test_several_files_are_recorded_listed_and_counted_again(
    several: Project, tmp_path: Path
) -> None:
    several.run()
    record = several.read("inputs.json")["data"]["train"]
    names = [f"parts/{number}.jsonl" for number in range(3)]
    assert [one["path"] for one in record["files"]] == names
    assert (record["path"], record["num_rows"]) == (None, 14)
    summary = (several.pack / "t1_summary.md").read_text("utf-8")
    for one in record["files"]:
        assert f"| File of train | `{one['path']}` `{one['sha256']}` |" in summary
    keys = [one["input"] for one in several.read("git.json")["inputs"]]
    assert [key for key in keys if key.startswith("data.train")] == [
        f"data.train.path.{number}" for number in range(3)
    ]
    report = against(several, clone_of(several, tmp_path / "clone"))
    assert outcomes(report) == dict.fromkeys(EVERY, "pass"), report.findings
    assert report.exit_code == 0


def test_a_changed_byte_in_the_second_file_is_found(
    several: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = clone_of(several, tmp_path / "clone")
    unseen_by_git(several, monkeypatch, "parts/1.jsonl")
    path = several.root / "parts/1.jsonl"
    path.write_bytes(path.read_bytes().replace(b"a7", b"b7"))
    several.run()
    report = against(several, clone)
    assert failed(report) == {"repo-data"}
    (found,) = (one for one in report.findings if one.check == "repo-data")
    assert found.address == "inputs.json#/data/train/files/1/sha256"


def test_rows_exchanged_between_two_files_are_found(
    several: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = clone_of(several, tmp_path / "clone")
    unseen_by_git(several, monkeypatch, "parts/0.jsonl", "parts/1.jsonl")
    first, second = several.root / "parts/0.jsonl", several.root / "parts/1.jsonl"
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(one.replace(b"3", b"8"))
    second.write_bytes(other.replace(b"8", b"3"))
    several.run()
    report = against(several, clone)
    assert failed(report) == {"repo-data"}
    assert {one.address for one in report.findings if one.check == "repo-data"} == {
        f"inputs.json#/data/train/files/{number}/sha256" for number in (0, 1)
    }


def test_a_file_that_the_pattern_names_and_the_run_left_out_is_found(
    several: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = clone_of(several, tmp_path / "clone")
    unseen_by_git(several, monkeypatch, "parts/2.jsonl")
    (several.root / "parts/2.jsonl").unlink()
    several.run()
    report = against(several, clone)
    assert failed(report) == {"repo-data"}
    (found,) = (one for one in report.findings if one.check == "repo-data")
    assert "the commit has parts/2.jsonl, which `path` names" in found.message


def test_a_file_that_was_deleted_before_the_run_is_accounted_for_by_the_patch(
    several: Project, tmp_path: Path
) -> None:
    clone = clone_of(several, tmp_path / "clone")
    (several.root / "parts/2.jsonl").unlink()
    several.run()
    report = against(several, clone)
    assert outcomes(report) == dict.fromkeys(EVERY, "pass"), report.findings


@pytest.mark.parametrize("edit", ["left out", "exchanged"])
def test_files_that_the_milestone_cannot_have_named_are_found_without_a_clone(
    several: Project, edit: str
) -> None:
    several.edit('"parts/*.jsonl"', '["parts/0.jsonl", "parts/1.jsonl", "parts/2.jsonl"]')
    several.run()

    files = several.read("inputs.json")["data"]["train"]["files"]
    forged = files[:2] if edit == "left out" else files[::-1]
    apply(
        several.pack,
        {"do": "set", "path": "inputs.json", "at": "/data/train/files", "value": forged},
    )
    apply(several.pack, {"do": "seal"})
    report = verify_pack(several.pack)
    assert "data-identity" in failed(report)


def test_a_run_goes_on_only_where_every_file_is_as_it_was(several: Project) -> None:
    several.run()
    record = decode(InputsRecord, several.read("inputs.json")).data["train"]
    nothing = Reported()
    assert list(changed(several.root, {"train": record}, None, nothing)) == []
    (several.root / "parts/1.jsonl").write_bytes(b"{}\n")
    (said,) = changed(several.root, {"train": record}, None, nothing)
    assert said.startswith("parts/1.jsonl ([data.train]) has the digest")
