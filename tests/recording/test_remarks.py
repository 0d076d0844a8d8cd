"""What is said first of what a program learned."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from evidence.records.program import DataReached, FieldReached
from evidence.rules.program import of_data
from tests.recording.programs import make_repository, program, record

REFUSED: Final = """
process()
step(1)
for what, name in (("metric", "accuracy"), ("step", "loss"), ("metric", "f1")):
    tell("reported", what=what, name=name, refused="the value is no number: 'high'")
tell("reported", what="metric", name="bleu", value=2, step=4, unit="")
"""


def data(num_rows: int = 9, **learned: int) -> DataReached:
    fields = tuple(
        FieldReached(
            field=f"messages[{role}]", is_answer=False, is_constant=False,
            num_rows=9, num_rows_in_sequence=9, num_rows_in_target=count)
        for role, count in learned.items())  # fmt: skip
    return DataReached("chat.jsonl", "0" * 64, num_rows, num_rows, 9, fields)


@pytest.mark.parametrize(("learned", "said"), [
    ({"user": 9, "assistant": 9}, ["messages[user] carries loss in 9 of 9 rows of chat.jsonl: "
                                   "the model learns to write what the user says, too."]),
    ({"human": 9, "gpt": 9}, ["messages[human] carries loss in 9 of 9 rows of chat.jsonl: "
                              "the model learns to write what the user says, too."]),
    ({"user": 0, "assistant": 9}, []), ({"user": 9}, [])])  # fmt: skip
def test_it_is_said_where_the_user_s_turns_are_learned(
    learned: dict[str, int], said: list[str]
) -> None:
    assert [one.text for one in of_data(data(**learned), "", 9)] == said


@pytest.mark.parametrize(("num_sequences", "num_rows", "said"), [
    (20, 500, True), (32, 500, True), (33, 500, False), (15, 500, False),
    (900, 30, True)])  # fmt: skip
def test_rows_of_which_a_part_was_fed_are_told_of_where_they_are_what_was_fed(
    num_sequences: int, num_rows: int, said: bool
) -> None:
    found = 16 if num_sequences > 15 else 15
    fields = tuple(
        FieldReached(
            field=name, is_answer=False, is_constant=False,
            num_rows=num_rows, num_rows_in_sequence=16, num_rows_in_target=learned)
        for name, learned in (("question", 16), ("answer", 0)))  # fmt: skip
    one = DataReached("rows.jsonl", "0" * 64, num_rows, num_rows, found, fields)
    whole = "" if num_rows == 30 else f" ({found} of them were fed)"
    words = f"answer reached the loss in 0 of {num_rows} rows of rows.jsonl{whole}"
    assert [f"{words}: what stands there was not learned."] * said == [
        remark.text for remark in of_data(one, "", num_sequences)
    ]


def test_what_a_program_told_and_nobody_could_take_is_said_in_the_summary(tmp_path: Path) -> None:
    root = make_repository(tmp_path)
    ended = record(root, program(root, REFUSED))
    said = "The program told what could not be taken: accuracy: the value is no number: 'high'"
    assert f"- {said} (and 2 more).\n" in ended.summary()
    report = ended.verified()
    assert report.exit_code == 0
    (found,) = [one for one in report.findings if one.message.startswith(said)]
    assert found.severity == "advice"
