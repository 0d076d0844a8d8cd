"""Forged edits of seen.json, one a function.

Responsible for the edits of seen.json alone, as `edits` is for the others.
"""

from __future__ import annotations

from typing import Any

from evidence import layout
from evidence.self_test.forger import ForgedPack, NotPossibleError


def seen_row(pack: ForgedPack) -> dict[str, Any]:
    """A recorded row of a step in which some token carries loss."""
    for batch in pack.doc(layout.SEEN)["batches"]:
        for row in batch["rows"]:
            if any(label >= 0 for label in row["labels"][1:]):
                found: dict[str, Any] = row
                return found
    raise NotPossibleError("no recorded row carries loss")


def other_ids(pack: ForgedPack) -> None:
    """Another token in a recorded row."""
    row = seen_row(pack)
    row["ids"][0] = 1 if row["ids"][0] != 1 else 2


def other_order(pack: ForgedPack) -> None:
    """Two rows of a recorded step in another order than its seed draws."""
    for batch in pack.doc(layout.SEEN)["batches"]:
        rows = batch["rows"]
        if len({row["source_row"] for row in rows}) > 1:
            rows[0], rows[-1] = rows[-1], rows[0]
            return
    raise NotPossibleError("no recorded step has two rows")


def other_labels(pack: ForgedPack) -> None:
    """A label that is not its id."""
    row = seen_row(pack)
    place = next(i for i, label in enumerate(row["labels"]) if label >= 0)
    row["labels"][place] = row["labels"][place] + 1


def no_loss(pack: ForgedPack) -> None:
    """No loss in a row that was trained on."""
    row = seen_row(pack)
    row["labels"] = [-100] * len(row["labels"])


def answer_unseen(pack: ForgedPack) -> None:
    """An answer field that no loss reached."""
    fields = [one for one in pack.doc(layout.SEEN)["coverage"] if one["is_answer"]]
    if not fields:
        raise NotPossibleError("no field is an answer")
    fields[0]["num_rows_in_target"] = 0


def other_text(pack: ForgedPack) -> None:
    """Another text beside the same tokens."""
    pieces = seen_row(pack)["pieces"]
    place = next((i for i, piece in enumerate(pieces) if piece), None)
    if place is None:
        raise NotPossibleError("no recorded token has a text")
    pieces[place] = "something nicer"


def fewer_pieces(pack: ForgedPack) -> None:
    """A recorded row with the text of one token less."""
    del seen_row(pack)["pieces"][-1]


def more_often(pack: ForgedPack) -> None:
    """A row that was seen once more than it was."""
    times = pack.doc(layout.SEEN)["times_seen"]
    if not isinstance(times, list):
        raise NotPossibleError("rows were not counted one by one")
    times[0] += 1


def drop_batch(pack: ForgedPack) -> None:
    """Leave out a recorded batch."""
    batches = pack.doc(layout.SEEN)["batches"]
    if not batches:
        raise NotPossibleError("no batch was recorded")
    del batches[-1]
