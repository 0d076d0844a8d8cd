"""E6, E7: odd numbers and odd surroundings: declared, never a NaN, never other bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import ExitCode, MilestoneError
from evidence.verification.verification import verify_pack
from tests.project import Project, make_project, write_rows
from tests.tiers import sampled

LONG = "x" * 255


def sound(project: Project) -> None:
    report = verify_pack(project.pack)
    assert [one for one in report.findings if one.severity in ("error", "refused")] == []
    for path in project.pack.rglob("*.json*"):
        assert b"NaN" not in path.read_bytes(), path


def test_a_loss_that_is_no_number_ends_the_attempt_and_stands_nowhere_in_the_evidence(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E6"""
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"stage": "train", "at": 1, "do": "nan"}))
    result = project.run()
    assert (result.exit_code, result.outcomes[0].outcome) == (ExitCode.UNFINISHED, "diverged")
    messages = result.outcomes[0].last_lines
    assert messages[-1] == "the loss of step 1 is nan"
    assert not [line for line in messages if "Traceback" in line], (
        "an outcome with a name is no bug"
    )
    sound(project)
    values = project.read(layout.RESULTS)["values"]
    assert values["train.loss_mean"]["value"] is None
    assert values["train.loss_mean"]["unavailable"] == "no attempt completed"


@pytest.mark.parametrize("name", ["train", "eval"])
def test_data_without_rows_are_refused_before_anything_is_started(
    name: str, project: Project
) -> None:
    """E6"""
    (project.root / f"data/{name}.jsonl").write_text("")
    with pytest.raises(MilestoneError, match="has no rows"):
        project.run()
    assert not project.runs.exists()


def test_a_pointer_of_git_lfs_is_not_taken_for_data(project: Project) -> None:
    """E3: LFS pointer."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
    (project.root / "data/train.jsonl").write_text(pointer)
    with pytest.raises(MilestoneError, match=r"data/train.jsonl: is a Git LFS pointer") as caught:
        project.run()
    assert "git lfs pull" in caught.value.hint
    assert not project.runs.exists()


@pytest.mark.parametrize("key", ["max_steps = 0", "epochs = 0"])
def test_no_steps_at_all_are_refused_by_key(key: str, project: Project) -> None:
    """E6"""
    project.edit("epochs = 2", key)
    with pytest.raises(MilestoneError, match=rf"train\.{key.split()[0]}"):
        project.run()


def test_one_step_and_one_question_are_a_whole_run_without_a_division_by_zero(
    project: Project,
) -> None:
    """E6: no interval of the loss table is full, so no loss ratio and no gate on it."""
    project.edit("epochs = 2", "max_steps = 1")
    project.edit("limit = 5", "limit = 1")
    result = project.run()
    assert result.attempt == "stub"
    assert result.gates[0].outcome in ("met", "not-met", "not-checked")
    sound(project)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The outcome digest of the project as everyone has it."""
    patch = pytest.MonkeyPatch()
    patch.setattr("evidence.capture.host._cpuinfo", dict)
    project = make_project(tmp_path_factory.mktemp("plain") / "project")
    project.run()
    patch.undo()
    return str(project.read(layout.MANIFEST)["outcome_sha256"])


def umask(mask: int) -> Callable[[pytest.MonkeyPatch, Path], None]:
    return lambda patch, folder: (os.umask(mask), None)[1]


def variables(**names: str) -> Callable[[pytest.MonkeyPatch, Path], None]:
    def act(patch: pytest.MonkeyPatch, folder: Path) -> None:
        for name, value in names.items():
            patch.setenv(name, value)

    return act


def elsewhere(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.chdir(folder)


def long_names(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setattr("socket.gethostname", lambda: f"{LONG}.example.org")
    patch.setattr("getpass.getuser", lambda: LONG)
    patch.setenv("HOME", f"/home/{LONG}")


def nobody(patch: pytest.MonkeyPatch, folder: Path) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    patch.setattr("getpass.getuser", unknown)
    patch.delenv("HOME")


SURROUNDINGS: dict[str, Callable[[pytest.MonkeyPatch, Path], None]] = {
    "umask 077": umask(0o077),
    "umask 000": umask(0o000),
    "locale": variables(LC_ALL="de_DE.ISO-8859-1", LANG="de_DE.ISO-8859-1"),
    "hash seed": variables(PYTHONHASHSEED="12345"),
    "time zone": variables(TZ="Pacific/Chatham"),
    "another folder": elsewhere,
    "long names": long_names,
    "a user without a name": nobody,
}
QUICK = ("umask 077", "locale", "another folder", "a user without a name")


@pytest.fixture
def mask() -> Iterator[None]:
    """The mask of this process, put back."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("mask")
@pytest.mark.parametrize("name", sampled(SURROUNDINGS, QUICK))
def test_surroundings_change_no_byte_of_the_outcome(
    name: str,
    outcome: str,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E7"""
    SURROUNDINGS[name](monkeypatch, tmp_path)
    assert project.run().exit_code == ExitCode.DONE
    sound(project)
    assert project.read(layout.MANIFEST)["outcome_sha256"] == outcome


def test_a_terminal_that_knows_only_ascii_changes_nothing_and_is_spared(
    outcome: str, project: Project
) -> None:
    """E7: names, data and messages beyond ASCII; no UTF-8 anywhere in the environment."""
    project.edit('title = "A test"', 'title = "Ein Prüfling — 試験"')
    write_rows(
        project.root / "data/extra.jsonl", [{"prompt": "ü", "answer": "試"}]
    )  # not read, but frozen
    project.git("add", "-A")
    project.git("commit", "-qm", "ü")
    ascii_only = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "evidence", "run", "T1", "--root", str(project.root)],
        cwd="/",
        env=os.environ | ascii_only,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    sound(project)
    assert project.read(layout.MANIFEST)["outcome_sha256"] == outcome
    assert "試験" in (project.pack / "t1_summary.md").read_text("utf-8")
