"""Laws of steps too large to be recorded whole: their last rows are bound to the stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy import toy, write

from evidence import layout
from evidence.rules import sampling
from evidence.rules.row_stream import START, add_row
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack

MOST = 16
"""Tokens that are kept of a step here; the toy's steps have 6 to 20."""


@pytest.fixture(autouse=True)
def _few_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MAX_RECORDED_TOKENS", 10 * MOST)


def large() -> ForgedPack:
    """The toy as the recorder would leave it."""
    made = toy()
    streams = {row["step"]: row["stream"] for row in made.docs[layout.METRICS]}
    for batch in made.docs[layout.SEEN]["batches"]:
        stream = streams.get(batch["step"] - 1, START)
        while sum(len(row["ids"]) for row in batch["rows"]) > MOST:
            row = batch["rows"].pop(0)
            stream = add_row(stream, row["source_row"], row["ids"], row["labels"])
            batch["stream_before"] = stream
    return made.seal()


def in_part(made: ForgedPack) -> Any:
    batches = made.docs[layout.SEEN]["batches"]
    return next(one for one in batches if one.get("stream_before"))


def whole(made: ForgedPack) -> Any:
    batches = made.docs[layout.SEEN]["batches"]
    return next(one for one in batches if not one.get("stream_before"))


def outcome(made: ForgedPack, folder: Path) -> str:
    checks = verify_pack(write(folder / "M90", made.seal().all_bytes())).checks
    return next(one.outcome for one in checks if one.id == "seen-batches")


def test_the_last_rows_of_a_large_step_are_accepted(tmp_path: Path) -> None:
    made = large()
    assert in_part(made) is not None
    assert whole(made) is not None
    assert verify_pack(write(tmp_path / "M90", made.all_bytes())).verdict == "INTACT"


def no_rows(made: ForgedPack) -> None:
    in_part(made)["rows"].clear()


def no_rows_and_a_stream_that_fits(made: ForgedPack) -> None:
    batch = in_part(made)
    for row in batch["rows"]:
        before = batch["stream_before"]
        batch["stream_before"] = add_row(before, row["source_row"], row["ids"], row["labels"])
    batch["rows"].clear()


def all_rows(made: ForgedPack) -> None:
    in_part(made)["rows"] *= 2


def other_ids(made: ForgedPack) -> None:
    row = in_part(made)["rows"][-1]
    row["ids"][0] = row["labels"][0] = 3


def more_loss(made: ForgedPack) -> None:
    for row in in_part(made)["rows"]:
        row["labels"] = list(row["ids"])


def less_loss(made: ForgedPack) -> None:
    for row in in_part(made)["rows"]:
        row["labels"] = [-100] * len(row["ids"])


def no_start(made: ForgedPack) -> None:
    in_part(made)["stream_before"] = None


def another_start(made: ForgedPack) -> None:
    in_part(made)["stream_before"] = "b" * 64


def start_of_a_whole_one(made: ForgedPack) -> None:
    whole(made)["stream_before"] = START


@pytest.mark.parametrize(
    "lie",
    [
        no_rows,
        no_rows_and_a_stream_that_fits,
        all_rows,
        other_ids,
        more_loss,
        less_loss,
        no_start,
        another_start,
        start_of_a_whole_one,
    ],
)
def test_a_lie_about_a_large_step_is_found(
    lie: Callable[[ForgedPack], None], tmp_path: Path
) -> None:
    made = large()
    lie(made)
    assert outcome(made, tmp_path) == "fail"
