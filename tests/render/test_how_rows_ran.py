"""What the summary says of how the rows of a step went through the model."""

from __future__ import annotations

import pytest

from evidence.records.run import JournalEvent, ValueRecord
from evidence.render import training
from evidence.render.values import Sheet
from evidence.text.written import as_markdown


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
    words = as_markdown(training._ran((ran,), (event("schedule", num_rows=num_rows),)))
    assert words == f", run as {said} on cpu"


def sheet(**settings: float | bool) -> Sheet:
    plain = ("as-recorded", "declared")
    found = {
        f"train.{name}": ValueRecord(value, None, "", f"milestone.toml#/train/{name}", *plain)
        for name, value in settings.items()
    }
    return Sheet(found)  # type: ignore[arg-type]


def test_settings_that_few_milestones_have_are_shown_where_they_are_set() -> None:
    assert training._options(sheet()) == ""
    said = as_markdown(
        training._options(sheet(gradient_checkpointing=True, adam_beta2=0.9995, adam_epsilon=1e-7))
    )
    assert said == "`adam_beta2` 0.9995, `adam_epsilon` 1e-7, `gradient_checkpointing` yes"


def test_a_loss_that_is_another_one_is_said_to_be() -> None:
    assert training._other_loss(sheet(adam_beta1=0.8)) == ""
    said = as_markdown(training._other_loss(sheet(label_smoothing=0.1, neftune_noise_alpha=5.0)))
    assert "smoothed" in said
    assert "1 − 0.1 of its own negative log-likelihood" in said
    assert "Noise was added" in said
