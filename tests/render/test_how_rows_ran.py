"""What the summary says of how the rows of a step went through the model."""

from __future__ import annotations

import pytest

from evidence.records.run import JournalEvent
from evidence.render import training


def event(name: str, **data: object) -> JournalEvent:
    return JournalEvent(1, "2026-01-01T00:00:00Z", 0.0, name, "torch", data, "0" * 64)


@pytest.mark.parametrize(
    ("rows_per_forward", "accumulation", "num_rows", "said"),
    [
        (1, 4, 550, "1 × 4"),
        (4, 1, 550, "4 × 1"),
        (64, 4, 12, "12 × 1"),
        (8, 4, 12, "8 × 2"),
        (4, 3, 12, "4 × 3"),
    ],
)
def test_a_step_has_no_more_rows_than_there_are(
    rows_per_forward: int, accumulation: int, num_rows: int, said: str
) -> None:
    ran = event(
        "execution",
        rows_per_forward=rows_per_forward,
        accumulation=accumulation,
        device="cpu",
        num_devices=1,
    )
    words = training._ran((ran,), (event("schedule", num_rows=num_rows),))
    assert words == f", run as {said} on cpu"
