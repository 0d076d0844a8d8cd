"""Rows as tensors: as the Trainer's sampler asks for them, and padded.

Which rows are fed when is the Trainer's, and `shared_steps`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import Dataset

from evidence.backends.transformers.shared_steps import FILLER, FILLER_TOKENS
from evidence.data.tokens import IGNORED, Example


class ExampleDataset(Dataset[dict[str, Any]]):
    """Training examples as the Trainer's sampler asks for them."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if index == FILLER:
            ids = self._examples[0].ids[:FILLER_TOKENS]
            return {"ids": ids, "labels": [IGNORED] * len(ids), "row": FILLER}
        example = self._examples[index]
        return {"ids": example.ids, "labels": example.labels, "row": example.source_row}


def collate(items: Sequence[dict[str, Any]], pad_id: int) -> dict[str, torch.Tensor]:
    """Pad on the right to the longest row."""
    width = max(len(item["ids"]) for item in items)

    def padded(key: str, fill: int) -> torch.Tensor:
        return torch.tensor([[*item[key], *[fill] * (width - len(item[key]))] for item in items])

    lengths = torch.tensor([[len(item["ids"])] for item in items])
    return {
        "input_ids": padded("ids", pad_id),
        "labels": padded("labels", IGNORED),
        "attention_mask": (torch.arange(width).unsqueeze(0) < lengths).long(),
        "source_row": torch.tensor([item["row"] for item in items]),
    }


def in_batches(
    examples: Sequence[Example], batch_size: int, pad_id: int
) -> list[dict[str, torch.Tensor]]:
    """Rows in their order, so many at once, as training pads them."""
    rows = ExampleDataset(examples)
    firsts = range(0, len(rows), batch_size)
    return [
        collate([rows[i] for i in range(first, min(first + batch_size, len(rows)))], pad_id)
        for first in firsts
    ]
