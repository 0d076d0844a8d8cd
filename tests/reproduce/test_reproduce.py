"""Laws of reproducing: the recorded run again, the user's tree untouched, nothing left behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evidence import layout
from evidence.capture.repository import Repository
from evidence.cli.reproduce import command as reproduce_command
from evidence.encoding import jsonio
from evidence.errors import DurabilityError, ExitCode, StoppedError, UsageError
from evidence.publish.index import index_differs
from evidence.publish.summaries import render_all
from evidence.records.availability import Unavailable
from evidence.records.comparison import DifferenceRecord
from evidence.reproduce.this_machine import announce
from evidence.verification.verification import open_verified, verify_pack
from tests.project import Project, make_project, write_rows
from tests.reproduce.messages import Messages
from tests.reproduce.rerun import assert_refused, rerun, state


def test_a_clean_tree_is_reproduced_bit_for_bit(ran: Project, temporary: Path) -> None:
    before = state(ran, temporary)
    result = rerun(ran)
    assert (result.record.verdict, result.asked) == ("bitwise", "bitwise")
    assert result.exit_code is ExitCode.DONE
    assert result.record.causes == ()
    after = state(ran, temporary)
    for key in before.keys() - {"files"}:
        assert before[key] == after[key]
    names = {path.name for path in ran.runs.iterdir()}
    assert names == {"T1", result.pack.name, ".work", ".gitattributes", ".gitignore", "README.md"}
    assert [path.name for path in (ran.runs / ".work").iterdir()] == ["T1.lock"]


def test_the_new_pack_verifies_and_names_the_original_as_its_parent(ran: Project) -> None:
    original = open_verified(ran.pack)
    result = rerun(ran)
    second = open_verified(result.pack)
    assert second.report.verdict == "INTACT"
    assert result.pack.name == f"T1-reproduced-{original.root_sha256[:12]}"
    first, manifest = original.documents.manifest, second.documents.manifest
    assert first is not None
    assert manifest is not None
    (parent,) = manifest.parents
    assert (parent.root_sha256, parent.relation) == (original.root_sha256, "reproduces")
    assert manifest.outcome_sha256 == first.outcome_sha256
    assert manifest.commit == first.commit


def test_the_seal_of_the_original_stays_and_its_summary_says_what_was_added(ran: Project) -> None:
    seal = (ran.pack / layout.SUMS).read_bytes()
    result = rerun(ran)
    assert (ran.pack / layout.SUMS).read_bytes() == seal
    summary = (ran.pack / "t1_summary.md").read_text("utf-8")
    (line,) = [line for line in summary.splitlines() if line.startswith("**Added after sealing**")]
    assert "reproduced bitwise on 2" in line
    assert result.record.reproduction.root_sha256[:12] in line
    assert render_all([ran.pack], check=True)[0].changed == ()
    assert verify_pack(ran.pack).verdict == "INTACT"
    assert not index_differs(ran.runs)
    assert "bitwise by" in (ran.runs / "README.md").read_text("utf-8")


def test_a_dirty_tree_is_reproduced_with_its_patch_whatever_became_of_it(
    project: Project, temporary: Path
) -> None:
    rows = [{"prompt": f"new {i}", "answer": "ä\r"} for i in range(9)]
    write_rows(project.root / "data/train.jsonl", rows)
    (project.root / "untracked.bin").write_bytes(bytes(range(256)))
    project.edit("seed = 7", "seed = 11")
    project.run()
    project.git("checkout", "-q", "--", ".")
    (project.root / "untracked.bin").unlink()
    write_rows(project.root / "data/train.jsonl", [{"prompt": "later", "answer": "x"}])
    project.git("add", "data")
    project.git("commit", "-q", "-m", "later")
    before = state(project, temporary)
    result = rerun(project)
    assert result.record.verdict == "bitwise"
    after = state(project, temporary)
    assert {**before, "files": 0} == {**after, "files": 0}  # runs/ as a whole is untracked here
    assert jsonio.load_document((result.pack / layout.GIT).read_bytes())["start"]["dirty"] is True


def test_a_project_below_the_top_of_its_repository_is_reproduced(tmp_path: Path) -> None:
    project = make_project(tmp_path / "outer/inner")
    shutil.rmtree(project.root / ".git")
    outer = Project(tmp_path / "outer")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        outer.git(*command)
    project.run()
    assert rerun(project).record.verdict == "bitwise"


def test_data_that_git_ignores_are_taken_from_the_project_with_the_recorded_bytes(
    project: Project, temporary: Path
) -> None:
    (project.root / ".gitignore").write_text("/data/\n/model/\n")
    project.edit('[[frozen]]\nname = "data"\npaths = ["data/*.jsonl"]\nref = "HEAD"\n', "")
    project.git("rm", "-rq", "--cached", "data", "model")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "data are not in git")
    project.run()
    assert rerun(project).record.verdict == "bitwise"
    write_rows(project.root / "data/train.jsonl", [{"prompt": "p", "answer": "other"}])
    assert_refused(project, temporary, "other bytes")
    (project.root / "data/train.jsonl").unlink()
    assert_refused(project, temporary, "no data/train.jsonl")


def test_being_stopped_leaves_nothing_behind(ran: Project, temporary: Path) -> None:
    before = state(ran, temporary)
    with pytest.raises(StoppedError, match="nothing of the run in progress is kept"):
        rerun(ran, stop_level=1)
    assert state(ran, temporary) == before


def test_git_that_a_ctrl_c_ended_is_a_stop_and_no_mistake_of_the_caller(
    ran: Project, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = Repository.attempt

    def killed(asked: Repository, *args: str, **options: Any) -> bytes | Unavailable:
        adds = args[:2] == ("worktree", "add")
        return Unavailable("it was killed") if adds else attempt(asked, *args, **options)

    monkeypatch.setattr(Repository, "attempt", killed)
    before = state(ran, temporary)
    with pytest.raises(UsageError, match="cannot check out"):
        rerun(ran)
    with pytest.raises(StoppedError) as caught:
        rerun(ran, stop_level=1)
    assert caught.value.exit_code == 130
    assert state(ran, temporary) == before


def test_a_fault_of_ours_leaves_nothing_behind(
    ran: Project, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError("no space")

    before = state(ran, temporary)
    monkeypatch.setattr("evidence.running.publishing.seal_staging", full_disk)
    with pytest.raises(DurabilityError, match="no space"):
        rerun(ran)
    assert state(ran, temporary) == before


def test_a_second_run_that_fails_is_different_and_says_so_first(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 4, "do": "raise"}')
    result = rerun(ran)
    assert (result.record.verdict, result.exit_code) == ("different", ExitCode.FINDINGS)
    assert result.record.causes[0].cause == "failed"
    assert "told to raise" in result.record.causes[0].explanation
    assert verify_pack(result.pack).verdict == "UNFINISHED"
    assert verify_pack(ran.pack).verdict == "INTACT"


def test_each_reproduction_has_its_own_pack_and_its_own_line(ran: Project) -> None:
    first, second = rerun(ran), rerun(ran)
    assert second.pack.name == f"{first.pack.name}-2"
    assert len(list((ran.pack / layout.ATTACHED).iterdir())) == 2
    summary = (ran.pack / "t1_summary.md").read_text("utf-8")
    assert summary.count("reproduced bitwise") == 2
    assert verify_pack(second.pack).verdict == "INTACT"


def test_the_worktree_stays_where_asked_for(ran: Project) -> None:
    result = rerun(ran, keep=True)
    assert result.worktree is not None
    assert (result.worktree / "milestones/T1.toml").is_file()
    assert str(result.worktree) in ran.git("worktree", "list")


def test_the_reports_last_words_are_those_of_the_tier_asked_for(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows are no reproduction for one who asked for close losses."""

    def words(*arguments: str) -> tuple[int, str]:
        command = [str(ran.pack), "--repo", str(ran.root), *arguments]
        result = CliRunner().invoke(reproduce_command, command)
        return result.exit_code, result.stdout

    code, printed = words()
    assert code == 0
    assert "REPRODUCED bitwise" in printed
    assert "asked for    bitwise (the default: the environments are equal" in printed
    assert "reached      bitwise, same-stream, numerically-close, statistically-con" in printed
    monkeypatch.setenv("EVIDENCE_STUB", '{"do": "shift", "by": 0.01}')
    for tier, exit_code in (("bitwise", 1), ("numerically-close", 1), ("same-stream", 0)):
        code, printed = words("--tier", tier)
        assert code == exit_code
        assert f"{'NOT ' * exit_code}REPRODUCED {tier}" in printed
        assert "reached      same-stream\n" in printed
        assert f"asked for    {tier}\n" in printed
    summary = (ran.pack / "t1_summary.md").read_text("utf-8")
    assert "run again with the same rows, but losses beyond the tolerance" in summary


