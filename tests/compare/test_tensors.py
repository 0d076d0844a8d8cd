"""Laws of weights and logits side by side, and of the steps that a page shows."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evidence.compare.decay import common_pull
from evidence.compare.logits import compare_logits
from evidence.compare.steps import folded, step_differences, tolerance_for
from evidence.compare.tensors import MAX_EXCHANGES, apart, compare_weights
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.comparison import LogitsComparison, WeightsComparison
from evidence.records.tensors import TensorMovement
from evidence.results.side_by_side import ComparedStep
from evidence.rules.closeness import ACROSS_FRAMEWORKS, WITHIN_A_FRAMEWORK
from evidence.stages.eval import LOGITS, PREDICTIONS
from evidence.stages.train import WEIGHTS
from evidence.verification.verification import VerifiedPack
from tests.compare import forged
from tests.compare.conftest import packs
from tests.documents import replaced

__all__ = ["packs"]

Packs = Callable[[str], VerifiedPack]
DIMENSIONS = {one.name: len(one.shape) for one in forged.tensors()}


@pytest.fixture
def first(packs: Packs) -> Documents:
    return forged.whole(packs("as-it-is").documents)


def weights(before: Documents, after: Documents) -> WeightsComparison:
    found = compare_weights(before, after)
    assert isinstance(found, WeightsComparison)
    return found


def changed(first: Documents, change: Callable[[TensorMovement], TensorMovement]) -> Documents:
    return forged.with_tensors(first, [change(one) for one in forged.tensors()], end="f" * 64)


def test_equal_tensors_are_no_distance_apart(first: Documents) -> None:
    found = weights(first, first)
    assert (found.same_start, found.same_end, found.exchanged, found.only_in_one) == (
        True, True, (), ()
    )  # fmt: skip
    assert {one.moved_difference for one in found.tensors} == {0.0}


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_distance_is_a_share_and_the_same_from_both_sides(one: float, two: float) -> None:
    assert 0 <= apart(one, two) == apart(two, one) <= 1


@pytest.mark.parametrize("share", [1e-7, 1e-4, 1e-2, 0.1, 0.5])
def test_noise_exchanges_nothing_and_pulls_at_nothing(share: float, first: Documents) -> None:
    for seed in range(20):
        found = weights(first, changed(first, forged.with_noise(share, seed)))
        assert found.exchanged == ()
        assert common_pull(found, DIMENSIONS) is None


def test_a_larger_step_is_no_decay(first: Documents) -> None:
    """Every tensor moves farther by one factor: across itself, and not along."""
    found = weights(first, changed(first, larger))
    assert all(one.end_difference > 0 for one in found.tensors)
    assert common_pull(found, DIMENSIONS) is None


def larger(one: TensorMovement) -> TensorMovement:
    moved = 1.1 * one.rms_moved
    return replace(one, rms_moved=moved, rms_end=(one.rms_start**2 + moved**2) ** 0.5)


@pytest.mark.parametrize("share", [1e-5, 1e-3, 0.1, 0.7])
def test_a_common_share_is_measured(share: float, first: Documents) -> None:
    pull = common_pull(weights(first, changed(first, forged.pulled(share))), DIMENSIONS)
    assert pull is not None
    assert pull.share == pytest.approx(share, rel=1e-3)
    assert pull.num_tensors == forged.NUM_LAYERS * len(forged.MATRICES)


def test_one_layer_alone_is_no_exchange(first: Documents) -> None:
    crossed = forged.exchanged(forged.tensors(), ("rms_end", "rms_moved"))
    one_layer = [
        mine if ".2." in mine.name else plain
        for mine, plain in zip(crossed, forged.tensors(), strict=True)
    ]
    found = weights(first, forged.with_tensors(first, one_layer))
    assert found.exchanged == ()


def test_tensors_of_other_shapes_and_names_are_no_pair(first: Documents) -> None:
    found = list(forged.tensors())
    found[0] = replace(found[0], shape=(3,))
    found[1] = replace(found[1], name="other")
    compared = weights(first, forged.with_tensors(first, found))
    assert compared.only_in_one == tuple(
        sorted({forged.tensors()[0].name, forged.tensors()[1].name, "other"})
    )


def test_other_samples_of_the_numbers_cannot_be_compared(first: Documents) -> None:
    record = first.document(WEIGHTS)
    assert record is not None
    sampled = replace(
        first, of_stages={**first.of_stages, WEIGHTS.path: replace(record, compared_every=3)}
    )
    assert isinstance(compare_weights(first, sampled), Unavailable)


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e200, 1.7e308])
def test_numbers_of_any_size_are_compared(size: float, first: Documents) -> None:
    def scaled(one: TensorMovement) -> TensorMovement:
        kept = {key: min(size, getattr(one, key) * size) for key in ("rms_end", "rms_moved")}
        return replace(one, rms_start=size, **kept)

    found = weights(changed(first, scaled), first)
    assert common_pull(found, DIMENSIONS) is None
    record = first.document(LOGITS)
    assert record is not None
    rows = tuple(replace(row, logits=(size, -size, *row.logits[2:])) for row in record.rows)
    large = replace(first, of_stages={**first.of_stages, LOGITS.path: replace(record, rows=rows)})
    compared = compare_logits(large, first)
    jsonio.dump_document(encode([encode(found), encode(compared)]))


def test_a_pack_of_very_many_tensors_is_compared_in_time(first: Documents) -> None:
    names = [f"a.{layer}.{kind}" for layer in range(100) for kind in "bcdefghijklmnopqrstuvwxyz"]
    many = [TensorMovement(name, (1,), 1, 0.0, 1.0, 1.0) for name in names]
    odd = [replace(one, rms_end=1.0 + place % 25) for place, one in enumerate(many)]
    turned = [replace(one, rms_end=1.0 + (place + 1) % 25) for place, one in enumerate(many)]
    before, after = forged.with_tensors(first, odd), forged.with_tensors(first, turned)
    began_s = time.monotonic()
    assert len(weights(before, after).exchanged) <= MAX_EXCHANGES
    assert time.monotonic() - began_s < 20


def test_a_pack_without_them_says_which(first: Documents) -> None:
    bare = {k: v for k, v in first.of_stages.items() if k not in (WEIGHTS.path, LOGITS.path)}
    old = replace(first, of_stages=bare)
    assert compare_weights(first, old) == Unavailable("the other pack has no weights.json")
    assert compare_logits(old, first) == Unavailable("the first pack has no logits.json")


def test_logits_are_compared_prompt_by_prompt_by_their_spread(first: Documents) -> None:
    found = compare_logits(first, forged.with_logits(first, shift=0.5))
    assert isinstance(found, LogitsComparison)
    assert [one.id for one in found.prompts] == [one.id for one in first.rows(PREDICTIONS)]
    for one in found.prompts:
        assert one.num_compared == 64
        assert one.largest_difference == pytest.approx(0.5)
        assert one.relative_difference == pytest.approx(0.5 / one.spread)


def test_a_first_token_that_is_another_one_is_seen(first: Documents) -> None:
    found = compare_logits(first, forged.with_logits(first, shift=20.0))
    assert isinstance(found, LogitsComparison)
    assert all(one.first_tokens[1] == 4 != one.first_tokens[0] for one in found.prompts)


def test_only_prompts_fed_alike_are_compared(first: Documents) -> None:
    record = first.document(LOGITS)
    assert record is not None
    rows = (
        replace(record.rows[0], num_prompt_tokens=record.rows[0].num_prompt_tokens + 1),
        *record.rows[1:-1],
    )
    other = replace(first, of_stages={**first.of_stages, LOGITS.path: replace(record, rows=rows)})
    found = compare_logits(first, other)
    assert isinstance(found, LogitsComparison)
    assert (len(found.prompts), found.num_only_in_one) == (len(record.rows) - 2, 2)
    asked = tuple(replace(one, prompt="another") for one in first.rows(PREDICTIONS))
    assert isinstance(compare_logits(first, replaced(first, predictions=asked)), Unavailable)
    assert isinstance(compare_logits(first, forged.with_logits(first, vocabulary=9)), Unavailable)


def steps(*losses: float) -> list[ComparedStep]:
    return [ComparedStep(number, one, "", number, 0.1, 1.0) for number, one in enumerate(losses, 1)]


def test_a_reader_gets_the_first_the_largest_the_first_past_and_the_last() -> None:
    plain = random.Random(3).choices([1.0, 1.1], k=40)
    other = [*plain[:20], plain[20] + 0.1, *plain[21:30], plain[30] + 0.5, *plain[31:]]
    rows = step_differences(steps(*plain), steps(*other))
    assert [(row.step, why) for row, why in folded(rows, 21)] == [
        (1, ""), (2, ""), (3, ""), (21, "the first past the tolerance"),
        (31, "the largest of the loss"), (40, "the last"),
    ]  # fmt: skip
    assert folded((), None) == []
    assert [row.step for row, _ in folded(rows[:1], None)] == [1]


def test_a_difference_without_meaning_is_none_and_not_nought() -> None:
    (row,) = step_differences(
        [ComparedStep(1, 0.0, "", 1, None, None)], [ComparedStep(1, 1.0, "", 1, 0.1, 2.0)]
    )
    assert (row.loss_difference, row.grad_norm_difference, row.learning_rate_difference) == (
        None, None, None
    )  # fmt: skip
    (row,) = step_differences([ComparedStep(1, "nan", "", 1)], [ComparedStep(1, "nan", "", 1)])
    assert row.loss_difference == 0.0


def test_the_tolerance_is_that_of_one_framework_or_of_two_or_the_users(first: Documents) -> None:
    other = forged.within(forged.JAX)(first)
    silent = forged.within(forged.NONE)(first)
    assert tolerance_for(first, first, None) == WITHIN_A_FRAMEWORK
    assert tolerance_for(first, silent, None) == WITHIN_A_FRAMEWORK
    assert tolerance_for(first, other, None) == ACROSS_FRAMEWORKS
    stated = tolerance_for(first, other, 0.25)
    assert (stated.at(1), stated.at(2)) == (0.25, 0.25)
    assert (ACROSS_FRAMEWORKS.at(1), ACROSS_FRAMEWORKS.at(2)) == (1e-5, 5e-3)
