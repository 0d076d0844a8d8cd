"""Laws of what is not reproduced: why, what to do, and nothing touched."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import PackBrokenError, UsageError
from evidence.progress import Silent
from evidence.reproduce.reproduce import ReproduceOptions, reproduce
from evidence.running.signals import StopRequest
from tests.installed import take_away
from tests.project import Project
from tests.reproduce.rerun import assert_refused, rerun, state


def other_history(project: Project) -> None:
    shutil.rmtree(project.root / ".git")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "another history"]):
        project.git(*command)


def shallow(project: Project) -> None:
    project.git("commit", "-q", "--allow-empty", "-m", "later")
    origin = project.root.with_name("origin")
    (project.root / ".git").rename(origin)
    clone = project.root.with_name("clone")
    url = f"file://{origin}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", url, str(clone)], check=True)
    (clone / ".git").rename(project.root / ".git")
    shutil.rmtree(clone)


@pytest.mark.parametrize(
    ("change", "words"),
    [(other_history, "is not in"), (shallow, "shallow clone")],
)
def test_a_commit_that_is_not_there_is_named_with_what_to_do(
    change: Callable[[Project], None], words: str, ran: Project, temporary: Path
) -> None:
    change(ran)
    assert_refused(ran, temporary, words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Path.unlink, "there is no data/train-b.jsonl, of which the data set .data.train."),
        (lambda path: path.write_text("{}\n"), "data/train-b.jsonl has other bytes"),
    ],
    ids=["gone", "other"],
)
def test_of_a_set_of_several_files_the_one_that_is_not_as_it_was_is_named(
    change: Callable[[Path], object], words: str, project: Project, temporary: Path
) -> None:
    project.edit('path = "data/train.jsonl"', 'path = "data/train*.jsonl"')
    ignored = project.root / "data/train-b.jsonl"
    ignored.write_text('{"prompt": "more", "answer": "b"}\n', "utf-8")
    (project.root / ".gitignore").write_text("train-b.jsonl\n", "utf-8")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "several files")
    assert project.run().status == "complete"
    change(ignored)
    assert_refused(project, temporary, words)


def test_without_a_repository_nothing_starts(ran: Project) -> None:
    shutil.rmtree(ran.root / ".git")
    with pytest.raises(UsageError, match="not a git repository"):
        rerun(ran)


def test_a_dirty_tree_whose_patch_was_too_large_is_not_reproduced(
    project: Project, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.limits.MAX_PATCH_BYTES", 10)
    project.edit("seed = 7", "seed = 8")
    project.run()
    assert_refused(project, temporary, "holds no patch")


def test_a_failed_pack_has_nothing_to_reproduce(
    project: Project, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 4, "do": "raise"}')
    project.run()
    monkeypatch.delenv("EVIDENCE_STUB")
    assert_refused(project, temporary, "no completed attempt")


def test_a_backend_that_is_not_here_is_named_before_anything_is_made(
    ran: Project, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(monkeypatch)
    assert_refused(ran, temporary, "attempt stub cannot be run again here: there is no backend")


def test_a_pack_that_does_not_verify_is_not_run_again(ran: Project, temporary: Path) -> None:
    log = ran.pack / layout.TRAINING_LOG
    log.write_bytes(log.read_bytes() + b"more\n")
    before = state(ran, temporary)
    with pytest.raises(PackBrokenError, match=layout.TRAINING_LOG):
        rerun(ran)
    assert state(ran, temporary) == before


def test_git_that_is_absent_or_pointed_elsewhere_is_named_with_what_to_do(
    ran: Project, temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(ran, temporary)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(UsageError, match="git is not on PATH") as caught:
            rerun(ran)
        assert "Install git" in caught.value.hint
    with monkeypatch.context() as patch:
        patch.setenv("GIT_DIR", "/elsewhere")
        with pytest.raises(UsageError, match=r"GIT_DIR is set .*; unset it"):
            rerun(ran)
    assert state(ran, temporary) == before


def test_from_another_folder_the_clone_around_the_pack_is_named_but_not_taken(
    ran: Project, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    options = ReproduceOptions(project=elsewhere)
    with StopRequest() as stop, pytest.raises(UsageError) as caught:
        reproduce(ran.pack, options, Silent(), stop)
    assert "git init" not in caught.value.message  # that would not bring the commit
    assert caught.value.hint.endswith(f"--repo {ran.root.resolve()}")


def test_a_pack_that_is_not_there_or_not_finished_is_a_mistake_of_the_caller(
    ran: Project, temporary: Path
) -> None:
    with pytest.raises(UsageError, match="there is no pack"):
        rerun(ran, ran.runs / "T9")
    work = layout.work_dir(ran.runs, "T9")  # as a killed run leaves it
    (work / layout.STAGED).mkdir(parents=True)
    (work / layout.REMEMBERED).write_bytes(b"{}")
    before = state(ran, temporary)
    with pytest.raises(PackBrokenError, match="not a finished pack") as caught:
        rerun(ran, ran.runs / "T9")
    assert caught.value.hint
    assert state(ran, temporary) == before
