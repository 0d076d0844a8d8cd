"""What is checked of rows that were packed into sequences: parts of two checks on training.

Responsible for holding what each step says of its sequences against the rule of packing, against
the counts of the step and against seen.json (`training-tokens`); and for whether the worker may
have gone on with what it found when it tried two rows (`training-execution`).
"""

from __future__ import annotations

from collections import Counter

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.inputs import SeenRecord
from evidence.records.run import PackedSequence, StepRow
from evidence.records.training import TrainSpec
from evidence.results.context import journal_at
from evidence.results.packing import most_apart
from evidence.rules.packing import num_fed_tokens, packed
from evidence.verification.consistency.registry import Evidence, Problems, differs
from evidence.verification.problem import Problem


def packing_problems(
    evidence: Evidence, rows: tuple[StepRow, ...], seen: SeenRecord | None
) -> Problems:
    """Of each step: rows, tokens and tokens fed follow from its sequences; each forward pass has
    the rows that the worker said it takes, packed by the rule; a row has the same length each
    time. Rows and how often each was fed are those of seen.json."""
    train = evidence.plan.train
    ran = {one.data["segment"]: one.data for one in evidence.events("execution", "train")}
    lengths: dict[int, int] = {}
    for line, row in enumerate(rows, 1):
        place = f"{layout.METRICS}#L{line}/packed"
        if (row.packed is not None) != train.packing:
            text = "sequences are told exactly where the milestone packs rows"
            yield Problem(place, text, train.packing, row.packed is not None)
        elif row.packed is not None:
            at_once = ran.get(row.segment, {}).get("rows_per_forward", train.batch_size)
            yield from _step(place, row, row.packed, train, at_once)
            for source, length in _flat(row.packed):
                if lengths.setdefault(source, length) != length:
                    text = f"the row {source} has another length than in an earlier step"
                    yield Problem(place, text, lengths[source], length)
    if train.packing and seen is not None:
        yield from _seen(rows, seen)


def packing_tried_problems(evidence: Evidence) -> Problems:
    """`packing_difference` is told exactly where the milestone packs rows, and is no more than
    rounding: with more the worker ends the stage. That it is what it found is its word."""
    train = evidence.plan.train
    for event in evidence.events("execution", "train"):
        place = journal_at(event, "data", "packing_difference")
        found = event.data.get("packing_difference")
        if (found is not None) != train.packing:
            text = "what was tried of packed rows is told exactly where the milestone packs rows"
            yield Problem(place, text, train.packing, found is not None)
        elif found is not None and found > (most := most_apart(evidence.documents, train)):
            text = "more than rounding: with that the worker ends the stage"
            yield Problem(place, text, f"at most {most}", found)


def _flat(passes: tuple[tuple[PackedSequence, ...], ...]) -> list[tuple[int, int]]:
    """Row and length of each row of a step, in order."""
    every = [one for sequences in passes for one in sequences]
    return [pair for one in every for pair in zip(one.rows, one.tokens, strict=False)]


def _step(
    place: str,
    row: StepRow,
    passes: tuple[tuple[PackedSequence, ...], ...],
    train: TrainSpec,
    at_once: int,
) -> Problems:
    every = [one for sequences in passes for one in sequences]
    if any(len(one.rows) != len(one.tokens) for one in every):
        yield Problem(place, "a length for each row of a sequence")
        return
    lengths = [length for _, length in _flat(passes)]
    fed = sum(num_fed_tokens([one.tokens for one in sequences]) for sequences in passes)
    for key, counted in (
        ("num_rows", len(lengths)),
        ("num_tokens", sum(lengths)),
        ("num_fed_tokens", fed),
    ):
        text = f"another {key} than the sequences of the step give"
        yield from differs(place, text, counted, getattr(row, key))
    chunks = [lengths[start : start + at_once] for start in range(0, len(lengths), at_once)]
    expected = [
        [[chunk[at] for at in places] for places in packed(chunk, train.max_length)]
        for chunk in chunks
    ]
    found = [[list(one.tokens) for one in sequences] for sequences in passes]
    text = f"rows are packed in their order, {at_once} a forward pass, to max_length"
    yield from differs(place, text, expected, found)


def _seen(rows: tuple[StepRow, ...], seen: SeenRecord) -> Problems:
    fed = Counter(source for row in rows for source, _ in _flat(row.packed or ()))
    if not isinstance(seen.times_seen, Unavailable):
        text = "not as often as the sequences of all steps hold each row"
        counted = [fed[source] for source in range(len(seen.times_seen))]
        yield from differs(f"{layout.SEEN}#/times_seen", text, counted, list(seen.times_seen))
    by_step = {row.step: _flat(row.packed or ()) for row in rows}
    for index, batch in enumerate(seen.batches):
        recorded = [(one.source_row, len(one.ids)) for one in batch.rows]
        told = by_step.get(batch.step, [])[-len(recorded) :] if recorded else []
        text = f"other rows than the sequences of step {batch.step} hold"
        yield from differs(f"{layout.SEEN}#/batches/{index}/rows", text, told, recorded)
