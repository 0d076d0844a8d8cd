"""Laws of what a training was brought to in an attempt that did not complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.running.run import RunOptions, run_milestone
from evidence.running.signals import StopRequest
from tests.cases.test_seams import Listening
from tests.project import Project, rows

FAILING_EVALUATION = '{"stage": "eval", "at": 1, "do": "raise"}'


def failed(project: Project, stub: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said by a run that fails."""
    monkeypatch.setenv("EVIDENCE_STUB", stub)
    heard = Listening()
    with StopRequest() as stop:
        options = RunOptions(project.root, project.runs, again=project.pack.exists())
        assert run_milestone("T1", options, heard, stop).status == "failed"
    return [text for text, _ in heard.messages]


def kept(project: Project) -> list[Path]:
    place = project.runs / layout.WORK / layout.WEIGHTS_KEPT
    return sorted(place.iterdir()) if place.exists() else []


def test_weights_of_a_training_whose_evaluation_fails_are_kept_and_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = failed(project, FAILING_EVALUATION, monkeypatch)
    (place,) = kept(project)
    assert any(f"the weights that the training left are kept in {place}" in one for one in said)
    saved = next(
        one for one in rows(project.pack / layout.JOURNAL) if one["event"] == "final-model"
    )
    for file in saved["data"]["files"]:
        found = place / "attempt-01-stub" / file["path"]
        assert sha256_hex(found.read_bytes()) == file["sha256"]
    assert not (project.pack / layout.attempt_dir(1, "stub") / layout.FINAL_MODEL).exists()


def test_those_of_a_later_run_of_the_same_name_lie_beside_them(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed(project, FAILING_EVALUATION, monkeypatch)
    before = kept(project)
    failed(project, FAILING_EVALUATION, monkeypatch)
    assert len(kept(project)) == 2
    assert set(before) < set(kept(project))


def test_of_a_training_that_did_not_come_to_its_end_nothing_is_kept(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = failed(project, '{"stage": "train", "at": 3, "do": "raise"}', monkeypatch)
    assert kept(project) == []
    assert not any("weights" in one for one in said)
