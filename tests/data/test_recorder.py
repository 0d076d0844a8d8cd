"""Laws of the recorder and its chain: what was fed, however it was grouped or interrupted."""

from __future__ import annotations

import pytest

from evidence.data.tokens import (
    IGNORED,
)
from evidence.encoding.codec import decode
from evidence.records.inputs import SeenBatch
from evidence.records.milestone import DataSpec
from evidence.rules.row_stream import START, add_row, end_step
from evidence.rules.sampling import MAX_RECORDED_TOKENS, steps_to_record, tokens_to_record
from evidence.worker.recorder import FedRow, Recorder
from tests.data.test_text_and_tokens import example


def fed(row: int) -> FedRow:
    return FedRow(row, [row, 2, 3], [IGNORED, 2, 3])


def recorder() -> Recorder:
    return Recorder(6, 1, 16, lambda ids: tuple(map(str, ids)))


def test_the_stream_is_equal_however_rows_are_grouped() -> None:
    one, two = recorder(), recorder()
    one.feed([fed(0), fed(1)], 6)
    two.feed([fed(0)], 3)
    two.feed([fed(1)], 3)
    assert one.end_step() == two.end_step()


@pytest.mark.parametrize(
    "other",
    [
        [fed(1), fed(0)],
        [fed(0)],
        [fed(0), FedRow(1, [1, 2, 4], [IGNORED, 2, 3])],
        [fed(0), FedRow(1, [1, 2, 3], [IGNORED, IGNORED, 3])],
        [fed(0), FedRow(7, [1, 2, 3], [IGNORED, 2, 3])],
    ],
)
def test_the_stream_differs_for_other_order_rows_ids_or_labels(other: list[FedRow]) -> None:
    one, two = recorder(), recorder()
    one.feed([fed(0), fed(1)], 6)
    two.feed(other, 6)
    assert one.end_step().stream != two.end_step().stream != START


def test_the_stream_knows_where_a_step_ends() -> None:
    one, two = recorder(), recorder()
    one.feed([fed(0), fed(1)], 6)
    two.feed([fed(0)], 3)
    two.end_step()
    two.feed([fed(1)], 3)
    assert one.end_step().stream != two.end_step().stream


def test_a_recorder_goes_on_from_its_state_as_if_nothing_had_happened() -> None:
    whole, first = recorder(), recorder()
    for step in range(6):
        whole.feed([fed(step)], 3)
        whole.end_step()
    for step in range(3):
        first.feed([fed(step)], 3)
        first.end_step()
    second = recorder()
    second.restore(first.state())
    for step in range(3, 6):
        second.feed([fed(step)], 3)
        second.end_step()
    examples = [example() for _ in range(2)]
    spec = DataSpec(answer=("a",), text="t")
    assert second.record("train", spec, ["a"], examples) == whole.record(
        "train", spec, ["a"], examples
    )


def test_the_first_and_the_last_step_are_always_kept() -> None:
    assert {1, 138} <= steps_to_record(138, 42, 128)
    assert len(steps_to_record(138, 42, 128)) == 10
    assert steps_to_record(138, 42, 128) == steps_to_record(138, 42, 12_000)
    assert steps_to_record(1, 0, 128) == {1}
    assert steps_to_record(3, 0, 128) == {1, 2, 3}


@pytest.mark.parametrize(
    ("max_length", "num_steps"),
    [(2, 10), (12_000, 10), (12_001, 9), (32_768, 3), (60_000, 2), (60_001, 1), (1_048_576, 1)],
)
def test_of_long_rows_fewer_steps_are_kept_each_with_room_for_one(
    max_length: int, num_steps: int
) -> None:
    sampling = steps_to_record(1000, 1, max_length)
    assert len(sampling) == num_steps
    assert 1 in sampling
    assert (1000 in sampling) is (num_steps > 1)
    assert len(sampling) * tokens_to_record(max_length) <= MAX_RECORDED_TOKENS
    assert tokens_to_record(max_length) >= min(max_length, MAX_RECORDED_TOKENS)


def batch_of(lengths: list[int]) -> tuple[SeenBatch, list[str], str]:
    """What is kept of one step of such rows, at most 40,000 tokens; the stream before each row,
    and after the step."""
    large = Recorder(1, 1, 40_000, lambda ids: ("",) * len(ids))
    stream, before = START, []
    for source, length in enumerate(lengths):
        row = FedRow(source, [source] * length, [source] * length)
        before.append(stream)
        stream = add_row(stream, source, row.ids, row.labels)
        large.feed([row], length)
    counts = large.end_step()
    assert (counts.num_rows, counts.num_tokens) == (len(lengths), sum(lengths))
    (batch,) = large.state()["batches"]
    return decode(SeenBatch, batch), [*before, stream], counts.stream


@pytest.mark.parametrize(
    ("lengths", "first"),
    [
        ([], 0),
        ([13_000] * 3, 0),
        ([13_000] * 4, 1),
        ([13_000] * 9, 6),
        ([5, 20_000, 30_000], 2),
        ([30_000, 20_000, 5], 1),
        ([40_000, 40_000], 1),
        ([5, 40_001], 2),
    ],
)
def test_of_a_large_step_the_last_rows_that_fit_are_kept(lengths: list[int], first: int) -> None:
    batch, before, after = batch_of(lengths)
    assert [row.source_row for row in batch.rows] == list(range(first, len(lengths)))
    assert batch.stream_before == (before[first] if first else None)
    repeated = batch.stream_before or START
    for row in batch.rows:
        repeated = add_row(repeated, row.source_row, row.ids, row.labels)
    assert end_step(repeated, 1) == after
