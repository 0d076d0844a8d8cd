"""Rows are padded to few lengths, each of which holds every row that is padded to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evidence.backends.tunix.widths import MAX_WIDTHS, UNIT, padded, width_of, widths_for

LENGTHS = st.lists(st.integers(1, 9000), min_size=1, max_size=50)


@given(LENGTHS)
def test_widths_are_few_and_hold_every_row(lengths: list[int]) -> None:
    widths = widths_for(lengths)
    assert len(widths) <= MAX_WIDTHS
    assert list(widths) == sorted(set(widths))
    assert all(one % UNIT == 0 for one in widths)
    for length in lengths:
        assert length <= width_of(length, widths)
    assert {width_of(length, widths) for length in lengths} == set(widths), "none is for nothing"


def test_a_row_keeps_its_tokens_and_is_filled_up_behind_them() -> None:
    assert padded([5, 6], 4, 0) == [5, 6, 0, 0]
    assert widths_for([]) == (UNIT,)
    assert widths_for([33, 20, 128]) == (32, 64, 128)
    assert widths_for([1, 1024]) == (256, 1024)
