"""Every value has its place, its rule, and a reason where it is missing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from render.sample import (
    MILESTONE,
    NUM_STEPS,
    complete_pack,
    failed_pack,
    gpu,
    losses,
    predictions,
    sealed,
    steps,
    with_events,
)

from evidence.encoding import jsonio, schema
from evidence.encoding.codec import decode, encode
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.run import ResultsRecord, ValueRecord
from evidence.results import measured
from evidence.results.compute import compute_results
from evidence.rules.intervals import rate_interval
from tests.documents import replaced

NAMES = """
run.status run.stand_in run.date run.started_utc run.finished_utc run.duration_s run.num_attempts
run.num_segments run.attempt model.id model.source model.revision model.num_parameters model.dtype
tokenizer.sha256 data.train.num_rows data.train.sha256 data.train.num_duplicate_rows
data.eval.num_rows data.eval.sha256 data.overlap.num_rows train.num_steps train.epochs
train.num_samples train.batch_size train.gradient_accumulation train.learning_rate
train.max_length train.seed train.runtime_s train.samples_per_s train.steps_per_s train.loss_start
train.loss_end train.loss_mean train.loss_ratio train.num_steps_after_last_log train.num_tokens
train.num_fed_tokens train.padding_share train.num_target_tokens train.total_flos
train.peak_memory_bytes probe.loss_before probe.loss_after probe.num_examples seen.num_rows
seen.num_rows_truncated eval.num_examples eval.num_available eval.runtime_s eval.exact.num_correct
eval.exact.rate eval.exact.low eval.exact.high eval.num_empty eval.num_distinct_outputs
eval.num_looping eval.num_echoing eval.num_at_length checkpoint.num_files checkpoint.size_bytes
hardware.cpu.model hardware.memory_bytes hardware.num_gpus hardware.driver_version
hardware.driver_cuda_version software.python software.torch software.transformers software.cuda
software.packages git.commit git.branch git.dirty git.num_changed_files frozen.num_files
frozen.num_changed_during_run frozen.num_different_from_ref telemetry.peak_rss_bytes
telemetry.peak_gpu_memory_bytes telemetry.mean_gpu_utilisation_percent telemetry.peak_gpu_power_w
"""

ADDRESS = re.compile(r"[a-z_]+(/[a-z_]+)?\.(json|jsonl|toml)(#(L\d+(-L\d+)?)?(/.*)?)?")


def value(documents: Documents, name: str) -> Any:
    return compute_results(documents).values[name].value


def known_values(results: ResultsRecord) -> dict[str, ValueRecord]:
    return {name: record for name, record in results.values.items() if record.value is not None}


@pytest.mark.parametrize("pack", [complete_pack, failed_pack])
def test_every_name_of_the_contract_is_there(pack: Any) -> None:
    assert set(NAMES.split()) <= set(compute_results(pack()).values)


@pytest.mark.parametrize("pack", [complete_pack, failed_pack])
def test_a_value_is_measured_or_has_a_reason_never_both(pack: Any) -> None:
    for record in compute_results(pack()).values.values():
        assert (record.value is None) != (record.unavailable is None)
        assert record.value is not None or record.unavailable


@pytest.mark.parametrize("pack", [complete_pack, failed_pack])
def test_results_satisfy_their_schema_and_survive_the_disk(pack: Any) -> None:
    results = compute_results(pack())
    document = jsonio.load_document(jsonio.dump_document(encode(results)))
    assert schema.validate("results.v1", document) == ()
    assert decode(ResultsRecord, document) == results


@pytest.mark.parametrize("pack", [complete_pack, failed_pack])
def test_every_measured_value_has_an_address(pack: Any) -> None:
    for name, record in known_values(compute_results(pack())).items():
        for part in record.address.split(" + "):
            assert ADDRESS.fullmatch(part), (name, part)


def test_results_do_not_look_at_what_is_derived_from_them() -> None:
    pack = complete_pack()
    bare = replace(pack, results=None, manifest=None, sizes={}, digests={})
    assert compute_results(pack) == compute_results(bare)


def test_training_values_follow_from_the_step_rows() -> None:
    pack = complete_pack()
    assert value(pack, "train.num_steps") == NUM_STEPS
    assert value(pack, "train.epochs") == 1.0
    assert value(pack, "train.num_samples") == 550
    assert value(pack, "train.loss_start") == pytest.approx(sum(losses()[:10]) / 10)
    assert value(pack, "train.loss_end") == pytest.approx(sum(losses()[120:130]) / 10)
    assert value(pack, "train.loss_mean") == pytest.approx(sum(losses()) / NUM_STEPS)
    assert value(pack, "train.num_steps_after_last_log") == 8
    assert value(pack, "train.samples_per_s") == pytest.approx(550 / 73.222)
    assert value(pack, "train.steps_per_s") == pytest.approx(138 / 73.222)
    assert value(pack, "train.total_flos") == 6 * 1_000_000 * 35_200
    assert value(pack, "train.padding_share") == pytest.approx(1 - 60 / 64)


def test_the_settings_are_those_of_the_attempt_that_completed() -> None:
    values = compute_results(complete_pack()).values
    assert values["train.learning_rate"].value == 3e-3
    assert values["train.learning_rate"].address == "milestone.toml#/attempt/1/train/learning_rate"
    assert values["train.batch_size"].address == "milestone.toml#/train/batch_size"
    assert values["train.schedule"].rule == "default"


def test_the_loss_table_has_one_row_an_interval_with_its_lines() -> None:
    table = compute_results(complete_pack()).loss_table
    assert [row.step for row in table] == list(range(10, 131, 10))
    assert table[1].address == "training_output/metrics.jsonl#L11-L20/loss"
    assert table[6].learning_rate == pytest.approx(1.5e-3)


@settings(max_examples=20)
@given(index=st.integers(0, NUM_STEPS - 1), by=st.floats(0.5, 10))
def test_changing_one_step_changes_the_mean_and_its_own_interval_only(
    index: int, by: float
) -> None:
    changed = losses()
    changed[index] += by
    before = compute_results(complete_pack())
    after = compute_results(sealed(replaced(complete_pack(), steps=steps(changed))))
    assert after.values["train.loss_mean"].value > before.values["train.loss_mean"].value  # type: ignore[operator]
    different = [
        row.step
        for row, old in zip(after.loss_table, before.loss_table, strict=True)
        if row.loss != old.loss
    ]
    inside = (index // 10 + 1) * 10
    assert different == ([inside] if inside <= 130 else [])


def test_a_run_shorter_than_an_interval_has_a_mean_but_no_start_and_end() -> None:
    pack = sealed(replaced(complete_pack(), steps=steps()[:7]))
    values = compute_results(pack).values
    assert values["train.loss_mean"].value is not None
    for name in ("loss_start", "loss_end", "loss_ratio"):
        assert "shorter than one logging interval" in (values[f"train.{name}"].unavailable or "")


def test_a_killed_segment_counts_until_its_last_kept_step() -> None:
    rows = tuple(replace(row, segment=1 if row.step <= 50 else 2) for row in steps())
    finished = {"stage": "train", "segment": 2, "runtime_s": 40.0}
    pack = with_events(
        replaced(complete_pack(), steps=rows),
        ("stage-started", "stand-in", {"stage": "train", "segment": 1}),
        ("stage-started", "stand-in", {"stage": "train", "segment": 2}),
        ("stage-finished", "stand-in", finished),
        ("sealing", "stand-in", {"status": "complete"}),
    )
    values = compute_results(pack).values
    assert values["train.runtime_s"].value == pytest.approx(40.0 + 50 * 0.1)
    assert values["train.runtime_s"].address == (
        "training_output/metrics.jsonl#L50/elapsed_s + journal.jsonl#L3/data/runtime_s"
    )
    assert values["run.num_segments"].value == 2


def test_scores_come_with_their_interval_and_groups() -> None:
    pack = complete_pack()
    assert value(pack, "eval.numeric.num_correct") == 5
    assert value(pack, "eval.numeric.rate") == 0.25
    assert value(pack, "eval.exact.low") == 0
    assert 0.16 < value(pack, "eval.exact.high") < 0.17
    assert value(pack, "eval.by.section.core.num_examples") == 12
    parts = [value(pack, f"eval.by.section.{s}.numeric.num_correct") for s in ("core", "hard")]
    assert sum(parts) == 5


def test_outputs_that_are_all_alike_are_counted() -> None:
    pack = sealed(replaced(complete_pack(), predictions=predictions("What is 1 + 1?")))
    assert value(pack, "eval.num_distinct_outputs") == 1


def test_a_failed_run_has_reasons_and_no_zeros() -> None:
    results = compute_results(failed_pack())
    for name, record in results.values.items():
        if name.startswith(("eval.exact", "probe.", "checkpoint.", "telemetry.", "seen.")):
            assert record.value is None, name
            assert record.unavailable == "no attempt completed"
    assert results.loss_table == ()
    assert results.values["run.status"].value == "failed"


def test_each_gpu_has_its_values() -> None:
    hardware = replace(complete_pack().hardware, gpus=(gpu(), gpu()))
    pack = sealed(replace(complete_pack(), hardware=hardware))
    assert value(pack, "hardware.num_gpus") == 2
    assert value(pack, "hardware.gpu.1.architecture") == "Blackwell"


def test_a_clock_that_was_restarted_gives_no_duration() -> None:
    journal = list(complete_pack().journal)
    journal[-1] = replace(journal[-1], monotonic_s=1.0)
    pack = replace(complete_pack(), journal=tuple(journal))
    assert compute_results(pack).values["run.duration_s"].value is None


def test_absurd_numbers_become_reasons_not_crashes() -> None:
    huge = [1.7e308] * NUM_STEPS
    journal = [replace(e, data=e.data | {"runtime_s": 5e-324}) for e in complete_pack().journal]
    pack = replaced(complete_pack(), steps=steps(huge), journal=tuple(journal))
    values = compute_results(pack).values
    assert values["train.samples_per_s"].unavailable == "the result is not a finite number"
    jsonio.dump_document(encode(compute_results(pack)))


def test_malformed_journal_data_become_reasons_not_crashes() -> None:
    pack = with_events(
        complete_pack(),
        ("probe", "stand-in", {"moment": "before", "loss": "low"}),
        ("final-model", "stand-in", {"files": [{"path": 1}]}),
        ("stage-finished", "stand-in", {"stage": "train", "segment": [], "runtime_s": True}),
        ("sealing", "stand-in", {"status": "complete"}),
    )
    values = compute_results(pack).values
    for name in ("probe.loss_before", "checkpoint.num_files", "train.runtime_s"):
        assert values[name].value is None


def test_an_empty_journal_is_no_crash() -> None:
    pack = replace(complete_pack(), journal=())
    values = compute_results(pack).values
    assert values["run.status"].value is None
    assert values["run.date"].unavailable == "the journal is empty"


def test_no_repository_is_said_for_each_value() -> None:
    git = replace(complete_pack().git, start=Unavailable("not a git repository"))
    pack = sealed(replace(complete_pack(), git=git))
    values = compute_results(pack).values
    assert values["git.dirty"].unavailable == "not a git repository"


@pytest.mark.parametrize("asked", ["max_steps = 10", "epochs = 0.07", "epochs = 3"])
def test_the_throughput_is_of_the_rows_that_were_fed_whatever_was_asked_for(asked: str) -> None:
    text = MILESTONE.replace("epochs = 1\n", f"{asked}\n")
    short = tuple(replace(row, num_rows=3) for row in steps()[:10])
    pack = sealed(replaced(complete_pack(text), steps=short))
    assert value(pack, "train.num_samples") == 30
    assert value(pack, "train.samples_per_s") == 30 / value(pack, "train.runtime_s")


def test_an_interval_counts_rows_that_ask_the_same_once() -> None:
    own = predictions()
    rows = tuple(
        replace(
            one, prompt=f"  question {n % 5}".upper(), scores={**one.scores, "exact": n % 5 == 0}
        )
        for n, one in enumerate(own)
    )
    values = compute_results(replaced(complete_pack(), predictions=rows)).values
    assert values["eval.num_effective"].value == 5
    assert values["eval.exact.rate"].value == 4 / 20
    ends = [values[f"eval.exact.{end}"] for end in ("low", "high")]
    assert [one.value for one in ends] == list(rate_interval(4, 20, 5))
    assert {one.rule for one in ends} == {"wilson-questions"}
    assert "eval.num_effective" not in compute_results(complete_pack()).values


def test_answers_to_one_question_have_no_interval_and_say_why() -> None:
    assert measured._interval([0.25, 0.75], [3, 3]) == measured.ONE_QUESTION
    assert measured._interval([0.25, 0.25], [3, 3]) == measured.ALL_ALIKE
