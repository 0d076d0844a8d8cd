"""Laws of what is known of every stage before the first of them is begun."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence.errors import DataError, ExitCode, MilestoneError
from evidence.running import text_fit
from evidence.running.preflight import prepare
from evidence.verification.verification import verify_pack
from tests.command import evidence
from tests.stages.test_several import project, run

OWN = "train = { learning_rate = 0.0005 }"
SEES_NO_ANSWER = "train = { max_length = 4 }"


def with_edits(folder: Path, *edits: tuple[str, str]) -> Path:
    root = project(folder)
    path = root / "milestones/T5.toml"
    text = path.read_text("utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    return root


def untold(root: Path) -> list[str]:
    return [one for one in prepare(root, "T5", None).warnings if one.startswith("not checked")]


def test_a_later_stage_that_would_teach_nothing_is_refused_before_the_first_is_trained(
    tmp_path: Path,
) -> None:
    pytest.importorskip("tokenizers")
    root = with_edits(tmp_path / "p", (OWN, SEES_NO_ANSWER))
    for command in ("doctor", "run"):
        said = evidence(command, "T5", "--root", str(root))
        assert said.exit == ExitCode.USAGE
        assert "stage.1: stage B: the model would never be taught 'final_answer'" in (
            said.out + said.err
        )
    assert not (root / "runs").exists()


def test_it_is_refused_wherever_the_stage_begins(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    root = with_edits(tmp_path / "p", (OWN, SEES_NO_ANSWER), ('init = "stage:A"\n', ""))
    with pytest.raises(DataError, match="stage B: the model would never be taught"):
        prepare(root, "T5", None)


def test_a_text_of_a_later_stage_beyond_the_models_context_is_refused_before(
    tmp_path: Path,
) -> None:
    pytest.importorskip("tokenizers")
    root = with_edits(tmp_path / "p", ("max_length = 64", "max_length = 640"))
    rows = root / "rows.jsonl"
    long = rows.read_text("utf-8").replace("What is 200 + 2?", "What is 200 + 2? " * 60)
    rows.write_text(long, "utf-8")
    with pytest.raises(DataError, match=r"stage B: rows\.jsonl:23: the text has \d+ tokens"):
        prepare(root, "T5", None)


def test_what_cannot_be_seen_of_a_later_stage_is_said_not_to_be_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tokenizers")
    root = with_edits(tmp_path / "p", (OWN, SEES_NO_ANSWER))
    monkeypatch.setattr(text_fit, "MAX_ROWS", 15)  # A has more, B has 14
    with pytest.raises(DataError, match="stage B"):
        prepare(root, "T5", None)
    monkeypatch.setattr(text_fit, "MAX_ROWS", 0)
    (said,) = untold(root)
    assert "before stage B is reached" in said
    assert "too large" in said


def test_of_a_model_that_is_not_here_it_is_said_of_later_stages_alone(tmp_path: Path) -> None:
    here = 'config = "model"\ninit_seed = 3\ntokenizer = "model"'
    root = with_edits(tmp_path / "p", (here, 'id = "google/gemma-2b"'), (OWN, SEES_NO_ANSWER))
    (said,) = untold(root)
    assert "before stage B is reached" in said
    assert "the hub's" in said


def test_nothing_is_said_of_stages_that_were_looked_at(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    assert untold(with_edits(tmp_path / "p")) == []


@pytest.mark.torch
def test_of_a_set_that_is_asked_or_that_no_stage_takes_nothing_is_said_to_be_unknown(
    tmp_path: Path,
) -> None:
    more = """
[data.again]
path = "checks.jsonl"

[data.spare]
path = "rows.jsonl"
answer = ["final_answer"]
text = "{{ prompt }} {{ final_answer }}"

[train]
"""
    of = 'of = ["A", "B"]'
    root = with_edits(
        tmp_path / "p", ("\n[train]\n", more), (of, 'of = ["B"]\ndata = ["checks", "again"]')
    )
    assert run(root).returncode == 0
    report = verify_pack(root / "runs/T5")
    assert report.exit_code == 0
    assert not {"overlap-unknown", "conflicts-unknown"} & {one.code for one in report.findings}
    described = json.loads((root / "runs/T5/inputs.json").read_bytes())["data"]["spare"]
    assert described["overlap"] == {"unavailable": "no stage takes this data set"}
    assert described["num_conflicting_prompts"] == 0


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("half = 9", "the rows have: 1, 2"),
        ('half = "2"', "the rows have a number there: write half = 2"),
        ("halff = 2", "no row has a field 'halff' (did you mean 'half'?)"),
    ],
)
def test_rows_that_are_not_there_are_told_with_the_stage_that_asks_for_them(
    asked: str, says: str, tmp_path: Path
) -> None:
    root = with_edits(tmp_path / "p", ("half = 2", asked))
    with pytest.raises(
        MilestoneError, match=r"T5\.toml:\d+: stage\.1\.where: of stage 'B': "
    ) as refused:
        prepare(root, "T5", None)
    assert says in refused.value.message
