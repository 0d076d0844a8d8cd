"""Laws of inputs that no commit holds: the run says so, and `--repo` calls nobody a liar."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.records.finding import Report
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.cases import CASES, project_of
from tests.project import Project, make_project, write_rows
from tests.tiers import sampled

TRAIN = "data/train.jsonl"


def against(pack: Path, clone: Path) -> Report:
    return verify_pack(pack, VerifyOptions(further=repository_checks(clone)))


def errors(report: Report) -> list[str]:
    return [str(one) for one in report.findings if one.severity in ("error", "refused")]


def outcome(report: Report, check: str) -> str:
    (found,) = (one.outcome for one in report.checks if one.id == check)
    return found


def reason(report: Report, check: str) -> str:
    (found,) = (one.reason for one in report.checks if one.id == check)
    return found


def clone_of(project: Project, folder: Path, *options: str) -> Path:
    command = ["git", "-c", "protocol.file.allow=always", "clone", "-q", *options]
    subprocess.run([*command, str(project.root), str(folder)], check=True, capture_output=True)
    return folder


def place(project: Project, key: str = "data.train.path") -> dict[str, Any]:
    (found,) = (one for one in project.read(layout.GIT)["inputs"] if one["input"] == key)
    assert isinstance(found, dict)
    return found


def commit(project: Project, text: str = "more") -> None:
    project.git("add", "-A")
    project.git("commit", "-qm", text)


def move_out(project: Project, tmp_path: Path) -> None:
    """The training data leave the commit."""
    project.edit('paths = ["data/*.jsonl"]', 'paths = ["data/eval.jsonl"]')
    project.git("rm", "-q", "--cached", TRAIN)


def ignored(project: Project, tmp_path: Path) -> None:
    move_out(project, tmp_path)
    (project.root / ".gitignore").write_text("/data/train*\n")
    commit(project)


def in_dvc(project: Project, tmp_path: Path) -> None:
    ignored(project, tmp_path)
    (project.root / f"{TRAIN}.dvc").write_text("outs:\n- md5: 0\n  path: train.jsonl\n")
    project.git("add", "-f", f"{TRAIN}.dvc")
    commit(project)


def behind_a_link(project: Project, tmp_path: Path) -> None:
    (project.root / TRAIN).rename(tmp_path / "elsewhere.jsonl")
    project.edit('paths = ["data/*.jsonl"]', 'paths = ["data/eval.jsonl"]')
    (project.root / TRAIN).symlink_to(tmp_path / "elsewhere.jsonl")
    commit(project)


def absolute(project: Project, tmp_path: Path) -> None:
    move_out(project, tmp_path)
    (project.root / TRAIN).rename(tmp_path / "far.jsonl")
    project.edit(f'path = "{TRAIN}"', f'path = "{tmp_path / "far.jsonl"}"')
    commit(project)


def above(project: Project, tmp_path: Path) -> None:
    move_out(project, tmp_path)
    (project.root / TRAIN).rename(project.root.parent / "far.jsonl")
    project.edit(f'path = "{TRAIN}"', 'path = "../far.jsonl"')
    commit(project)


@pytest.mark.parametrize(
    ("arrange", "word"),
    [
        (ignored, "git ignores it (.gitignore:1: /data/train*)"),
        (in_dvc, "DVC keeps it (data/train.jsonl.dvc)"),
        (behind_a_link, "link"),
        (absolute, "outside"),
        (above, "outside"),
    ],
    ids=lambda one: one.__name__ if callable(one) else "",
)
def test_the_run_says_what_no_commit_holds_and_a_clone_without_it_is_not_checked(
    arrange: Callable[[Project, Path], None], word: str, project: Project, tmp_path: Path
) -> None:
    arrange(project, tmp_path)
    result = project.run()
    found = place(project)
    assert found["held_by"] == "nothing"
    assert word in found["reason"]
    warned = [one for one in result.report.findings if one.code == "input-not-in-commit"]
    assert [one.severity for one in warned] == ["warning"]
    assert word in warned[0].message
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    assert "The commit does not hold" in summary
    (tmp_path / "elsewhere.jsonl").unlink(missing_ok=True)
    report = against(project.pack, clone_of(project, tmp_path / "clone"))
    assert errors(report) == []
    assert outcome(report, "repo-data") == "not_checked"
    assert outcome(report, "repo-milestone") == "pass"


def test_the_file_on_disk_counts_where_it_has_the_digest(project: Project, tmp_path: Path) -> None:
    ignored(project, tmp_path)
    project.run()
    clone = clone_of(project, tmp_path / "clone")
    shutil.copyfile(project.root / TRAIN, clone / TRAIN)
    report = against(project.pack, clone)
    outcomes = {one.id: one.outcome for one in report.checks if one.id.startswith("repo-")}
    assert outcomes.pop("repo-model") == "not_checked"
    assert set(outcomes.values()) == {"pass"}, outcomes
    (clone / TRAIN).write_text("{}\n")
    report = against(project.pack, clone)
    assert errors(report) == []
    assert outcome(report, "repo-data") == "not_checked"


def test_only_other_bytes_in_the_commit_are_an_error(project: Project, tmp_path: Path) -> None:
    ignored(project, tmp_path)
    project.run()
    clone = clone_of(project, tmp_path / "clone")
    forged = project.pack / layout.GIT
    assert b"git ignores it" in forged.read_bytes()
    write_rows(project.root / TRAIN, [{"prompt": "p", "answer": "a"}])
    project.git("add", "-f", TRAIN)
    project.git("commit", "-q", "--amend", "-m", "with other data")
    project.run(again=True)
    assert place(project)["held_by"] == "commit"
    assert outcome(against(project.pack, project.root), "repo-data") == "pass"
    assert outcome(against(project.pack, clone), "repo-commit") == "fail"


def test_a_milestone_that_git_ignores_is_said_too(project: Project, tmp_path: Path) -> None:
    project.git("rm", "-q", "-r", "--cached", "milestones")
    (project.root / ".gitignore").write_text("milestones/\n")
    commit(project)
    project.run()
    assert "git ignores it" in place(project, "milestone")["reason"]
    clone = clone_of(project, tmp_path / "clone")
    report = against(project.pack, clone)
    assert (errors(report), outcome(report, "repo-milestone")) == ([], "not_checked")
    (clone / "milestones").mkdir()
    shutil.copyfile(project.root / "milestones/T1.toml", clone / "milestones/T1.toml")
    assert outcome(against(project.pack, clone), "repo-milestone") == "pass"


def test_a_model_folder_that_git_ignores_is_said_too(project: Project) -> None:
    project.git("rm", "-q", "-r", "--cached", "model")
    (project.root / ".gitignore").write_text("model/tokenizer.json\n")
    commit(project)
    project.run()
    assert place(project, "model.config")["reason"].startswith("tokenizer.json: git ignores it")
    assert place(project, "milestone")["held_by"] == "commit"


def test_a_pointer_of_git_lfs_holds_the_bytes(project: Project, tmp_path: Path) -> None:
    data = (project.root / TRAIN).read_bytes()
    pointer = (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{sha256_hex(data)}\nsize {len(data)}\n"
    )
    script = tmp_path / "clean.sh"
    script.write_text(f"cat >/dev/null\nprintf '{pointer}'\n")
    project.git("config", "filter.lfs.clean", f"sh {script}")
    (project.root / ".gitattributes").write_text("data/train.jsonl filter=lfs\n")
    (project.root / TRAIN).touch()
    project.git("add", "--renormalize", ".")
    commit(project)
    project.edit('paths = ["data/*.jsonl"]', 'paths = ["data/eval.jsonl"]')
    project.run()
    assert place(project)["held_by"] == "pointer"
    report = against(project.pack, clone_of(project, tmp_path / "clone"))
    assert (errors(report), outcome(report, "repo-data")) == ([], "pass")
    assert outcome(report, "repo-data-facts") == "not_checked"  # the bytes are behind the pointer


def test_a_filter_of_the_project_accuses_nobody(project: Project, tmp_path: Path) -> None:
    project.git("config", "filter.crypt.clean", "tr a-z b-za")
    (project.root / ".gitattributes").write_text("data/train.jsonl filter=crypt\n")
    (project.root / TRAIN).touch()
    project.git("add", "--renormalize", ".")
    commit(project)
    project.edit('paths = ["data/*.jsonl"]', 'paths = ["data/eval.jsonl"]')
    project.run()
    assert ".gitattributes converts it" in place(project)["reason"]
    report = against(project.pack, clone_of(project, tmp_path / "clone"))
    assert (errors(report), outcome(report, "repo-data")) == ([], "not_checked")


def test_data_whose_patch_was_too_large_accuse_nobody(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.limits.MAX_PATCHED_BYTES", 10)
    clone = clone_of(project, tmp_path / "clone")
    write_rows(project.root / TRAIN, [{"prompt": f"p{i}", "answer": f"b{i}"} for i in range(9)])
    project.run()
    assert "no patch is kept" in place(project)["reason"]
    report = against(project.pack, clone)
    assert (errors(report), outcome(report, "repo-data")) == ([], "not_checked")


@pytest.fixture
def with_submodule(project: Project, tmp_path: Path) -> Project:
    """A project whose training data are in a submodule."""
    inner = Project(tmp_path / "inner")
    inner.root.mkdir()
    shutil.copyfile(project.root / TRAIN, inner.root / "train.jsonl")
    inner.git("init", "-q", "-b", "main")
    commit(inner)
    project.git("rm", "-q", TRAIN)
    project.git(
        "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.root), "sub"
    )
    project.edit(f'path = "{TRAIN}"', 'path = "sub/train.jsonl"')
    project.edit('paths = ["data/*.jsonl"]', 'paths = ["data/*.jsonl", "sub/*.jsonl"]')
    commit(project)
    return project


def test_data_and_promises_in_a_submodule_follow_its_commit(
    with_submodule: Project, tmp_path: Path
) -> None:
    result = with_submodule.run()
    assert place(with_submodule)["held_by"] == "submodule"
    (promise,) = with_submodule.read(layout.FROZEN)["sets"]
    assert [one["path"] for one in promise["files"]] == ["data/eval.jsonl", "sub/train.jsonl"]
    assert promise["equal_to_ref"] is True
    assert result.report.verdict == "INTACT"
    whole = clone_of(with_submodule, tmp_path / "whole", "--recurse-submodules")
    assert outcome(against(with_submodule.pack, whole), "repo-data") == "pass"
    bare = against(with_submodule.pack, clone_of(with_submodule, tmp_path / "bare"))
    assert (errors(bare), outcome(bare, "repo-data")) == ([], "not_checked")
    assert "submodule sub is not checked out" in reason(bare, "repo-data")


def test_what_was_changed_in_a_submodule_is_said_and_accuses_nobody(
    with_submodule: Project, tmp_path: Path
) -> None:
    rows = [{"prompt": f"p{i}", "answer": f"b{i}"} for i in range(9)]
    write_rows(with_submodule.root / "sub/train.jsonl", rows)
    with_submodule.run()
    assert "changed there" in place(with_submodule)["reason"]
    whole = clone_of(with_submodule, tmp_path / "whole", "--recurse-submodules")
    report = against(with_submodule.pack, whole)
    assert (errors(report), outcome(report, "repo-data")) == ([], "not_checked")


@pytest.mark.parametrize("given", sampled(["", "inner", "inner/data"], ["inner"]))
def test_a_project_below_the_top_is_found_from_the_top_too(given: str, tmp_path: Path) -> None:
    project = make_project(tmp_path / "repo" / "inner")
    shutil.rmtree(project.root / ".git")
    outer = Project(tmp_path / "repo")
    outer.git("init", "-q", "-b", "main")
    commit(outer)
    (project.root / "extra.py").write_text("print('x')\n")
    project.run()
    assert project.read(layout.GIT)["prefix"] == "inner/"
    clone = clone_of(outer, tmp_path / "clone")
    report = against(project.pack, clone / given)
    outcomes = {one.id: one.outcome for one in report.checks if one.id.startswith("repo-")}
    assert outcomes.pop("repo-model") == "not_checked"
    assert set(outcomes.values()) == {"pass"}, report.findings


def test_outside_of_the_clone_nothing_is_read(project: Project, tmp_path: Path) -> None:
    """A pack of a stranger may name any path: a pipe there would hang whoever reads it."""
    above(project, tmp_path)
    project.run()
    clone = clone_of(project, tmp_path / "there" / "clone")
    os.mkfifo(tmp_path / "there" / "far.jsonl")
    report = against(project.pack, clone)
    assert (errors(report), outcome(report, "repo-data")) == ([], "not_checked")


@pytest.mark.torch
@pytest.mark.full
def test_the_case_of_data_outside_git(tmp_path: Path) -> None:
    project, name = project_of("r17-data-outside-git", tmp_path)
    shutil.copytree(CASES / "c00-plain/data", project.root / "data")
    result = project.run(name)
    assert (result.status, result.report.verdict) == ("complete", "INTACT")
    assert any(one.code == "input-not-in-commit" for one in result.report.findings)
    report = against(result.pack, clone_of(project, tmp_path / "clone"))
    assert (errors(report), outcome(report, "repo-data")) == ([], "not_checked")
    assert outcome(against(result.pack, project.root), "repo-data") == "pass"
