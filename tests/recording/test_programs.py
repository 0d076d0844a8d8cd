"""Laws of programs as they are: what they do to their output, their spool and themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence.errors import EvidenceError
from tests.recording.programs import PYTHON, make_repository, program, record, run

ALONE = (PYTHON, "-I")
"""Without hooks: the program tells of itself."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


def test_a_program_that_tells_five_steps_is_recorded_with_them(root: Path) -> None:
    script = program(root, "process()\nfor n in range(1, 6): step(n, 1 / n)\n")[1]
    made = record(root, [*ALONE, script])
    assert (made.result.status, made.verified().verdict) == ("complete", "INTACT")
    assert [one["loss"] for one in made.steps] == [1 / n for n in range(1, 6)]


@pytest.mark.parametrize("words", [
    ["sh", "-c", "echo hello"], [PYTHON, "-I", "-c", "print('hello', end='')"],
    ["sh", "-c", "echo hello; yes & sleep 0.1"], ["sh", "-c", "echo hello; sleep 60 &"],
    ["sh", "-c", "cd /; cat; echo hello"],
    ["sh", "-c", "printf 'a\\rb\\rhello\\n\\377\\000\\n'"]])  # fmt: skip
def test_what_is_not_python_is_recorded_and_said_to_be_unseen(root: Path, words: list[str]) -> None:
    made = record(root, words)
    assert made.verified().verdict == "INTACT"
    assert made.result.status == "complete"
    assert "hello" in made.log
    assert [what for what, _ in made.not_seen] == ["everything"]


def test_a_program_that_ends_with_3_leaves_its_steps(root: Path) -> None:
    script = program(root, "process()\nstep(1)\nraise SystemExit(3)\n")[1]
    made = record(root, [*ALONE, script])
    assert (made.result.status, made.verified().verdict) == ("failed", "UNFINISHED")
    (rows,) = made.pack.rglob("steps.jsonl")
    assert [json.loads(line)["loss"] for line in rows.read_text("utf-8").splitlines()] == [0.5]


@pytest.mark.parametrize("number", [9, 15])
def test_a_program_that_a_signal_ends_can_be_closed_with_its_steps(root: Path, number: int) -> None:
    script = program(root, f"process()\nstep(1)\nos.kill(os.getpid(), {number})\n")[1]
    with pytest.raises(EvidenceError):
        record(root, [*ALONE, script])
    made = run(root, close=True)
    assert (made.result.status, made.verified().verdict) == ("failed", "UNFINISHED")
    (rows,) = made.pack.rglob("steps.jsonl")
    assert [json.loads(line)["loss"] for line in rows.read_text("utf-8").splitlines()] == [0.5]


def test_one_that_is_gone_on_with_keeps_the_steps_of_both_times(root: Path) -> None:
    source = "process()\nstep(1)\nif not os.path.exists('once'):\n"
    source += "    open('once', 'w').close(); os.kill(os.getpid(), 9)\n"
    with pytest.raises(EvidenceError):
        record(root, [*ALONE, program(root, source)[1]])
    made = run(root, resume=True)
    assert (made.result.status, made.verified().verdict) == ("complete", "INTACT")
    assert [one["segment"] for one in made.steps] == [1, 2]


def test_one_that_makes_no_step_the_second_time_is_accused_of_nothing(root: Path) -> None:
    source = "process()\nif not os.path.exists('once'):\n    step(1)\n"
    source += "    open('once', 'w').close(); os.kill(os.getpid(), 9)\n"
    with pytest.raises(EvidenceError):
        record(root, [*ALONE, program(root, source)[1]])
    made = run(root, resume=True)
    assert (made.result.status, made.verified().verdict) == ("complete", "INTACT")


HOSTILE = {
    "random bytes": "open(place, 'wb').write(os.urandom(100_000))",
    "one long line": "open(place, 'wb').write(b'a' * 5_000_000)",
    "deep JSON": "open(place, 'wb').write(b'[' * 100_000 + b'\\n')",
    "wrong types": "process(); tell('step', num='one'); tell('opened', path=7); tell('odd')",
    "a pipe": "os.mkfifo(place)",
    "a link": "os.symlink('/dev/zero', place)",
    "a folder": "os.mkdir(place)",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_stands_in_the_spool_is_named_and_nothing_breaks(root: Path, what: str) -> None:
    script = program(root, HOSTILE[what] + "\nprint('done')\n")[1]
    made = record(root, [*ALONE, script])
    assert made.result.status == "complete"
    assert made.verified().verdict == "INTACT"
    assert made.log == "done\n"
    assert any(name in ("a part of what was told", "an event") for name, _ in made.not_seen)


@pytest.mark.parametrize("pattern", ["**x", "[", "../*", "no/such", "**/*.none"])
def test_an_odd_pattern_matches_nothing_and_loses_nothing(root: Path, pattern: str) -> None:
    made = record(root, ["sh", "-c", "echo hello"], collect=(pattern,))
    assert made.result.status == "complete"
    assert made.read("program/files.json")["collected"] == []


def test_a_file_with_a_secret_is_named_and_not_kept(root: Path) -> None:
    halves = ("ghp_" + "a1B2" * 4, "a1B2" * 5)
    text = f"mkdir o; printf %s%s {halves[0]} {halves[1]} > o/a; echo 1 > o/b"
    made = record(root, ["sh", "-c", text], collect=("o/*",))
    held = b"".join(one.read_bytes() for one in made.pack.rglob("*") if one.is_file())
    assert "".join(halves).encode() not in held
    kept = {one["path"]: one["kept_as"] for one in made.read("program/files.json")["collected"]}
    assert kept == {"o/a": None, "o/b": "o/b"}