def test_the_command_exits_by_tier_and_by_what_is_missing(ran: Project) -> None:
    command = [
        sys.executable,
        "-m",
        "evidence",
        "reproduce",
        str(ran.pack),
        "--repo",
        str(ran.root),
    ]
    done = subprocess.run([*command, "--tier", "bitwise"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "REPRODUCED bitwise" in done.stdout
    shutil.rmtree(ran.root / ".git")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "not a git repository" in done.stderr


def test_weights_that_were_withheld_are_not_needed(project: Project) -> None:
    publish = '[publish]\nwithhold = ["training_output/final_model/*.safetensors"]\nreason = "r"\n'
    project.edit("[narrative]", f"{publish}\n[narrative]")
    project.run()
    (weights,) = (project.pack / layout.FINAL_MODEL).glob("*.safetensors")
    weights.unlink()
    assert rerun(project).record.verdict == "bitwise"


def test_what_computes_is_announced_line_by_line_and_the_rest_in_one() -> None:
    messages = Messages()
    names = ["torch", *(f"tool-{i}" for i in range(30))]
    announce(tuple(DifferenceRecord(f"package.{name}", ("1", "2")) for name in names), messages)
    first, second = messages.lines
    assert first == "differs here: package.torch: recorded 1, here 2"
    assert "tool-5 and 24 more" in second
    messages.lines.clear()
    announce((), messages)
    assert "is the recorded one" in messages.lines[0]
