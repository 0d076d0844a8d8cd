"""What is fed, taught and scored is held against each other before the first step."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from evidence.errors import DataError, ExitCode
from evidence.running import text_fit
from evidence.running.preflight import prepare
from evidence.running.run import RunOptions, run_milestone
from evidence.running.scaffold import write_milestone
from evidence.running.signals import StopRequest
from evidence.verification.verification import verify_pack
from tests.cases import project_of
from tests.command import evidence
from tests.project import Project, rows


class Listening:
    """An observer that keeps what is said, and how many stages had begun by then."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, int]] = []
        self.steps = 0

    def message(self, text: str) -> None:
        self.messages.append((text, self.steps))

    def stage(self, attempt: str, stage: str, total: int, unit: str) -> None: ...

    def advance(self, done: int, total: int, note: str) -> None:
        self.steps += 1

    def stage_end(self) -> None: ...

    @property
    def warned(self) -> list[str]:
        return [text for text, steps in self.messages if "warning" in text and steps == 0]


def run(project: Project, name: str) -> tuple[Any, list[str]]:
    heard = Listening()
    with StopRequest() as stop:
        result = run_milestone(name, RunOptions(project.root, project.runs), heard, stop)
    return result, heard.warned


@pytest.mark.torch
@pytest.mark.full
def test_a_marker_that_is_neither_fed_nor_taught_is_warned_of(tmp_path: Path) -> None:
    project, name = project_of("r25-marker-never-taught", tmp_path)
    path = project.root / f"milestones/{name}.toml"
    path.write_text(path.read_text("utf-8").replace("epochs = 300", "epochs = 2"), "utf-8")
    result, warned = run(project, name)
    assert len(warned) == 1
    for text in ("Ada picks which colour?", "'Answer: '", "neither fed", "waits for 'Answer:'"):
        assert text in warned[0]
    report = verify_pack(result.pack)
    assert report.verdict == "INTACT"
    assert "form-differs" in {one.code for one in report.findings}
    assert "neither fed" in result.summary.read_text("utf-8")


@pytest.mark.torch
@pytest.mark.full
def test_the_probe_has_the_form_of_the_training_text(tmp_path: Path) -> None:
    project, name = project_of("r18c-control-no-blank", tmp_path)
    result, warned = run(project, name)
    assert warned == []
    before, after = (
        one["data"]["loss"]
        for one in rows(result.pack / "journal.jsonl")
        if one["event"] == "probe"
    )
    assert before > 5
    assert after < 0.1
    assert "form of the training text: `amber` after" in result.summary.read_text("utf-8")


@pytest.mark.torch
@pytest.mark.full
def test_a_blank_at_the_seam_that_training_never_saw_is_warned_of(tmp_path: Path) -> None:
    project, name = project_of("r18c-control-no-blank", tmp_path)
    path = project.root / f"milestones/{name}.toml"
    text = path.read_text("utf-8").replace('Answer:"', 'Answer: "').replace("= 300", "= 2")
    path.write_text(text, "utf-8")
    _, warned = run(project, name)
    assert len(warned) == 1
    assert "other tokens" in warned[0]


def with_a_context_of_six(tmp_path: Path) -> tuple[Project, str]:
    project, name = project_of("c00-plain", tmp_path)
    path = project.root / "model/config.json"
    text = path.read_text("utf-8")
    positions = '"max_position_embeddings": '
    assert positions in text
    path.write_text(text.replace(positions, f'{positions}6, "was": '), "utf-8")
    return project, name


def test_what_does_not_fit_the_model_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    project, name = with_a_context_of_six(tmp_path)
    with pytest.raises(DataError, match="the model's context is 6"):
        project.run(name)
    assert not project.runs.exists()


@pytest.mark.torch
@pytest.mark.full
def test_what_only_the_worker_sees_not_to_fit_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, name = with_a_context_of_six(tmp_path)
    monkeypatch.setattr(text_fit, "MAX_ROWS", 0)
    result, _ = run(project, name)
    assert result.outcomes[0].outcome == "bad-data"
    assert "context is 6" in result.outcomes[0].reason


@pytest.mark.parametrize("max_length", [5, 20, 30])
def test_answers_that_are_all_cut_away_are_refused_by_doctor_and_run_alike(
    max_length: int, tmp_path: Path
) -> None:
    pytest.importorskip("tokenizers")
    project, name = project_of("c00-plain", tmp_path)
    path = project.root / f"milestones/{name}.toml"
    text, count = re.subn(
        r"max_length = \d+", f"max_length = {max_length}", path.read_text("utf-8")
    )
    assert count == 1
    path.write_text(text, "utf-8")
    with pytest.raises(DataError) as refused:
        project.run(name)
    assert not project.runs.exists()
    said = evidence("doctor", name, "--root", str(project.root))
    assert said.exit == ExitCode.USAGE
    assert refused.value.message in said.err + said.out


def test_our_own_starter_milestones_teach_what_they_score(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    source = write_milestone(tmp_path, "N1").read_text("utf-8")
    project = Project(tmp_path)
    for folder in ("data", "models"):
        shutil.copytree(root / "milestones" / folder, tmp_path / "milestones" / folder)
    project.git("init", "-q", "-b", "main")
    project.git("commit", "-q", "--allow-empty", "-m", "x")
    assert 'text = "{{ prompt }}\\nAnswer:\\n{{ final_answer }}"' in source
    assert prepare(tmp_path, "N1", None).warnings == ()
