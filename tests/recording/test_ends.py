"""How a program ends is told as it was: its own words, its status, its signal, no guess of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence.errors import WorkerLostError
from tests.recording.programs import PYTHON, Recorded, make_repository, program, record, run

ALONE = (PYTHON, "-I")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


def outcome(made: Recorded) -> Any:
    """How the attempt ended."""
    (found,) = made.pack.rglob("outcome.json")
    return json.loads(found.read_bytes())


def is_honest(made: Recorded) -> bool:
    """Whether verify finds a failed run that is as it says."""
    return made.verified().verdict == "UNFINISHED"


@pytest.mark.parametrize("status", [1, 3, 143])
def test_a_status_is_the_program_s_and_its_log_holds_its_own_words_alone(
    root: Path, status: int
) -> None:
    made = record(root, ["sh", "-c", f"echo mine; exit {status}"])
    ended = outcome(made)
    assert (ended["exit_status"], ended["signal"]) == (status, None)
    assert ended["reason"] == f"the program ended with status {status}"
    assert made.log == "mine\n"
    assert is_honest(made)


def test_a_status_that_the_reason_does_not_name_is_found(root: Path) -> None:
    made = record(root, ["sh", "-c", "exit 3"])
    (path,) = made.pack.rglob("outcome.json")
    path.write_text(path.read_text("utf-8").replace('"exit_status": 3', '"exit_status": 1'))
    assert "another exit status than the reason names" in {
        one.message for one in made.verified().findings
    }


def test_a_crash_is_the_program_s_and_no_worker_s(root: Path) -> None:
    made = record(root, ["sh", "-c", "echo mine; kill -SEGV $$"])
    ended = outcome(made)
    assert (ended["exit_status"], ended["signal"]) == (None, 11)
    assert ended["reason"] == "the program was killed by SIGSEGV (a crash in native code)"
    assert is_honest(made)


def test_who_kills_a_program_is_not_guessed(root: Path) -> None:
    with pytest.raises(WorkerLostError) as lost:
        record(root, ["sh", "-c", "echo mine; kill -KILL $$"])
    assert lost.value.message.startswith("the program was killed by SIGKILL (by whom is not known")
    made = run(root, close=True)
    assert made.log == "mine\n"
    assert is_honest(made)


def test_a_file_that_cannot_be_run_says_so_outside_of_the_log(root: Path) -> None:
    path = root / "odd"
    path.write_text("#!/no/such/interpreter\n", encoding="utf-8")
    path.chmod(0o755)
    made = record(root, ["./odd"])
    assert outcome(made)["outcome"] == "requirement-not-met"
    assert "'./odd' cannot be run" in outcome(made)["reason"]
    assert not list(made.pack.rglob("program_log.txt"))
    assert is_honest(made)


def test_a_program_of_the_home_folder_is_no_lie(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setenv("USER", "somebody")
    script = program(root, "process()\nstep(1)\n")[1]
    made = record(root, [*ALONE, str(root / script), "odd \x1b[1m\twords\n" + "x" * 5000])
    report = made.verified()
    assert report.verdict == "INTACT", report.findings
    assert made.read("program/program.json")["command"][-2] == str(root / script)


def test_the_summary_of_one_that_failed_does_not_say_that_nothing_was_trained(root: Path) -> None:
    made = record(root, [*ALONE, program(root, "process()\nstep(1)\nraise SystemExit(3)\n")[1]])
    summary = made.summary()
    assert "Nothing was trained" not in summary
    assert "The recorded attempt did not complete: the program ended with status 3" in summary
    assert list(made.pack.glob("attempts/*/program/steps.jsonl"))
