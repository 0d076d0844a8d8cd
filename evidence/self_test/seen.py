"""What a forger does to the record of what the model saw, one lie a function.

Responsible for the edits of seen.json alone, as `edits` is for the others.
"""

from __future__ import annotations

from typing import Any

from evidence import layout
from evidence.self_test.forger import Bent, NotHereError


def seen_row(bent: Bent) -> dict[str, Any]:
    """A recorded row of a step in which some token carries loss."""
    for batch in bent.doc(layout.SEEN)["batches"]:
        for row in batch["rows"]:
            if any(label >= 0 for label in row["labels"][1:]):
                found: dict[str, Any] = row
                return found
    raise NotHereError("no recorded row carries loss")


def other_ids(bent: Bent) -> None:
    """Another token in a recorded row."""
    row = seen_row(bent)
    row["ids"][0] = 1 if row["ids"][0] != 1 else 2


def other_labels(bent: Bent) -> None:
    """A label that is not its id."""
    row = seen_row(bent)
    place = next(i for i, label in enumerate(row["labels"]) if label >= 0)
    row["labels"][place] = row["labels"][place] + 1


def no_loss(bent: Bent) -> None:
    """No loss in a row that was trained on."""
    row = seen_row(bent)
    row["labels"] = [-100] * len(row["labels"])


def answer_unseen(bent: Bent) -> None:
    """An answer field that no loss reached."""
    fields = [one for one in bent.doc(layout.SEEN)["coverage"] if one["is_answer"]]
    if not fields:
        raise NotHereError("no field is an answer")
    fields[0]["num_rows_in_target"] = 0


def other_text(bent: Bent) -> None:
    """Another text beside the same tokens."""
    pieces = seen_row(bent)["pieces"]
    place = next((i for i, piece in enumerate(pieces) if piece), None)
    if place is None:
        raise NotHereError("no recorded token has a text")
    pieces[place] = "something nicer"


def fewer_pieces(bent: Bent) -> None:
    """A recorded row with the text of one token less."""
    del seen_row(bent)["pieces"][-1]


def more_often(bent: Bent) -> None:
    """A row that was seen once more than it was."""
    times = bent.doc(layout.SEEN)["times_seen"]
    if not isinstance(times, list):
        raise NotHereError("rows were not counted one by one")
    times[0] += 1


def drop_batch(bent: Bent) -> None:
    """Leave out a recorded batch."""
    batches = bent.doc(layout.SEEN)["batches"]
    if not batches:
        raise NotHereError("no batch was recorded")
    del batches[-1]
