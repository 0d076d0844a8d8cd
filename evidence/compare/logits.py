"""The final models' logits after the evaluation prompts, held against each other. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TypeAlias

from evidence.compare.predictions import Key, by_prompt
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.comparison import LogitsComparison, LogitsDifference
from evidence.records.run import PredictionRow
from evidence.records.tensors import LogitsRow
from evidence.stages.eval import LOGITS, PREDICTIONS

Asked: TypeAlias = Mapping[Key, tuple[PredictionRow, LogitsRow]]


def compare_logits(first: Documents, other: Documents) -> LogitsComparison | Unavailable:
    """Prompt by prompt; unavailable where one pack has none, or where the vocabularies differ."""
    sides = [one.document(LOGITS) for one in (first, other)]
    for found, which in zip(sides, ("first", "other"), strict=True):
        if found is None:
            return Unavailable(f"the {which} pack has no {LOGITS.path}")
    sizes = [found.vocab_size for found in sides if found is not None]
    if sizes[0] != sizes[1]:
        return Unavailable(f"their vocabularies have {sizes[0]} and {sizes[1]} tokens")
    before, after = _asked(first), _asked(other)
    common = [key for key in before if key in after and _fed_alike(before[key], after[key])]
    if not common:
        return Unavailable("they have no prompt in common that was fed as as many tokens")
    return LogitsComparison(
        prompts=tuple(_difference(*before[key], after[key][1]) for key in common),
        num_only_in_one=len(before.keys() | after.keys()) - len(common),
    )


def _asked(documents: Documents) -> Asked:
    found = documents.document(LOGITS)
    rows = {} if found is None else {row.index: row for row in found.rows}
    return {
        key: (prediction, rows[prediction.index])
        for key, prediction in by_prompt(documents.rows(PREDICTIONS)).items()
        if prediction.index in rows
    }


def _fed_alike(
    before: tuple[PredictionRow, LogitsRow], after: tuple[PredictionRow, LogitsRow]
) -> bool:
    return before[1].num_prompt_tokens == after[1].num_prompt_tokens


def _difference(asked: PredictionRow, before: LogitsRow, after: LogitsRow) -> LogitsDifference:
    one, two = (dict(zip(row.ids, row.logits, strict=False)) for row in (before, after))
    common = [key for key in one if key in two]
    largest = _finite(max((abs(one[key] - two[key]) for key in common), default=0.0))
    kept = [one[key] for key in common]
    spread = _finite(max(kept, default=0.0) - min(kept, default=0.0))
    return LogitsDifference(
        id=asked.id,
        prompt=asked.prompt,
        num_compared=len(common),
        largest_difference=largest,
        spread=spread,
        relative_difference=_finite(largest / spread) if spread > 0 else None,
        first_tokens=(max(one, key=one.__getitem__), max(two, key=two.__getitem__)),
    )


def _finite(value: float) -> float:
    """No JSON holds more; and no model has such logits."""
    return min(float(value), sys.float_info.max)
