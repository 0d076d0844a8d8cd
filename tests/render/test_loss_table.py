"""The loss table in a summary: every row of a short one, some of a long one."""

from __future__ import annotations

import re

import pytest
from render.sample import steps
from render.test_summary import changed_pack, summary


def loss_rows(text: str) -> list[str]:
    return re.findall(r"^\| ([0-9,]+) \| [0-9.]+ \| [0-9.e-]+ \| [0-9.]+ \|$", text, re.MULTILINE)


@pytest.mark.parametrize(("num_steps", "left_out"), [(2_000, False), (2_010, True), (20_005, True)])
def test_a_long_loss_table_is_thinned_and_says_so(num_steps: int, left_out: bool) -> None:
    text = summary(changed_pack(steps=steps([1.0] * num_steps)))
    shown = loss_rows(text)
    last = f"{num_steps // 10 * 10:,}"
    assert shown[-1] == last
    if left_out:
        every = 2 if num_steps == 2_010 else 10
        assert shown[0] == str(10 * every)
        assert f"Of {num_steps // 10:,} rows one in {every} is shown, and the last;" in text
        assert "since the row before" not in text
    else:
        assert len(shown) == 200
        assert "is the mean over the steps since the row before" in text
