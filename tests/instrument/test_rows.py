"""Rows come out unpadded, with labels in their places, whatever the program's convention."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evidence.instrument import losses
from evidence.instrument.rows import IGNORED, Fed, num_targets, rows_of
from evidence.instrument.sequences import FIRST_STEPS, is_sampled

NOTHING: dict[str, Any] = dict.fromkeys(("mask", "labels", "positions", "targets", "pad_id"))


def _fed(ids: Any, **given: Any) -> Fed:
    return Fed(ids, **{**NOTHING, "ignored": IGNORED, **given})


def test_labels_that_stand_in_their_places_stay() -> None:
    (row,) = rows_of(_fed([[5, 6, 7, 8]], labels=[[IGNORED, IGNORED, 7, 8]]))
    assert (row.ids, row.labels) == ([5, 6, 7, 8], [IGNORED, IGNORED, 7, 8])
    assert num_targets(row.labels or []) == 2


def test_targets_that_are_moved_by_one_go_back_and_the_last_token_is_kept() -> None:
    (row,) = rows_of(_fed([[5, 6, 7]], targets=[6, 7, 8]))
    assert (row.ids, row.labels) == ([5, 6, 7, 8], [IGNORED, 6, 7, 8])
    assert row.num_never_fed == 1


def test_another_number_for_ignored_becomes_ours() -> None:
    (row,) = rows_of(_fed([[5, 6, 7]], targets=[-1, 7, 8], ignored=-1))
    assert (row.ids, row.labels) == ([5, 6, 7, 8], [IGNORED, IGNORED, 7, 8])


def test_targets_of_rows_less_one_token_are_aligned() -> None:
    rows = rows_of(_fed([[5, 6, 7], [8, 9, 5]], targets=[6, 7, 9, 5]))
    assert [row.labels for row in rows] == [[IGNORED, 6, 7], [IGNORED, 9, 5]]


def test_masked_words_are_no_next_tokens() -> None:
    (row,) = rows_of(_fed([[5, 99, 7]], labels=[[IGNORED, 6, IGNORED]]))
    assert (row.ids, row.labels) == ([5, 99, 7], [IGNORED, 6, IGNORED])


def test_padding_goes_on_either_side() -> None:
    rows = rows_of(_fed([[0, 0, 5], [6, 7, 0]], mask=[[0, 0, 1], [1, 1, 0]]))
    assert [row.ids for row in rows] == [[5], [6, 7]]


def test_padding_by_its_id_stops_at_a_label() -> None:
    (row,) = rows_of(_fed([[5, 1, 1, 1]], labels=[[5, 1, IGNORED, IGNORED]], pad_id=1))
    assert row.ids == [5, 1]


def test_positions_that_begin_anew_are_counted() -> None:
    (row,) = rows_of(_fed([[5, 6, 7, 8]], positions=[[0, 1, 0, 1]]))
    assert row.num_restarts == 1


def test_a_lone_row_is_a_batch_of_one() -> None:
    assert [row.ids for row in rows_of(_fed([5, 6]))] == [[5, 6]]


@given(st.lists(st.lists(st.integers(2, 9), min_size=4, max_size=4), min_size=1, max_size=3))
def test_all_conventions_name_the_same_targets(ids: list[list[int]]) -> None:
    labels = [[IGNORED, *row[1:]] for row in ids]
    moved = [token for row in ids for token in row[1:]]
    aligned = rows_of(_fed(ids, labels=labels))
    short = rows_of(_fed([row[:-1] for row in ids], targets=moved))
    assert [row.ids for row in aligned] == ids
    for one, other in zip(aligned, short, strict=True):
        # A row of one repeated token is aligned and moved alike.
        assert one[:2] == other[:2] or len(set(one.ids)) == 1


def test_losses_are_added_as_a_trainer_adds() -> None:
    numbers = [1.0270332098007202, 1.4283933639526367, 1.818783164024353, 2.3097569942474365]
    assert losses.added_in_float32(numbers) == 6.583967208862305
    assert losses.as_float32(1e300) == float("inf")


def test_the_first_steps_are_sampled_and_ever_fewer_of_the_later_ones() -> None:
    assert all(is_sampled(step) for step in range(1, FIRST_STEPS + 1))
    early, late = (sum(map(is_sampled, range(a, a + 1000))) for a in (1, 100_000))
    assert 0 < early <= 40
    assert late <= 3
