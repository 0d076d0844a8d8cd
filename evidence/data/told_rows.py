"""Recorded rows of a program's batches against what is counted of all its sequences. Pure.

Responsible for rows that cannot be among the sequences of which it is said that they are all.
"""

from __future__ import annotations

from collections.abc import Iterator

from evidence.data.tokens import IGNORED, num_targets
from evidence.records.program import ProgramSeen


def strangers(seen: ProgramSeen, end: int | None) -> Iterator[tuple[str, str]]:
    """Where a recorded row has labels that no counted sequence has, and why; `end` is the end
    token, where one is known."""
    if not seen.all_sequences:
        return
    num_labelled = seen.num_sequences - seen.num_without_labels
    for number, batch in enumerate(seen.batches):
        for index, row in enumerate(batch.rows):
            if row.labels is None or not num_targets(row.labels):
                continue
            place = f"batches/{number}/rows/{index}/labels"
            if num_labelled <= seen.num_without_targets:
                yield place, "carry loss, and no sequence is said to"
            elif seen.num_with_eos_in_target == 0 and end in _learned(row.ids, row.labels):
                yield place, "teach the end token, and none is said to"


def _learned(ids: tuple[int, ...], labels: tuple[int, ...]) -> set[int]:
    pairs = list(zip(ids, labels, strict=False))[1:]
    return {one for one, label in pairs if label != IGNORED}
