"""Laws of the author's words: no measurement in them that nobody measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import MilestoneError, UsageError
from evidence.publish.notes import attach_note
from evidence.verification.verification import verify_pack
from tests.project import Project

SUMMARY = 'summary = "{{ train.num_steps }} steps."'


def codes(pack: Path) -> dict[str, str]:
    return {f.code: f.severity for f in verify_pack(pack).findings if f.code.startswith("prose")}


@pytest.mark.parametrize(
    ("words", "measurement"),
    [
        ("The final loss was 1.02.", "1.02"),
        ("It took 3 hours.", "3 hours"),
        ("We reach {{ 0.61 }} at last.", "0.61"),
    ],
)
def test_a_measurement_typed_before_the_run_is_refused_with_its_line(
    project: Project, words: str, measurement: str
) -> None:
    project.edit(SUMMARY, f'summary = """\n{words}"""')
    with pytest.raises(MilestoneError) as caught:
        project.run()
    text = (project.root / "milestones/T1.toml").read_text("utf-8").split("\n")
    line = next(number for number, one in enumerate(text, 1) if measurement in one)
    assert f"T1.toml:{line}: narrative.summary: {measurement}" in caught.value.message
    assert f'"{measurement}" = "the reason"' in caught.value.hint
    assert not project.runs.exists()


def test_notes_are_held_to_the_same(project: Project) -> None:
    notes = project.root / "milestones/T1.notes.md"
    notes.write_text("First try.\nIt reached 0.61.\n", encoding="utf-8")
    with pytest.raises(MilestoneError, match=r"T1\.notes\.md:2: 0\.61"):
        project.run()


def test_notes_that_are_no_text_are_refused(project: Project) -> None:
    (project.root / "milestones/T1.notes.md").write_bytes(b"caf\xe9")
    with pytest.raises(MilestoneError, match="not UTF-8"):
        project.run()


def test_what_the_milestone_fixes_may_be_typed(project: Project) -> None:
    words = "2 epochs over 14 rows, 10 steps, a learning rate of 0.01, 5 questions."
    project.edit(SUMMARY, f'summary = "{words}"')
    project.run()
    assert codes(project.pack) == {}
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    assert "that the evidence does not hold" not in summary


def test_a_declared_number_stands_in_the_summary_with_its_reason(project: Project) -> None:
    declared = '\n[narrative.literals]\n"0.61" = "the public leaderboard"\n'
    project.edit(SUMMARY, 'summary = "The board says 0.61."' + declared)
    project.run()
    assert codes(project.pack) == {}
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    assert "| `0.61` | declared by the author: the public leaderboard |" in summary


def test_a_declared_number_that_the_run_contradicts_is_an_error(project: Project) -> None:
    declared = '\n[narrative.literals]\n"9.99" = "what I hope for"\n'
    project.edit(SUMMARY, 'summary = "A final loss of 9.99."' + declared)
    project.run()
    report = verify_pack(project.pack)
    (finding,) = (f for f in report.findings if f.code == "prose-contradicts")
    assert report.exit_code == 1
    assert finding.address == "milestone.toml#/narrative/summary"
    assert (finding.actual, "train.loss_end" in finding.message) == ("9.99", True)
    assert "❌ the evidence says" in (project.pack / "t1_summary.md").read_text("utf-8")


def test_a_later_note_may_not_contradict_the_pack(ran: Project, tmp_path: Path) -> None:
    note = tmp_path / "later.md"
    note.write_text("All well.\nThe final loss was 9.99.\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"later\.md:2: says 9\.99, but train\.loss_end"):
        attach_note(ran.pack, note)
    assert not (ran.pack / layout.ATTACHED).exists()


def test_a_later_measurement_of_something_else_is_a_warning(ran: Project, tmp_path: Path) -> None:
    note = tmp_path / "later.md"
    note.write_text("The board says 0.6134.\n", encoding="utf-8")
    attach_note(ran.pack, note)
    report = verify_pack(ran.pack)
    assert (report.exit_code, codes(ran.pack)) == (0, {"prose-unsupported": "warning"})
