"""Laws of what no likelihood can be, on a real tiny model whose prompts end with a line feed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.rules import likelihood
from evidence.self_test.forger import ForgedPack
from tests.running.test_likelihoods import MILESTONE, failed_checks, predictions, run_in
from tests.seeds import tiny
from tests.shared import made_once

pytestmark = pytest.mark.torch

AT_A_LINE_FEED = MILESTONE.replace('before_target = " "\n', "").replace("Answer: {{", "{{")
"""What is fed goes on as the training texts do, so the probe measures what mean_loss is of."""


def run_at_a_line_feed(folder: Path) -> Path:
    return run_in(folder, AT_A_LINE_FEED)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "at-a-line-feed", run_at_a_line_feed) / "runs/T7"


def told(row: dict[str, Any], sums: list[float], counts: list[int] | None = None) -> None:
    """Other likelihoods of a row's choices, with all that follows from them."""
    found = row["choices"]
    found["log_likelihoods"] = sums
    found["num_tokens"] = counts or found["num_tokens"]
    right = found["right"]
    row["answer_loss"], row["num_answer_tokens"] = -sums[right], found["num_tokens"][right]
    per_token = [one / n for one, n in zip(sums, found["num_tokens"], strict=True)]
    found["picked"] = likelihood.picked(per_token)
    row["scores"]["choice"] = found["picked"] == right


def all_certain(forged: ForgedPack) -> None:
    told(forged.rows(layout.PREDICTIONS)[0], [-0.001, -0.002, -0.003])


def as_many_tokens_as_one_likes(forged: ForgedPack) -> None:
    row = forged.rows(layout.PREDICTIONS)[0]
    told(row, row["choices"]["log_likelihoods"], [1000, *row["choices"]["num_tokens"][1:]])


def likelier_than_any_token(forged: ForgedPack) -> None:
    row = forged.rows(layout.PREDICTIONS)[0]
    told(row, [-0.001, *row["choices"]["log_likelihoods"][1:]])


def a_smaller_loss(forged: ForgedPack) -> None:
    """Of every answer, where the logits allow it."""
    for row in forged.rows(layout.PREDICTIONS):
        told(row, [0.9 * one for one in row["choices"]["log_likelihoods"]])


def another_probe(forged: ForgedPack) -> None:
    for event in forged.doc(layout.JOURNAL):
        if event["event"] == "probe" and event["data"]["moment"] == "after":
            event["data"]["loss"] *= 0.9


LIES = (
    all_certain,
    as_many_tokens_as_one_likes,
    likelier_than_any_token,
    a_smaller_loss,
    another_probe,
)


@pytest.mark.parametrize("lie", LIES)
def test_a_likelihood_that_none_can_be_is_found(
    lie: Callable[[ForgedPack], None], pack: Path, tmp_path: Path
) -> None:
    assert "prediction-scores" in failed_checks(pack, tmp_path, lie)


def test_an_honest_pack_is_within_the_limits_and_the_probe_measured_the_same(
    pack: Path, tmp_path: Path
) -> None:
    assert failed_checks(pack, tmp_path, lambda _: None) == set()
    rows, values = predictions(pack), tiny.values_of(pack)
    assert values["eval.mean_loss"]["value"] == pytest.approx(
        values["probe.loss_after"]["value"], rel=1e-4
    )
    assert all(row["num_answer_tokens"] <= len(row["target"].encode()) for row in rows)
