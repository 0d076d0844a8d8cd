"""Laws of the reasons of a difference: each fault is named by its facts, and nobody is accused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from evidence.compare.pair import Pair
from evidence.compare.reasons import reasons
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.inputs import SeenRecord
from evidence.rules.closeness import NUM_EARLY_STEPS, rounding_limit
from evidence.stages.eval import PREDICTIONS
from evidence.stages.train import SEEN, STEPS
from evidence.verification.verification import VerifiedPack
from tests.compare import forged
from tests.compare.conftest import packs
from tests.compare.forged import JAX, Change, as_rounding, found, within
from tests.documents import replaced

__all__ = ["packs"]

Packs = Callable[[str], VerifiedPack]
ACCUSATIONS = {"function", "gradient", "update", "mapping", "decay", "saved-model", "rates"}


@pytest.fixture
def first(packs: Packs) -> Documents:
    return forged.whole(packs("as-it-is").documents)


def another(documents: Documents, *changes: Change) -> Documents:
    """A second run: it takes its own time."""
    made = forged.with_losses(lambda _: 0.0)(documents)
    for change in changes:
        made = change(made)
    return made


def test_a_run_that_came_out_the_same_needs_no_reason(first: Documents) -> None:
    assert reasons(Pair(first, another(first))) == ()


@pytest.mark.parametrize(
    ("share", "norms_at_zero"), [(0.0, True), (1e-4, True), (1e-4, False), (1e-2, True)]
)
def test_rounding_is_called_rounding_and_accuses_nobody(
    share: float, norms_at_zero: bool, first: Documents
) -> None:
    plain = forged.tensors(norms_at_zero=norms_at_zero)
    before = forged.with_tensors(first, plain)
    noise = forged.with_noise(share)
    second = another(
        before,
        within(JAX),
        forged.with_losses(as_rounding),
        lambda one: forged.with_tensors(one, [noise(each) for each in plain], end="f" * 64),
    )
    names = found(before, second)
    assert not ACCUSATIONS & names.keys()
    assert "framework" in names["rounding"].facts
    assert "as rounding does" in names["rounding"].explanation


def test_norms_exchanged_are_named_though_every_loss_is_the_same(first: Documents) -> None:
    """Norms that all start at zero: only where the numbers of the tensors stand tells."""
    crossed = forged.exchanged(forged.tensors(), ("rms_end", "rms_moved"))
    second = another(first, lambda one: forged.with_tensors(one, crossed, end="f" * 64))
    names = found(first, second)
    assert names.keys() == {"mapping"}
    said = names["mapping"].explanation
    assert "model.layers.*.input_layernorm.weight" in said
    assert "model.layers.*.post_attention_layernorm.weight are exchanged" in said
    assert "from the same start weights" in said
    assert "start-weights" in names["mapping"].facts


def test_norms_exchanged_are_named_under_rounding_of_another_framework(first: Documents) -> None:
    noise = forged.with_noise(2e-4)
    crossed = forged.exchanged([noise(one) for one in forged.tensors()], ("rms_end", "rms_moved"))
    second = another(
        first,
        within(JAX),
        forged.with_losses(as_rounding),
        lambda one: forged.with_tensors(one, crossed, end="f" * 64),
    )
    assert found(first, second).keys() == {"rounding", "mapping"}


def test_other_tensors_of_one_shape_can_be_exchanged_too(first: Documents) -> None:
    names = ("self_attn.q_proj", "self_attn.o_proj")
    crossed = forged.exchanged(forged.tensors(), ("rms_end", "rms_moved"), names)
    second = another(first, lambda one: forged.with_tensors(one, crossed, end="f" * 64))
    assert "q_proj" in found(first, second)["mapping"].explanation


def test_norms_exchanged_before_the_first_step_are_other_start_weights(first: Documents) -> None:
    plain = forged.tensors(norms_at_zero=False)
    crossed = forged.exchanged(plain, ("rms_start", "rms_end", "rms_moved"))
    before = forged.with_tensors(first, plain)
    second = another(
        before,
        lambda one: forged.with_tensors(
            forged.started(one, "6" * 64), crossed, end="f" * 64, start="6" * 64
        ),
        forged.with_losses(lambda _: 0.01),
    )
    names = found(before, second)
    assert "stand in each other's place" in names["start"].explanation
    assert not {"mapping", "function"} & names.keys()


def test_another_function_of_the_same_weights_is_seen_at_the_first_step(first: Documents) -> None:
    second = another(first, forged.with_losses(lambda step: 4e-4 * step))
    names = found(first, second)
    assert names.keys() == {"function"}
    assert "start-weights" in names["function"].facts
    assert "another function of the same weights" in names["function"].explanation


def test_without_a_digest_of_the_start_both_ways_stay_open(first: Documents) -> None:
    before = forged.started(first, None)
    names = found(before, another(before, forged.with_losses(lambda _: 4e-4)))
    assert "start from other weights, or compute another function" in (
        names["function"].explanation
    )
    assert "start-weights" not in names["function"].facts


def test_a_difference_of_number_formats_is_no_other_function(packs: Packs) -> None:
    first = forged.whole(packs("as-it-is").documents)
    text = first.milestone_text.replace('dtype = "float32"', 'dtype = "bfloat16"')
    assert text != first.milestone_text
    train = replace(first.milestone.train, dtype="bfloat16")
    coarse = replace(
        first, milestone=replace(first.milestone, given_train=train), milestone_text=text
    )
    names = found(first, another(coarse, forged.with_losses(lambda step: 1e-3 * step)))
    assert names.keys() == {"settings"}
    assert "number format float32 → bfloat16" in names["settings"].explanation


def test_a_loss_that_training_makes_otherwise_of_equal_logits_is_no_other_function(
    first: Documents,
) -> None:
    before = with_pass(first, 4.0)
    names = found(before, another(before, forged.with_losses(lambda _: 0.05)))
    assert names.keys() == {"loss"}


def test_that_dropout_is_ruled_out_is_said_where_it_is_known(first: Documents) -> None:
    off = forged.with_losses(lambda _: 0.05)
    assert "dropout are not ruled out" in found(first, another(first, off))["function"].explanation
    before, after = (with_pass(first, ours) for ours in (4.0, 4.2))
    reason = found(before, another(after, off))["function"]
    assert "dropout" not in reason.explanation
    assert "journal.jsonl: loss" in reason.facts


def with_pass(documents: Documents, ours: float) -> Documents:
    """With the loss of the first forward pass, dropout off."""
    fact = {"stage": "train", "segment": 1, "step": 1, "num_rows": 3, "ours": ours}
    place = next(i for i, one in enumerate(documents.journal) if one.event == "stage-started")
    event = replace(documents.journal[place], event="loss", data=fact)
    journal = (*documents.journal[:-1], event, documents.journal[-1])
    return replace(documents, journal=journal)


def with_probe(documents: Documents, share: float) -> Documents:
    """With another loss of the evaluation examples before the first step."""
    assert documents.results is not None
    values = dict(documents.results.values)
    one = values["probe.loss_before"]
    assert isinstance(one.value, (int, float))
    values["probe.loss_before"] = replace(one, value=one.value * (1 + share))
    return replace(documents, results=replace(documents.results, values=values))


def test_the_evaluation_examples_tell_another_function_before_the_first_step(
    first: Documents,
) -> None:
    parted = forged.with_losses(as_rounding)
    names = found(first, another(with_probe(first, 5e-4), parted))
    assert "before the first step" in names["function"].explanation
    assert found(first, another(with_probe(first, 5e-7), parted)).keys() == {"rounding"}
    unknown = forged.started(with_probe(first, 5e-4), None)
    assert "function" not in found(first, another(unknown, parted))


def test_another_decay_that_no_setting_shows_is_an_update_and_a_pull(first: Documents) -> None:
    pulled = [forged.pulled(1e-3)(one) for one in forged.tensors()]
    second = another(
        first,
        forged.with_losses(lambda step: 0.0 if step == 1 else 4e-6 * step),
        lambda one: forged.with_tensors(one, pulled, end="f" * 64),
    )
    names = found(first, second)
    assert names.keys() == {"update", "decay"}
    assert "at step 2" in names["update"].explanation
    assert "weight decay" in names["update"].explanation
    rates = sum(row.learning_rate for row in first.rows(STEPS))
    assert f"{1e-3 / rates:.2g}" in names["decay"].explanation
    assert "the other pack" in names["decay"].explanation


def test_decay_shows_where_losses_cannot_tell_it_from_rounding(first: Documents) -> None:
    pulled = [forged.pulled(1e-5)(one) for one in forged.tensors()]
    second = another(
        first,
        forged.with_losses(as_rounding),
        lambda one: forged.with_tensors(one, pulled, end="f" * 64),
    )
    assert found(first, second).keys() == {"rounding", "decay"}
    turned = found(second, first)["decay"]
    assert "the first pack" in turned.explanation


def test_another_decay_that_is_stated_is_named_with_both_values(packs: Packs) -> None:
    first = forged.whole(packs("as-it-is").documents)
    train = replace(first.milestone.train, weight_decay=0.1)
    stated = replace(first, milestone=replace(first.milestone, given_train=train))
    pulled = [forged.pulled(1e-3)(one) for one in forged.tensors()]
    second = another(
        stated,
        forged.with_losses(lambda step: 1e-4 * (step - 1)),
        lambda one: forged.with_tensors(one, pulled, end="f" * 64),
    )
    names = found(first, second)
    assert names.keys() == {"settings"}
    assert "weight decay 0.0 → 0.1" in names["settings"].explanation
    assert names["settings"].facts == ("train.weight_decay",)


def test_another_gradient_of_the_same_loss_is_called_one(first: Documents) -> None:
    second = another(
        first, forged.with_losses(lambda step: 0.0 if step == 1 else 0.01, grad_norm=0.1)
    )
    names = found(first, second)
    assert names.keys() == {"gradient"}
    assert "mean of means" in names["gradient"].explanation


@pytest.mark.parametrize("jump_at", [2, 3, 10])
def test_losses_that_part_faster_than_rounding_are_an_update(
    jump_at: int, first: Documents
) -> None:
    def off(step: int) -> float:
        limit = rounding_limit(step, "float32", 1e-7)
        return 1e-7 if step < jump_at else 1.5 * limit

    names = found(first, another(first, forged.with_losses(off)))
    assert f"at step {jump_at} " in names["update"].explanation

    def below(step: int) -> float:
        return 1e-7 if step < jump_at else 0.9 * rounding_limit(step, "float32", 1e-7)

    assert found(first, another(first, forged.with_losses(below))).keys() == {"rounding"}


def test_what_training_makes_of_a_difference_later_is_no_fault() -> None:
    """After the first steps only a sudden difference is one, whatever the losses have come to."""
    assert rounding_limit(NUM_EARLY_STEPS, "float32", 0.0) < 1e-4
    assert rounding_limit(50, "float32", 1e-3) == pytest.approx(0.1)


def test_rates_that_no_setting_explains_are_named(first: Documents) -> None:
    steps = tuple(
        replace(row, learning_rate=row.learning_rate * (1.01 if row.step > 2 else 1))
        for row in first.rows(STEPS)
    )
    second = another(replaced(first, steps=steps), forged.with_losses(lambda step: 1e-4 * step))
    names = found(first, second)
    assert "from step 3 on" in names["rates"].explanation
    assert "update" not in names


def reordered(documents: Documents) -> Documents:
    """The rows of every recorded batch from the end of the data."""
    seen = documents.document(SEEN)
    assert isinstance(seen, SeenRecord)
    batches = tuple(
        replace(one, rows=tuple(replace(row, source_row=13 - row.source_row) for row in one.rows))
        for one in seen.batches
    )
    steps = tuple(replace(row, stream=f"{row.step:064x}") for row in documents.rows(STEPS))
    return replaced(documents, steps=steps, seen=replace(seen, batches=batches))


def test_another_order_of_the_same_data_is_named_with_the_rows_it_is_seen_in(
    first: Documents,
) -> None:
    second = another(first, reordered, forged.with_losses(lambda _: 0.1))
    names = found(first, second)
    assert names.keys() == {"order"}
    said = names["order"].explanation
    assert "the data are the same, and from step 1 on the rows are fed in another order" in said
    assert "step 1 was fed row" in said
    assert "both state the seed 7" in said
    assert "data.train" in names["order"].facts


def test_another_seed_is_named_as_what_orders_the_rows(packs: Packs) -> None:
    names = found(packs("as-it-is").documents, packs("seed").documents)
    assert names.keys() == {"order", "settings"}
    assert "train.seed 7 → 8" in names["order"].explanation
    assert "train.seed" in names["order"].facts


def test_other_data_are_no_other_order(packs: Packs) -> None:
    names = found(packs("as-it-is").documents, packs("rows").documents)
    assert "order" not in names
    assert names["data"].facts == ("data.train",)


def test_the_same_rows_as_other_tokens_are_no_other_order(first: Documents) -> None:
    seen = first.document(SEEN)
    assert isinstance(seen, SeenRecord)
    batches = tuple(
        replace(one, rows=tuple(replace(row, ids=(9, *row.ids)) for row in one.rows))
        for one in seen.batches
    )
    steps = tuple(replace(row, stream=f"{row.step:064x}") for row in first.rows(STEPS))
    second = another(replaced(first, steps=steps, seen=replace(seen, batches=batches)))
    names = found(first, second)
    assert names.keys() == {"text"}
    assert "the same rows are fed as other tokens" in names["text"].explanation


def test_the_same_training_with_other_logits_is_another_saved_model(first: Documents) -> None:
    second = another(first, lambda one: forged.with_logits(one, shift=2.0))
    names = found(first, second)
    assert names.keys() == {"saved-model"}
    assert "equal bit for bit" in names["saved-model"].explanation
    close = another(first, lambda one: forged.with_logits(one, shift=1e-4))
    assert "saved-model" not in found(first, close)


def test_logits_of_another_training_accuse_no_saved_model(first: Documents) -> None:
    moved = [forged.with_noise(0.01)(one) for one in forged.tensors()]
    second = another(
        first,
        forged.with_losses(as_rounding),
        forged.with_losses(lambda step: 1e-3 if step > 8 else 0.0),
        lambda one: forged.with_logits(forged.with_tensors(one, moved, end="f" * 64), shift=2.0),
    )
    assert "saved-model" not in found(first, second)


@pytest.mark.parametrize("variant", ["threads", "fewer-questions", "rate"])
def test_honest_runs_are_accused_of_nothing(variant: str, packs: Packs) -> None:
    names = found(packs("as-it-is").documents, packs(variant).documents)
    assert not ACCUSATIONS & names.keys()


def test_a_shorter_run_is_called_what_it_is(packs: Packs) -> None:
    names = found(packs("as-it-is").documents, packs("shorter").documents)
    assert "epochs 2 → 1" in names["settings"].explanation
    assert "order" not in names


def test_outputs_that_differ_for_no_recorded_reason_are_said_to(first: Documents) -> None:
    rows = tuple(replace(one, output="other") for one in first.rows(PREDICTIONS))
    names = found(first, another(replaced(first, predictions=rows)))
    assert names.keys() == {"unknown"}


def test_what_was_not_recorded_accuses_nobody(first: Documents) -> None:
    bare = {
        path: value
        for path, value in first.of_stages.items()
        if path not in ("weights.json", "logits.json", "seen.json")
    }
    old = replace(first, of_stages=bare)
    assert old.document(SEEN) is None
    second = another(replace(old, environment=replace(old.environment, framework=Unavailable("-"))))
    assert reasons(Pair(old, second)) == ()
    parted = replaced(
        second, steps=tuple(replace(row, stream="0" * 64) for row in second.rows(STEPS))
    )
    names = found(old, parted)
    assert names.keys() == {"rows"}
    assert "other rows are fed, or the same as other tokens" in names["rows"].explanation
