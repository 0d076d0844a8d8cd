"""Rows packed into sequences, each read as if it stood alone.

Responsible for the tensors of a packed forward pass, and for the proof that no row of it sees
another: positions begin anew with each row, from which transformers makes a mask that ends at the
seams. A model that does not heed them is refused before the first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch

from evidence.backends.transformers.forward import logits_of, to_ask
from evidence.data.tokens import IGNORED, Example
from evidence.rules.closeness import SAME_LOGITS
from evidence.rules.packing import packed
from evidence.worker.interface import StageFailure

TRIED_TOKENS: Final = 16
"""Of each of the two rows that are packed for the proof."""


def collate_packed(
    items: Sequence[dict[str, Any]], pad_id: int, max_length: int
) -> dict[str, torch.Tensor]:
    """A row of the tensors for each sequence. The first token of a row is predicted by nothing: its
    label is IGNORED, so that the last token of the row before does not predict it. Padding is a row
    of its own. `source_row`, `row_tokens` and `sequence` are of each row, in order."""
    sequences = packed([len(item["ids"]) for item in items], max_length)
    ids, labels, positions = [], [], []
    for places in sequences:
        rows = [items[place] for place in places]
        ids.append([one for row in rows for one in row["ids"]])
        labels.append([one for row in rows for one in (IGNORED, *row["labels"][1:])])
        positions.append([at for row in rows for at in range(len(row["ids"]))])
    width = max(map(len, ids))
    for number, one in enumerate(ids):
        left = width - len(one)
        one += [pad_id] * left
        labels[number] += [IGNORED] * left
        positions[number] += range(left)
    number_of = {place: n for n, places in enumerate(sequences) for place in places}
    return {
        "input_ids": torch.tensor(ids),
        "labels": torch.tensor(labels),
        "position_ids": torch.tensor(positions),
        "source_row": torch.tensor([item["row"] for item in items]),
        "row_tokens": torch.tensor([len(item["ids"]) for item in items]),
        "sequence": torch.tensor([number_of[place] for place in range(len(items))]),
        "first_labels": torch.tensor([item["labels"][0] for item in items]),
    }


def rows_of(inputs: dict[str, Any]) -> list[tuple[int, list[int], list[int], int]]:
    """What `collate_packed` packed: source row, ids, labels and sequence of each row. Takes out of
    `inputs` what is no tensor of the model's."""
    rows, lengths, numbers, firsts = (
        inputs.pop(key).tolist() for key in ("source_row", "row_tokens", "sequence", "first_labels")
    )
    ids, labels = inputs["input_ids"].tolist(), inputs["labels"].tolist()
    found, last, at = [], -1, 0
    for row, length, number, first in zip(rows, lengths, numbers, firsts, strict=True):
        at = at if number == last else 0
        own = slice(at, at + length)
        found.append((row, ids[number][own], [first, *labels[number][own][1:]], number))
        last, at = number, at + length
    return found


def refuse_crossing(model: Any, examples: Sequence[Example]) -> float:
    """The largest difference that packing makes to the logits of a row, relative to the largest of
    them: two rows are looked at alone and packed. Raises StageFailure where it is more than
    rounding, or where the model takes no positions."""
    first, *others = (one.ids[:TRIED_TOKENS] for one in examples)
    second = next((one for one in others if one[:1] != first[:1] or one != first), first)
    asked = to_ask(model)
    name = type(model).__name__
    try:
        alone = torch.cat([_logits(asked, [list(one)]) for one in (first, second)])
        together = _logits(asked, [list(first), list(second)])
    except TypeError as error:
        text = f"{name} takes no positions, by which packed rows are kept apart: leave packing out"
        raise StageFailure("requirement-not-met", text) from error
    found = float((alone - together).abs().max() / alone.abs().max())
    if not found <= SAME_LOGITS * torch.finfo(asked.dtype).eps:
        raise StageFailure(
            "requirement-not-met",
            f"{name} reads across rows that are packed into one sequence (packed, its logits of a "
            f"row differ by {found:.2g} of the largest): leave packing out",
        )
    return found


def _logits(model: Any, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    ids = torch.tensor([[one for row in rows for one in row]], device=model.device)
    places = torch.tensor([[at for row in rows for at in range(len(row))]], device=model.device)
    return logits_of(model, input_ids=ids, position_ids=places, use_cache=False)
