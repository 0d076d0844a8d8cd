"""Laws of `--repo`: a pack held against a clone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from evidence import layout
from evidence.capture.hidden import Flagged
from evidence.errors import UsageError
from evidence.records.finding import Report
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.project import Project, make_project, write_rows


def against(project: Project, clone: Path) -> Report:
    return verify_pack(project.pack, VerifyOptions(further=repository_checks(clone)))


def failed(report: Report) -> set[str]:
    return {check.id for check in report.checks if check.outcome == "fail"}


def clone_of(project: Project, folder: Path) -> Path:
    command = ["git", "clone", "-q", str(project.root), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def snapshot(root: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_clone_that_has_what_ran_agrees(ran: Project, tmp_path: Path) -> None:
    clone = clone_of(ran, tmp_path / "clone")
    before = snapshot(clone)
    report = against(ran, clone)
    outcomes = {c.id: c.outcome for c in report.checks if c.id.startswith("repo")}
    assert outcomes.pop("repo-model") == "not_checked"  # the stub's is no file of the project
    assert outcomes == dict.fromkeys(
        (
            "repo-commit", "repo-patch", "repo-milestone", "repo-data", "repo-data-facts",
            "repo-evaluation", "repo-rows", "repo-refs",
        ),
        "pass",
    ), report.findings  # fmt: skip
    assert report.exit_code == 0
    assert snapshot(clone) == before


def test_without_a_clone_it_is_said_that_none_was_compared(ran: Project) -> None:
    outcomes = {check.id: check.outcome for check in verify_pack(ran.pack).checks}
    assert outcomes["repository"] == "not_checked"


def test_what_was_dirty_is_accounted_for_by_the_patch(project: Project, tmp_path: Path) -> None:
    clone = clone_of(project, tmp_path / "clone")
    project.edit("epochs = 2", "epochs = 1")
    (project.root / "extra.py").write_text("print('x')\n")
    (project.root / "data/train.jsonl").unlink()
    rows = [{"prompt": f"p{i}", "answer": f"b{i}"} for i in range(9)]
    write_rows(project.root / "data/train.jsonl", rows)
    project.run()
    before = snapshot(clone)
    report = against(project, clone)
    assert failed(report) == set(), report.findings
    assert snapshot(clone) == before


def test_a_history_without_the_commit_says_so(project: Project, tmp_path: Path) -> None:
    clone = clone_of(project, tmp_path / "clone")
    (project.root / "new.txt").write_text("new\n")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "later")
    project.run()
    report = against(project, clone)
    assert failed(report) == {"repo-commit"}
    assert report.exit_code == 1
    assert any("git fetch" in finding.message for finding in report.findings)


def test_data_and_milestone_that_the_commit_never_had_are_found(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever ran it did not look behind what git is told not to see."""
    for module in ("hidden", "git"):
        monkeypatch.setattr(f"evidence.capture.{module}.flagged", lambda _: Flagged((), ()))
    clone = clone_of(project, tmp_path / "clone")
    project.git("update-index", "--assume-unchanged", "data/train.jsonl", "milestones/T1.toml")
    project.edit("epochs = 2", "epochs = 1")
    rows = [{"prompt": f"p{i}", "answer": f"b{i}"} for i in range(9)]
    write_rows(project.root / "data/train.jsonl", rows)
    project.run()
    assert failed(against(project, clone)) == {"repo-milestone", "repo-data"}


def test_a_clone_that_checks_out_other_line_ends_agrees(project: Project, tmp_path: Path) -> None:
    data = project.root / "data/eval.jsonl"
    data.write_bytes(data.read_bytes().replace(b"\n", b"\r\n"))
    project.git("config", "core.autocrlf", "true")
    project.git("add", "-A")
    project.git("commit", "-q", "--allow-empty", "-m", "the same text")
    project.run()
    assert failed(against(project, clone_of(project, tmp_path / "clone"))) == set()


def test_a_project_below_the_top_of_its_repository_is_found(tmp_path: Path) -> None:
    project = make_project(tmp_path / "repo" / "inner")
    for path in (project.root / ".git").parent.glob(".git"):
        subprocess.run(["rm", "-rf", str(path)], check=True)
    outer = Project(tmp_path / "repo")
    outer.git("init", "-q", "-b", "main")
    outer.git("add", "-A")
    outer.git("commit", "-q", "-m", "all")
    (project.root / "extra.py").write_text("print('x')\n")
    project.run()
    clone = clone_of(outer, tmp_path / "clone")
    report = verify_pack(project.pack, VerifyOptions(further=repository_checks(clone / "inner")))
    assert failed(report) == set(), report.findings
    assert "extra.py" in (project.pack / layout.PATCH).read_text()


def test_what_is_no_clone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a git repository"):
        repository_checks(tmp_path)


def test_a_partial_clone_is_refused_as_git_would_fetch_for_it(
    project: Project, tmp_path: Path
) -> None:
    project.git("config", "uploadpack.allowFilter", "true")
    command = ["git", "clone", "-q", "--no-checkout", "--filter=blob:none"]
    subprocess.run([*command, f"file://{project.root}", str(tmp_path / "clone")], check=True)
    with pytest.raises(UsageError, match="without --filter"):
        repository_checks(tmp_path / "clone")
