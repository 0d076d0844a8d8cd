"""What differs between two arms is told; what follows, and what was meant, is not accused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evidence.records.arms import Arm, ArmDifference, ArmsRecord
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord, FieldCoverage, Lengths, SeenRecord
from evidence.records.milestone import DataSpec, EvalSpec, ModelSpec
from evidence.records.training import TrainSpec
from evidence.rules.arms import compare_arms, covers, undeclared
from evidence.text import arms as said

UNKNOWN = Unavailable("nobody looked")


def data(rows: int = 120, digest: str = "a") -> DataRecord:
    return DataRecord(
        name="train", path="d.jsonl", hub=None, revision=None, sha256=digest * 64,
        sha256_lf=digest * 64, git_blob="0" * 40, size_bytes=1, line_ends="lf", num_rows=rows,
        field_names=("prompt", "answer"), num_schema_violations=0,
        length_chars=Lengths(1, 1, 1, 1, 1), num_duplicate_rows=0, duplicate_rows=(),
        normalised_duplicate_rows=(), num_conflicting_prompts=0, conflicting_rows=(),
        overlap=UNKNOWN,
    )  # fmt: skip


def field(name: str, rows: int, *, loss: int, cut: int = 0) -> FieldCoverage:
    return FieldCoverage(name, name == "answer", rows, loss, tuple(range(cut)))


def seen(rows: int = 120, **given: Any) -> SeenRecord:
    fields = (field("prompt", rows, loss=0), field("answer", rows, loss=rows))
    record = SeenRecord(
        schema="seen.v1", stage="train", text_template="", num_rows=rows, num_rows_fed=rows,
        times_seen_min=1, times_seen_max=1, times_seen=UNKNOWN, num_tokens=20 * rows,
        num_fed_tokens=30 * rows, num_target_tokens=5 * rows, rows_truncated=(), tokens_cut=(),
        num_tokens_cut=0, coverage=fields, stream_sha256="c" * 64, batches=(),
    )  # fmt: skip
    return replace(record, **given)


CONTROL = Arm(
    name="control",
    train=TrainSpec(),
    evaluation=EvalSpec(),
    model=ModelSpec(config="model", init_seed=1),
    text=DataSpec(path="d.jsonl", text="{{ prompt }} {{ answer }}", answer=("answer",)),
    data=data(),
    evaluation_data=data(20, "e"),
    start_sha256="b" * 64,
    tokenizer_sha256="f" * 64,
    seen=seen(),
    num_steps=30,
)
PROMPT_ONLY = replace(
    CONTROL,
    name="prompt-only",
    text=DataSpec(path="d.jsonl", text="{{ prompt }}"),
    data=data(digest="d"),
    seen=seen(
        num_target_tokens=100,
        coverage=(field("prompt", 120, loss=120), replace(field("answer", 0, loss=0))),
        stream_sha256="d" * 64,
    ),
)
"""The real fault: one was trained on the prompt, its successor on prompt and answer, and the gain
was credited to the order of the data."""


def by_name(found: ArmsRecord) -> dict[str, ArmDifference]:
    return {one.name: one for one in found.differences}


def test_an_arm_is_like_itself() -> None:
    found = compare_arms(CONTROL, CONTROL, ("data",))
    assert (found.differences, found.not_checked, found.not_varied) == ((), (), ("data",))
    assert said.of_not_varied(found) == "declared to differ, and the same: data"
    assert said.of_undeclared(undeclared(found)) == said.of_not_checked(found) == ""


def test_a_gain_that_the_order_is_credited_with_is_traced_to_what_the_model_saw() -> None:
    found = compare_arms(PROMPT_ONLY, CONTROL, ("data",))
    first = found.differences[0]
    assert (first.kind, first.name, first.standing) == ("seen", "seen.answer.loss", "undeclared")
    assert first.values == ("0 of 120 rows", "120 of 120 rows")
    assert by_name(found)["data"].standing == "declared"
    assert by_name(found)["seen.order"].standing == "consequence"
    assert said.of_undeclared(undeclared(found)).startswith(
        "these arms also differ in rows in which answer carries loss: 0 of 120 rows against 120 of "
        "120 rows (by data.text, data.answer); rows in which prompt carries loss: 120 of 120 rows "
        "against 0 of 120 rows"
    )
    assert [one.name for one in undeclared(found)] == ["seen.answer.loss", "seen.prompt.loss"]


def test_what_the_model_saw_is_no_news_where_it_was_meant() -> None:
    for varies in (("data", "seen", "data.text", "data.answer"),
                   ("data", "data.text", "data.answer")):  # fmt: skip
        assert undeclared(compare_arms(PROMPT_ONLY, CONTROL, varies)) == ()


def test_more_rows_are_said_once_and_steps_and_tokens_follow() -> None:
    more = replace(
        CONTROL, data=data(240, "d"), seen=seen(240, stream_sha256="d" * 64), num_steps=60
    )
    found = compare_arms(CONTROL, more, ("data",))
    assert [one.name for one in undeclared(found)] == ["data.num_rows"]
    for name in ("budget.steps", "budget.rows_fed", "budget.tokens", "budget.target_tokens"):
        assert by_name(found)[name].standing == "consequence", name
        assert "data.num_rows" in by_name(found)[name].follows_from
    wanted = "these arms also differ in rows of the training data: 120 against 240"
    assert said.of_undeclared(undeclared(found)) == wanted


def test_steps_that_follow_from_nothing_are_a_difference_of_their_own() -> None:
    fewer = replace(CONTROL, num_steps=29, seen=seen(num_rows_fed=116, stream_sha256="9" * 64))
    found = compare_arms(CONTROL, fewer, ("data",))
    assert [one.name for one in undeclared(found)] == ["budget.steps"]
    assert by_name(found)["budget.rows_fed"].follows_from == ("budget.steps",)


def test_a_share_of_target_tokens_follows_from_where_the_loss_falls() -> None:
    fields = (seen().coverage[0], replace(seen().coverage[1], num_rows_in_target=60))
    fewer = replace(CONTROL, seen=seen(coverage=fields, num_target_tokens=300))
    found = compare_arms(CONTROL, fewer, ())
    assert [one.name for one in undeclared(found)] == ["seen.answer.loss"]
    assert by_name(found)["seen.target_share"].follows_from == ("seen.answer.loss",)


def test_longer_texts_are_more_tokens_and_that_follows_from_the_data() -> None:
    longer = replace(
        CONTROL,
        data=data(digest="d"),
        seen=seen(num_tokens=4000, num_target_tokens=2000, stream_sha256="d" * 64),
    )
    found = compare_arms(CONTROL, longer, ("data",))
    assert undeclared(found) == ()
    for name in ("budget.tokens", "seen.target_share", "seen.order"):
        assert "data" in by_name(found)[name].follows_from, name


def test_a_few_rows_that_lose_their_answer_matter_where_the_rows_are_the_same() -> None:
    cut = seen(coverage=(field("prompt", 120, loss=0), field("answer", 120, loss=118, cut=2)))
    same = compare_arms(CONTROL, replace(CONTROL, seen=cut), ())
    assert [one.name for one in undeclared(same)] == ["seen.answer.loss", "seen.answer.cut"]
    for rows in (data(digest="d"), UNKNOWN):
        other = compare_arms(CONTROL, replace(CONTROL, seen=cut, data=rows), ("data",))
        assert "seen.answer.loss" not in by_name(other)
    shorter = replace(CONTROL, seen=cut, train=TrainSpec(max_length=64))
    found = compare_arms(CONTROL, shorter, ("train.max_length",))
    assert undeclared(found) == ()
    assert by_name(found)["seen.answer.loss"].follows_from == ("train.max_length",)


def test_an_answer_that_is_never_learned_is_told_however_rarely_the_other_arm_learns_it() -> None:
    sides = [
        replace(CONTROL, data=data(digest=one), seen=seen(coverage=(field("answer", 120, loss=n),)))
        for one, n in (("a", 0), ("d", 2))
    ]
    found = compare_arms(*sides, ("data",))
    assert [one.name for one in undeclared(found)] == ["seen.answer.loss"]


def test_a_field_that_one_data_set_alone_has_follows_from_the_data() -> None:
    fields = (*seen().coverage, field("correction", 120, loss=120))
    other = replace(CONTROL, data=data(digest="d"), seen=seen(coverage=fields))
    found = compare_arms(CONTROL, other, ("data",))
    assert by_name(found)["seen.correction"].standing == "consequence"
    assert by_name(found)["seen.correction"].values == ("no such field", "a field")


def test_a_field_that_never_reaches_the_model_is_told_even_without_loss() -> None:
    fields = (replace(seen().coverage[0], num_rows_in_sequence=0), seen().coverage[1])
    found = compare_arms(CONTROL, replace(CONTROL, seen=seen(coverage=fields)), ())
    assert [one.name for one in undeclared(found)] == ["seen.prompt.sequence"]
    title = "rows in which the model sees prompt: 120 of 120 rows against 0 of 120 rows"
    assert said.of_difference(found.differences[0]) == title


def test_other_start_weights_are_told_with_what_they_come_from() -> None:
    other = replace(CONTROL, start_sha256="0" * 64, model=ModelSpec(config="model", init_seed=2))
    found = compare_arms(CONTROL, other, ("data",))
    assert [one.name for one in undeclared(found)] == ["start"]
    assert by_name(found)["start"].follows_from == ("model.init_seed",)
    text = f"the start weights: {'b' * 12} against {'0' * 12} (by model.init_seed)"
    assert said.of_difference(undeclared(found)[0]) == text
    assert undeclared(compare_arms(CONTROL, other, ("model",))) == ()


def test_equal_start_weights_are_the_same_wherever_they_come_from() -> None:
    moved = replace(CONTROL, model=ModelSpec(path="elsewhere"))
    assert compare_arms(CONTROL, moved, ()).differences == ()


def test_line_ends_and_names_are_no_difference() -> None:
    crlf = replace(data(), sha256="9" * 64, line_ends="crlf", path="e.jsonl", name="other")
    other = replace(
        CONTROL,
        data=crlf,
        train=TrainSpec(data="other", log_every_steps=3),
        evaluation=EvalSpec(data="more", id_field="nr"),
    )
    assert compare_arms(CONTROL, other, ()).differences == ()


def test_evaluations_that_differ_are_told() -> None:
    other = replace(
        CONTROL,
        evaluation=EvalSpec(max_new_tokens=8, scorers=("exact",)),
        evaluation_data=data(20, "0"),
        tokenizer_sha256="0" * 64,
    )
    found = compare_arms(CONTROL, other, ("eval",))
    assert [one.name for one in undeclared(found)] == ["tokenizer"]
    named = {one.name for one in found.differences if one.standing == "declared"}
    assert named == {"eval.max_new_tokens", "eval.scorers", "eval.data"}


UNKNOWN_ARM = replace(
    CONTROL,
    train=None,
    evaluation=None,
    model=None,
    data=UNKNOWN,
    seen=UNKNOWN,
    num_steps=UNKNOWN,
    start_sha256=UNKNOWN,
    tokenizer_sha256=UNKNOWN,
)


@pytest.mark.parametrize("pair", [(CONTROL, UNKNOWN_ARM), (UNKNOWN_ARM, CONTROL)])
def test_what_is_not_known_is_not_called_the_same(pair: tuple[Arm, Arm]) -> None:
    varies = ("data", "seen.answer", "train.learning_rate", "start", "eval", "model.path")
    found = compare_arms(*pair, varies)
    assert found.differences == found.not_varied == ()
    assert [one.name for one in found.not_checked] == [
        "seen", "data", "start", "model", "tokenizer", "train", "eval", "budget.steps",
    ]  # fmt: skip
    assert "data (nobody looked); start (nobody looked)" in said.of_not_checked(found)


@pytest.mark.parametrize("side", [0, 1])
def test_an_unknown_evaluation_set_is_not_called_the_same(side: int) -> None:
    pair = [CONTROL, CONTROL]
    pair[side] = replace(CONTROL, evaluation_data=UNKNOWN)
    (one,) = compare_arms(pair[0], pair[1], ()).not_checked
    assert (one.name, one.reason) == ("eval.data", "nobody looked")


def test_arms_without_an_evaluation_are_compared_by_their_training() -> None:
    bare = replace(CONTROL, evaluation=None, text=None, seen=seen(num_tokens=0))
    assert compare_arms(bare, bare, ()).not_checked == ()


SETTINGS = {
    "learning_rate": st.sampled_from([2e-5, 1e-4]),
    "epochs": st.sampled_from([1, 1.0, 2]),
    "seed": st.integers(1, 2),
    "weight_decay": st.sampled_from([0, 0.0, 0.1]),
}
TRAINS = st.fixed_dictionaries(SETTINGS).map(lambda given: TrainSpec(**given))


@given(TRAINS, TRAINS)
def test_settings_differ_by_their_values_alone_and_from_either_side(
    one: TrainSpec, other: TrainSpec
) -> None:
    first, second = replace(CONTROL, train=one), replace(CONTROL, train=other)
    there, back = compare_arms(first, second, ()), compare_arms(second, first, ())
    wanted = {f"train.{key}" for key in SETTINGS if getattr(one, key) != getattr(other, key)}
    assert {row.name for row in there.differences} == wanted
    assert [row.values for row in there.differences] == [
        row.values[::-1] for row in back.differences
    ]
    named = compare_arms(first, second, sorted(wanted))
    assert undeclared(named) == ()
    assert {row.name for row in undeclared(there)} == wanted


def test_a_declared_name_covers_what_lies_below_it_but_data_only_the_data() -> None:
    assert covers("train", "train.seed")
    assert covers("seen.answer", "seen.answer.loss")
    assert not covers("seen.ans", "seen.answer.loss")
    assert covers("data", "data")
    assert not covers("data", "data.text")


def test_values_are_shown_short() -> None:
    def shown(value: Any) -> str:
        one = ArmDifference("setting", "train.x", (value, None), "undeclared", ())
        return said.of_difference(one)

    assert shown(2e-5) == "train.x: 2e-5 against none"
    assert shown(True) == "train.x: True against none"
    assert shown("a\nb") == "train.x: a b against none"
    assert shown("x" * 99) == f"train.x: {'x' * 60}… against none"
    assert said.title("seen.answer") == "the field answer"
