"""Laws of what is said where a milestone with stages was edited before its run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.milestone.parse import load_milestone
from evidence.running.unchanged import said_now
from tests.stages.test_several import project

SPARE = """
[[stage]]
name = "spare"
kind = "eval"
of = ["B"]
"""


def said(tmp_path: Path, *edits: tuple[str, str]) -> list[str]:
    root = project(tmp_path / "project")
    path = root / "milestones/T5.toml"
    begun, _ = load_milestone(path)
    text = path.read_text("utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    return list(said_now(root, begun))


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (('of = ["A", "B"]', 'of = ["A"]'), 'check.of = ["A"] now; this run goes on with ["A", '),
        (("half = 2", "half = 1"), "stage.B.where.half = 1 now; this run goes on with 2"),
        (("0.0005", "0.5"), "stage.B.train.learning_rate = 0.5 now; this run goes on with 0.0005"),
        (("learning_rate = 0.001", "learning_rate = 0.5"), "train.learning_rate = 0.5 now"),
        (("threads = 1", "threads = 2"), "attempt.tiny.threads = 2 now; this run goes on with 1"),
        (("\n[[attempt]]", f"{SPARE}\n[[attempt]]"), "stage.spare = (a table of "),
    ],
)  # fmt: skip
def test_what_was_changed_is_told_by_the_key_of_its_stage(
    edit: tuple[str, str], says: str, tmp_path: Path
) -> None:
    (line,) = said(tmp_path, edit)
    assert says in line
    assert len(line) < 300


def test_a_stage_that_was_renamed_is_one_that_is_gone_and_one_that_is_new(tmp_path: Path) -> None:
    lines = said(tmp_path, ('name = "check"', 'name = "asked"'))
    assert ["stage.asked" in lines[0], "stage.check = (nothing)" in lines[1]] == [True, True]
    assert len(lines) == 2


def test_stages_in_another_order_are_told_so(tmp_path: Path) -> None:
    a, c = ('name = "A"\nkind = "train"\nwhere = { half = 1 }', 'name = "C"\nkind = "train"')
    root = project(tmp_path / "project")
    path = root / "milestones/T5.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace(a, f"{c}\n\n[[stage]]\n{a}"), "utf-8")
    begun, _ = load_milestone(path)
    path.write_text(text.replace(a, f"{a}\n\n[[stage]]\n{c}"), "utf-8")
    (line,) = said_now(root, begun)
    assert 'stage, in this order, = ["A", "C", "B", "check"] now' in line


def test_a_milestone_that_is_the_same_is_not_spoken_of(tmp_path: Path) -> None:
    assert said(tmp_path) == []
