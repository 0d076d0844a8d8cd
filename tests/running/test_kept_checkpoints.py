"""Laws of checkpoints that are to be kept: refused where no replay could begin, and else there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence import layout
from evidence.capture.host import capture_cpu, capture_hardware
from evidence.errors import EvidenceError, ExitCode, MilestoneError, UsageError
from evidence.milestone.parse import read_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.overrides import Setting
from evidence.running.doctor import diagnose
from evidence.running.kept_checkpoints import problem_of
from evidence.running.kept_fit import kept_problems
from evidence.running.preflight import prepare
from evidence.running.run import RunOptions, run_milestone
from evidence.running.signals import StopRequest
from evidence.verification.verification import verify_pack
from tests.cases.test_seams import Listening
from tests.project import Project, rows

PROGRAM = b"""schema = "milestone.v1"
id = "R1"
title = "A program"
kind = "recorded-program"
objective = "Recorded."

[command]
run = ["python", "train.py"]

[[attempt]]
name = "here"
backend = "command"

[publish]
keep_checkpoints = [5]
"""
PUBLISH = "[publish]\nkeep_checkpoints = [5]\n\n[narrative]"


def event(project: Project) -> dict[str, object]:
    found = [
        one for one in rows(project.pack / layout.JOURNAL) if one["event"] == "checkpoints-kept"
    ]
    (one,) = found
    data: dict[str, object] = one["data"]
    return data


def ran(project: Project, **options: bool) -> list[str]:
    heard = Listening()
    with StopRequest() as stop:
        run_milestone("T1", RunOptions(project.root, project.runs, **options), heard, stop)
    return [text for text, _ in heard.messages]


def places(project: Project) -> list[Path]:
    return sorted((project.runs / layout.CHECKPOINTS_KEPT).glob("*/*"))


def test_a_kept_checkpoint_lies_beside_the_pack_and_git_sees_nothing_of_it(
    project: Project,
) -> None:
    project.edit("[narrative]", PUBLISH)
    said = ran(project)
    (place,) = places(project)
    assert any(f"the checkpoint after step 5 is kept: {place}" in one for one in said)
    assert list(place.iterdir())
    assert verify_pack(project.pack).exit == 0
    seen = project.git("status", "--porcelain", "--untracked-files=all")
    assert layout.CHECKPOINTS_KEPT not in seen
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    assert f"runs/.checkpoints/T1/{place.name}" in summary


def test_without_being_asked_for_nothing_is_kept_or_told(project: Project) -> None:
    ran(project)
    assert places(project) == []
    assert not (project.runs / layout.CHECKPOINTS_KEPT).exists()
    assert "checkpoints-kept" not in (project.pack / layout.JOURNAL).read_text("utf-8")


def test_a_run_that_fails_keeps_none_and_says_so(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit("[narrative]", PUBLISH)
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "eval", "at": 1, "do": "raise"}')
    said = ran(project)
    assert places(project) == []
    assert any("the checkpoint after step 5 is not kept: no attempt" in one for one in said)
    assert verify_pack(project.pack).exit is ExitCode.UNFINISHED
    assert event(project)["kept"] == []


def test_a_second_run_to_the_same_bytes_has_one_place_with_the_first(project: Project) -> None:
    project.edit("[narrative]", PUBLISH)
    ran(project)
    first = event(project)
    ran(project, again=True)
    assert event(project) == first
    assert len(places(project)) == 1


def test_it_may_be_asked_for_on_the_command_line(project: Project) -> None:
    project.run(settings=(Setting("publish.keep_checkpoints", (5,)),))
    assert len(places(project)) == 1
    assert verify_pack(project.pack).exit == 0


def refused(project: Project) -> str:
    """The sentence of preflight, which is the doctor's too; nothing was made."""
    with pytest.raises(MilestoneError) as caught:
        prepare(project.root, "T1", None)
    with pytest.raises(MilestoneError):
        project.run()
    assert not project.runs.exists()
    hardware = capture_hardware(project.root, capture_cpu(), (), None, None)
    found = diagnose(project.root, project.runs, "T1", hardware).problem
    assert found is not None
    assert found.message == caught.value.message
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([("[5]", "[4]")], "writes no checkpoint after step 4: one comes every 5 steps"),
        ([("[5]", "[10]")], "no step follows step 10: the training of the attempt 'stub' has 10"),
        ([("[5]", "[5, 5]")], "names step 5 twice"),
        ([("checkpoint_every_steps = 5", "checkpoint_every_steps = 0")], "writes no checkpoint: "),
        ([('backend = "stub"', 'backend = "tunix"')], "whose checkpoints no replay begins from"),
    ],
)
def test_what_no_step_could_be_replayed_from_is_refused_before_a_run_and_by_the_doctor(
    project: Project, edits: list[tuple[str, str]], said: str
) -> None:
    project.edit("[narrative]", PUBLISH)
    for old, new in edits:
        project.edit(old, new)
    assert f"publish.keep_checkpoints: {said}" in refused(project) or said in refused(project)


def test_a_program_of_somebody_else_has_no_checkpoint_to_keep() -> None:
    milestone, _ = read_milestone(PROGRAM)
    ((_, said, _),) = kept_problems(milestone, plan_attempts(milestone), {})
    assert "is of a training with [train], and this milestone has none" in said


def test_one_that_is_lost_before_the_seal_is_told_with_the_reason(project: Project) -> None:
    assert problem_of(project.root / "nothing", ()) == f"{project.root / 'nothing'} is gone"
    shutil.copytree(project.root / "data", project.root / "more")
    assert "is nothing that was saved with it" in (problem_of(project.root / "more", ()) or "")


def test_a_place_that_is_no_folder_here_is_refused_before_a_run(
    project: Project, tmp_path: Path
) -> None:
    project.edit("[narrative]", PUBLISH)
    project.runs.mkdir()
    place = project.runs / layout.CHECKPOINTS_KEPT
    for put in (lambda: place.write_text("in the way"), lambda: place.symlink_to(tmp_path)):
        put()
        with pytest.raises(UsageError, match="nothing was started"):
            project.run()
        assert not project.pack.exists()
        assert not layout.is_unfinished(layout.work_dir(project.runs, "T1"))
        place.unlink()
    project.run()
    assert len(places(project)) == 1


def test_a_run_that_is_closed_with_damage_says_that_none_is_kept(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit("[narrative]", PUBLISH)
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 7, "do": "kill"}')
    with pytest.raises(EvidenceError):
        project.run()
    work = layout.work_dir(project.runs, "T1")
    (work / layout.STAGED / layout.GIT).write_bytes(b"damaged")
    said = ran(project, close=True)
    assert any("no checkpoint is kept: the run was closed with damage" in one for one in said)
    assert places(project) == []
    checks = {one.id: one for one in verify_pack(project.pack).checks}
    assert checks["kept-checkpoints"].outcome == "not_checked"


def test_a_run_that_is_closed_in_its_midst_keeps_none_and_its_pack_says_so(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit("[narrative]", PUBLISH)
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 7, "do": "kill"}')
    with pytest.raises(EvidenceError):
        project.run()
    said = ran(project, close=True)
    assert any("is not kept: no attempt completed" in one for one in said)
    assert event(project)["kept"] == []
    checks = {one.id: one for one in verify_pack(project.pack).checks}
    assert checks["kept-checkpoints"].outcome == "pass"
