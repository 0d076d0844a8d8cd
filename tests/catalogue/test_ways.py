"""Whichever way packs are looked up, the same ones are found, in the same order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from toy import intact_bytes, write

from evidence.catalogue import store
from evidence.catalogue.asked import Asked, value_asked
from evidence.catalogue.build import update
from evidence.catalogue.query import find

NUM_PACKS = 7


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Packs whose losses are 0, 1, 2, … in another order than their names; one has measured none
    and one was made on a stand-in."""
    for number in range(NUM_PACKS):
        write(tmp_path / f"runs/{number}", intact_bytes())
    update([tmp_path / "runs"], None)
    path = tmp_path / "runs" / store.NAME
    with closing(sqlite3.connect(path)) as connection, connection:
        for number in range(NUM_PACKS):
            (pack,) = connection.execute(
                "SELECT id FROM packs WHERE path = ?", (str(number).encode(),)
            ).fetchone()
            value = None if number == 4 else number * 3 % NUM_PACKS
            connection.execute(
                "UPDATE pack_values SET number = ? WHERE pack = ?"
                " AND name = (SELECT id FROM value_names WHERE name = 'train.loss_end')",
                (value, pack),
            )
        connection.execute("UPDATE packs SET stand_in = (path = ?)", (b"2",))
    return path


@pytest.mark.parametrize("stand_in", [None, False])
@pytest.mark.parametrize(
    "words",
    [
        [],
        ["train.loss_end<5"],
        ["train.loss_end<5", "train.loss_end>=1"],
        ["train.loss_end!=3", "train.num_steps>0"],
        ["train.loss_end<5"] * 40,
        ["train.loss_end<0"],
        ["no.such.value<0"],
    ],
    ids=["all", "one", "two of one name", "two", "more than are joined", "none", "unknown"],
)
def test_few_and_all_of_them_are_the_same(
    words: list[str], stand_in: bool | None, index: Path
) -> None:
    asked = Asked(values=tuple(map(value_asked, words)), stand_in=stand_in)
    every = find(index, asked)
    for limit in (1, 3, NUM_PACKS, 50):
        few = find(index, asked, limit)
        assert few.num_found == every.num_found == len(every.packs)
        assert few.packs == every.packs[:limit]
    expected = {
        number for number in range(NUM_PACKS)
        if all(holds(word, number) for word in words) and (stand_in is None or number != 2)
    }  # fmt: skip
    assert {int(Path(one.path).name) for one in every.packs} == expected


def holds(word: str, number: int) -> bool:
    """What the condition says of the pack of a number, told without the index."""
    loss = number * 3 % NUM_PACKS
    if not word.startswith("train.loss_end"):
        return word.startswith("train.num_steps")
    said = {"<5": loss < 5, ">=1": loss >= 1, "!=3": loss != 3, "<0": False}
    return number != 4 and said[word.removeprefix("train.loss_end")]
