"""A `where` that leaves no row is refused at its key, with what the rows have instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.errors import MilestoneError
from evidence.milestone.parse import parse_milestone
from evidence.records.milestone import DataSpec
from evidence.running.place import Where
from evidence.running.stage_checks import Sets
from evidence.running.where_fit import refuse_empty_where
from tests.milestone.staged import STAGED

ROWS = [
    {"prompt": f"p{n}", "answer": "x", "half": 1 + n % 2, "level": "easy", "last": n > 2}
    for n in range(4)
]
OF_B = 'data = "more"'
OF_SET = 'path = "more.jsonl"'


def refused(tmp_path: Path, old: str, new: str) -> str:
    """What is said of the milestone, or nothing; after the line it is said of."""
    for name in ("rows", "more", "checks"):
        lines = [json.dumps(one) for one in ROWS]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    assert old in STAGED
    source = STAGED.replace(old, f"{old}\n{new}").encode()
    where = Where(tmp_path / "W1.toml", source)
    line = source.decode().split("\n").index(new) + 1
    try:
        refuse_empty_where(tmp_path, parse_milestone(source), where)
    except MilestoneError as error:
        return error.message.partition(f"W1.toml:{line}: ")[2]
    return ""


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("where = { half = 9 }", "stage 'B': no row of [data.more] has half = 9; the rows have: 1"),
        ("where = { halff = 1 }", "no field|did you mean 'half'?"),
        ('where = { half = "1" }', "the rows have a number there: write half = 1"),
        ('where = { half = ["1", "2"] }', "write half = 1"),
        ("where = { level = 1 }", 'the rows have: "easy"'),
        ('where = { last = "true" }', "the rows have true or false there: write last = true"),
        ("where = { last = true, half = 1 }", "half = 1 and what stands before it in `where`"),
    ],
)
def test_what_leaves_no_row_is_refused_with_what_there_is(
    new: str, says: str, tmp_path: Path
) -> None:
    said = refused(tmp_path, OF_B, new)
    assert "stage.1.where: " in said
    assert says.rpartition("|")[2] in said


def test_of_a_data_set_it_is_refused_there(tmp_path: Path) -> None:
    assert "data.more.where: no row of [data.more]" in refused(
        tmp_path, OF_SET, "where = { half = 3 }"
    )


@pytest.mark.parametrize("new", ["where = { half = [1, 7] }", "where = { last = false }"])
def test_what_leaves_some_row_is_not_refused(new: str, tmp_path: Path) -> None:
    assert refused(tmp_path, OF_B, new) == ""


def test_rows_are_read_once_for_one_choice_and_one_and_true_are_two(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"half": 1}\n{"half": true}\n')
    sets, one = Sets(tmp_path), DataSpec(path="rows.jsonl", where={"half": 1})
    assert sets.load("rows", one) is sets.load("rows", replace(one))
    for value in (True, 1):
        found = sets.load("rows", replace(one, where={"half": value})).rows
        assert [row["half"] is True for row in found] == [value is True]
