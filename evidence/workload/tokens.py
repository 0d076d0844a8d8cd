"""Text becomes tokens and labels, and each field knows how far it got.

Responsible for truncation, the end token, where the loss falls, and field coverage. The tokenizer
comes in as a function; this module imports no ML framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from evidence.records.inputs import FieldCoverage
from evidence.records.milestone import DataSpec
from evidence.workload.text import MarkedText

IGNORED: Final = -100
"""Label of a token that carries no loss, by PyTorch's convention."""

Encode = Callable[[str], tuple[list[int], list[tuple[int, int]]]]
"""Text → ids with special tokens, and the characters each covers ((0, 0) for special ones)."""


@dataclass(frozen=True, slots=True)
class Example:
    """One row as the model gets it, unpadded."""

    source_row: int
    ids: tuple[int, ...]
    labels: tuple[int, ...]
    num_cut: int
    """Tokens lost to truncation, the end token not counted."""
    in_sequence: frozenset[str]
    in_target: frozenset[str]
    cut: frozenset[str]
    """Fields that lost some of their text to truncation."""


def build_example(
    source_row: int,
    marked: MarkedText,
    encode: Encode,
    spec: DataSpec,
    max_length: int,
    eos_id: int | None,
) -> Example:
    """Tokenize one row: at most `max_length` ids, the end token only where there is room.

    Where the loss falls (`spec.loss`): `all` tokens; `completion`, from the first token that
    overlaps an answer field to the end; `fields`, the tokens that overlap answer fields. A row in
    which no answer field appears has no target under the latter two.
    """
    ids, offsets = encode(marked.text)
    kept = ids[:max_length]
    carries = _carries_loss(marked, offsets, spec)[: len(kept)]
    if spec.append_eos and eos_id is not None and len(ids) < max_length:
        answered = any(span.field in spec.answer for span in marked.spans)
        kept = [*kept, eos_id]
        carries.append(spec.loss == "all" or answered)
    labels = tuple(i if c else IGNORED for i, c in zip(kept, carries, strict=True))
    in_sequence, in_target, cut = _reach(marked, offsets, labels, max_length)
    return Example(
        source_row=source_row,
        ids=tuple(kept),
        labels=labels,
        num_cut=max(0, len(ids) - max_length),
        in_sequence=in_sequence,
        in_target=in_target,
        cut=cut,
    )


def coverage(
    fields: Sequence[str], answer: Sequence[str], examples: Iterable[Example]
) -> tuple[FieldCoverage, ...]:
    """For each field, in how many rows some of it is in the sequence, and in the target."""
    rows = tuple(examples)
    return tuple(
        FieldCoverage(
            field=field,
            is_answer=field in answer,
            num_rows_in_sequence=sum(field in row.in_sequence for row in rows),
            num_rows_in_target=sum(field in row.in_target for row in rows),
            rows_cut=tuple(row.source_row for row in rows if field in row.cut),
        )
        for field in fields
    )


def unseen_answers(found: Iterable[FieldCoverage]) -> tuple[str, ...]:
    """Answer fields whose text carries loss in no row at all: the fault nobody saw."""
    return tuple(one.field for one in found if one.is_answer and one.num_rows_in_target == 0)


def num_targets(labels: Sequence[int]) -> int:
    """Tokens that carry loss: the model predicts token i from those before it, so labels[1:]."""
    return sum(label != IGNORED for label in labels[1:])


def _carries_loss(
    marked: MarkedText, offsets: Sequence[tuple[int, int]], spec: DataSpec
) -> list[bool]:
    if spec.loss == "all":
        return [True] * len(offsets)
    spans = [span for span in marked.spans if span.field in spec.answer]
    if not spans:
        return [False] * len(offsets)
    if spec.loss == "completion":
        first = min(span.start for span in spans)
        return [end > first for _, end in offsets]
    return [any(start < span.end and end > span.start for span in spans) for start, end in offsets]


def _reach(
    marked: MarkedText,
    offsets: Sequence[tuple[int, int]],
    labels: Sequence[int],
    max_length: int,
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    in_sequence: set[str] = set()
    in_target: set[str] = set()
    cut: set[str] = set()
    for index, (start, end) in enumerate(offsets):
        touched = {s.field for s in marked.spans if start < s.end and end > s.start}
        if index >= max_length:
            cut |= touched
            continue
        in_sequence |= touched
        if index > 0 and labels[index] != IGNORED:
            in_target |= touched
    return frozenset(in_sequence), frozenset(in_target), frozenset(cut)
