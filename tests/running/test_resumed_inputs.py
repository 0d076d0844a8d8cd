"""Laws of a run that goes on: with what it began with, or not at all, and then nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evidence.attempt.reported import Reported
from evidence.encoding.digest import sha256_hex
from evidence.errors import ExitCode, UsageError
from evidence.milestone.parse import parse_milestone
from evidence.records.availability import Unavailable
from evidence.records.inputs import FileDigest, ModelRecord, TokenizerRecord
from evidence.running.unchanged import changed, said_now
from evidence.verification.verification import verify_pack
from tests.project import Project
from tests.running.test_recovery import killed, start, wait_for

EDITED = ("data/train.jsonl", "data/eval.jsonl", "model/tokenizer.json")


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_hex(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def half(project: Project) -> Project:
    """A run that was killed after its first checkpoint."""
    process = start(project)
    wait_for(project, "checkpoint")
    killed(process, project)
    return project


def test_a_run_goes_on_only_with_the_inputs_it_began_with(half: Project) -> None:
    work = half.runs / ".work/T1"
    before = tree(work)
    for name in EDITED:
        path = half.root / name
        was = path.read_bytes()
        path.write_bytes(was.replace(b"p3", b"p33").replace(b"q3", b"q33") + b" \n")
        with pytest.raises(UsageError) as refused:
            half.run(resume=True)
        assert refused.value.exit_code == ExitCode.USAGE
        assert name in refused.value.message
        assert "--resume" in (refused.value.hint or "")
        assert tree(work) == before, name
        path.write_bytes(was)
    (half.root / "data/eval.jsonl").rename(half.root / "data/gone.jsonl")
    with pytest.raises(UsageError, match=r"data/eval.jsonl \(\[data.eval\]\) is gone"):
        half.run(resume=True)
    (half.root / "data/gone.jsonl").rename(half.root / "data/eval.jsonl")
    assert tree(work) == before
    result = half.run(resume=True)
    assert (result.status, verify_pack(result.pack).verdict) == ("complete", "INTACT")


def test_what_the_file_says_now_and_the_run_does_not_use_is_said(project: Project) -> None:
    path = project.root / "milestones/T1.toml"
    then = parse_milestone(path.read_bytes())
    assert list(said_now(project.root, then)) == []
    project.edit("learning_rate = 0.01", "learning_rate = 0.5")
    project.edit('schema = "milestone.v1"', 'schema = "milestone.v1"  # a comment alone')
    (line,) = said_now(project.root, then)
    assert "train.learning_rate = 0.5 now" in line
    assert "goes on with 0.01" in line
    path.write_text("[", "utf-8")
    (line,) = said_now(project.root, then)
    assert "cannot be read as it is now" in line


def test_what_a_worker_loads_is_held_against_what_the_one_before_it_loaded() -> None:
    def told(**changes: Any) -> Reported:
        values = {"id": "m", "sha256": "a" * 64, "vocab_size": 9, "adds_bos": True}
        values |= {"adds_eos": False, "special_tokens": (), "chat_template": None, **changes}
        return Reported(tokenizer=TokenizerRecord(**values))

    assert list(told().differences(Reported())) == []
    assert list(told().differences(told())) == []
    (line,) = told(vocab_size=10).differences(told())
    assert line == "vocab_size of the tokenizer is 10 now, and was 9"


def test_each_file_of_a_model_is_held_against_what_it_was(project: Project) -> None:
    path = project.root / "model/config.json"
    files = tuple(
        FileDigest(f"model/{one.name}", sha256_hex(one.read_bytes()), one.stat().st_size)
        for one in sorted((project.root / "model").iterdir())
    )
    model = ModelRecord(
        "model", "random", None, Unavailable("random"), 1, "a" * 64, files, 9, 3, "float32"
    )

    def found() -> list[str]:
        return list(changed(project.root, {}, None, Reported(model=model)))

    assert found() == []
    path.write_text("{ }", "utf-8")
    (line,) = found()
    assert line.startswith("model/config.json has the digest")
    path.unlink()
    (project.root / "model/added.txt").write_text("new", "utf-8")
    assert found() == [
        "model/config.json is gone",
        "model/added.txt was not there when the run began",
    ]
