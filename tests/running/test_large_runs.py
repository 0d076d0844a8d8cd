"""Laws of long runs, large batches and much data: what no pack could hold is never begun."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout, limits
from evidence.attempt.files import LEFT_FOR_THE_REST_BYTES
from evidence.capture.telemetry import sampling_period_s
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.errors import DataError, MilestoneError
from evidence.records.capture import FrozenFileRecord
from evidence.records.inputs import SeenBatch, SeenRow
from evidence.records.run import IntervalRow
from evidence.results.context import join, known, rows_at
from evidence.rules import sampling
from evidence.rules.groups import MAX_GROUPS_BYTES, VALUE_BYTES, VALUES_A_SCORE
from evidence.rules.sampling import MAX_RECORDED_TOKENS, tokens_to_record
from evidence.running import lengths, preflight
from evidence.self_test.self_test import self_test
from evidence.verification.verification import verify_pack
from tests.project import Project, make_project, write_rows
from tests.running.test_behaviours import forged
from tests.shared import made_once

MANY = 700


@pytest.fixture
def large_steps(project: Project) -> Project:
    """Two steps of 350 rows and some 14,000 tokens each, more than are recorded of one."""
    enlarge_steps(project)
    return project


def enlarge_steps(project: Project) -> None:
    rows = [{"prompt": f"p{i}", "answer": f"a{i} and more text than fits"} for i in range(MANY)]
    write_rows(project.root / "data/train.jsonl", rows)
    for old, new in (
        ("epochs = 2", "epochs = 1"),
        ("gradient_accumulation = 3", "gradient_accumulation = 350"),
        ("log_every_steps = 4", "log_every_steps = 1"),
        ("checkpoint_every_steps = 5", "checkpoint_every_steps = 1"),
    ):
        project.edit(old, new)
    project.git("commit", "-qam", "larger")


def _run_large_steps(folder: Path) -> Path:
    project = make_project(folder / "project")
    enlarge_steps(project)
    assert project.run().status == "complete"
    return project.root


@pytest.fixture
def ran_large_steps(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same after its run, only to be looked at."""
    return Project(made_once(tmp_path_factory, "ran-large-steps", _run_large_steps))


def seen_batches(pack: Path) -> tuple[str, str]:
    checks = verify_pack(pack).checks
    return next((one.outcome, one.reason) for one in checks if one.id == "seen-batches")


def test_of_a_large_step_the_last_rows_are_recorded_and_bound_to_its_stream(
    ran_large_steps: Project,
) -> None:
    assert verify_pack(ran_large_steps.pack).verdict == "INTACT"
    assert seen_batches(ran_large_steps.pack)[0] == "pass"
    for batch in ran_large_steps.read(layout.SEEN)["batches"]:
        num_tokens = sum(len(row["ids"]) for row in batch["rows"])
        assert tokens_to_record(40) - 40 < num_tokens <= tokens_to_record(40)


def drop_the_first(batch: Any) -> None:
    batch["rows"].pop(0)


def drop_the_last(batch: Any) -> None:
    batch["rows"].pop()


def add_a_row(batch: Any) -> None:
    batch["rows"].append(batch["rows"][0])


def short_rows(batch: Any) -> None:
    row = {**batch["rows"][0], "ids": [1], "labels": [1], "pieces": ["\x01"]}
    batch["rows"] = [row] * 350


def no_loss(batch: Any) -> None:
    batch["rows"][3]["labels"] = [-100] * len(batch["rows"][3]["labels"])


def another_order(batch: Any) -> None:
    batch["rows"].reverse()


def no_start(batch: Any) -> None:
    batch["stream_before"] = None


def another_start(batch: Any) -> None:
    batch["stream_before"] = "a" * 64


@pytest.mark.parametrize(
    "change",
    [
        drop_the_first,
        drop_the_last,
        add_a_row,
        short_rows,
        no_loss,
        another_order,
        no_start,
        another_start,
    ],
)
def test_other_rows_than_the_recorder_keeps_are_found(
    change: Callable[[Any], None], ran_large_steps: Project, tmp_path: Path
) -> None:
    pack = forged(
        ran_large_steps,
        tmp_path / "forged",
        lambda forged_pack: change(forged_pack.doc(layout.SEEN)["batches"][0]),
    )
    assert seen_batches(pack)[0] == "fail"


def test_a_whole_step_has_no_rows_before_it(ran: Project, tmp_path: Path) -> None:
    assert {batch["stream_before"] for batch in ran.read(layout.SEEN)["batches"]} == {None}
    pack = forged(
        ran,
        tmp_path / "forged",
        lambda forged_pack: another_start(forged_pack.doc(layout.SEEN)["batches"][0]),
    )
    assert seen_batches(pack)[0] == "fail"


def refused(project: Project) -> str:
    with pytest.raises(MilestoneError) as caught:
        project.run()
    assert not project.runs.exists()
    return caught.value.message


def test_more_answers_or_checkpoints_than_a_pack_holds_are_refused_before_the_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as less:
        less.setattr(limits, "MAX_JSONL_LINES", 3)
        assert "train.epochs: asks for" in refused(project)
    with monkeypatch.context() as less:
        less.setattr(limits, "MAX_DATA_ROWS", 3)
        assert "more than 3 lines" in refused(project)
    project.edit("epochs = 2", "epochs = 2\nmax_steps = 3")
    with monkeypatch.context() as less:
        less.setattr(limits, "MAX_JSONL_LINES", 4)
        assert "eval.limit: asks for 5 answers; a pack holds 4" in refused(project)
    project.edit("checkpoint_every_steps = 5", "checkpoint_every_steps = 1")
    monkeypatch.setattr(lengths, "MAX_CHECKPOINTS", 2)
    assert "asks for 3 checkpoints; a journal holds 2" in refused(project)


def test_rows_past_the_limit_of_a_pack_end_the_attempt(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_JSONL_BYTES", LEFT_FOR_THE_REST_BYTES + 7000)
    project.run()
    report = verify_pack(project.pack)
    assert (report.verdict, report.exit_code) == ("UNFINISHED", 4), report.findings
    reason = project.read("attempts/01-stub/outcome.json")["reason"]
    assert "fits into no pack: the rows of this run have" in reason


def test_checkpoints_past_the_limit_of_a_journal_end_the_attempt(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_JOURNAL_BYTES", (2 << 20) + 100)
    project.run()
    assert verify_pack(project.pack).verdict == "UNFINISHED"
    reason = project.read("attempts/01-stub/outcome.json")["reason"]
    assert "no room for another checkpoint" in reason


@pytest.mark.full
def test_self_test_lies_only_where_it_can_be_found(ran_large_steps: Project) -> None:
    found = self_test(ran_large_steps.pack)
    assert [one for one in found.trials if one.outcome == "missed"] == []


def test_the_longest_loss_table_and_the_most_groups_are_within_the_limits_of_results() -> None:
    at = rows_at(layout.METRICS, 10**6 - 20, 10**6, "loss")
    row = IntervalRow(10**6, 1 / 3, 1.2345678901234567e-05, 9999.123456789012, at, "instrumented")
    place = join(
        *(rows_at(layout.PREDICTIONS, 1, 10**6, f"{one}/scorer-of-a-length") for one in "gs")
    )
    value = known(1 / 3, "examples", place, "count-matching")
    group = "some group of a text"
    num_values = MAX_GROUPS_BYTES // (VALUE_BYTES + len(group))
    names = (f"eval.by.category.{group} {i}.normalised.num_matching" for i in range(num_values))
    document = {
        "loss_table": [encode(row)] * lengths.MAX_LOSS_ROWS,
        "values": dict.fromkeys(names, encode(value)),
    }
    data = jsonio.dump_document(document)
    assert len(data) < 0.95 * limits.MAX_JSON_BYTES
    assert jsonio.load_document(data) == document


def test_a_group_has_as_many_values_as_are_reckoned_with(ran: Project) -> None:
    num_scorers = len(ran.read(layout.INPUTS)["scorers"])
    for group in ("k0", "k1"):
        names = [n for n in ran.read(layout.RESULTS)["values"] if f"eval.by.kind.{group}." in n]
        assert len(names) == 1 + VALUES_A_SCORE * num_scorers


def test_more_groups_than_results_can_hold_end_the_run_before_its_first_step(
    project: Project,
) -> None:
    questions = [
        {"id": f"q{i}", "prompt": f"{i}?", "expected_answer": "1", "kind": f"{i} " + 150 * "k"}
        for i in range(800)
    ]
    write_rows(project.root / "data/eval.jsonl", questions)
    project.edit("limit = 5\n", "")
    with pytest.raises(DataError, match="group_by makes 800 groups"):
        project.run()
    assert not project.runs.exists()


def test_more_promised_files_than_can_be_named_are_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "MAX_FROZEN_FILES", 2)
    preflight.prepare(project.root, "T1", None)
    monkeypatch.setattr(preflight, "MAX_FROZEN_FILES", 1)
    with pytest.raises(
        MilestoneError, match=r"frozen\.0\.paths: promises of 2 files; a pack names 1"
    ):
        project.run()


def test_the_most_that_is_recorded_of_what_the_model_saw_is_within_the_limits() -> None:
    num_rows, length = 10, MAX_RECORDED_TOKENS // 100
    ids = tuple(range(250_000, 250_000 + length))
    row = SeenRow(10**6, ids, ids, tuple(f"▁word{one}" for one in ids))
    document = {
        "batches": [encode(SeenBatch(10**6, (row,) * num_rows))] * 10,
        "times_seen": [10_000] * limits.MAX_ROWS_LISTED,
        "named": [10**6] * sampling.MAX_ROWS_NAMED,
    }
    data = jsonio.dump_document(document)
    assert len(data) < 0.95 * limits.MAX_JSON_BYTES
    assert jsonio.load_document(data) == document


def test_the_samples_of_a_year_fit_into_a_file() -> None:
    elapsed_s, num_samples = 0.0, 0
    while elapsed_s < 366 * 86_400:
        elapsed_s += sampling_period_s(elapsed_s)
        num_samples += 1
    assert num_samples < limits.MAX_JSONL_LINES / 2
    sample_bytes = 250  # with a GPU
    assert num_samples * sample_bytes < limits.MAX_JSONL_BYTES / 8
    assert sampling_period_s(3600.0) == 1.0


def test_the_most_promised_files_are_within_the_limits() -> None:
    path, digest = "data/" + "a" * 195, "0" * 64
    one = encode(FrozenFileRecord(path, digest, digest, digest))
    document = {"sets": [{"files": [one] * preflight.MAX_FROZEN_FILES}]}
    assert jsonio.load_document(jsonio.dump_document(document)) == document


def test_the_most_rows_that_are_named_of_data_and_texts_are_within_the_limits() -> None:
    document = {
        "data": [10**6] * sampling.MAX_ROWS_NAMED,
        "text": [10**6] * sampling.MAX_ROWS_NAMED,
    }
    assert jsonio.load_document(jsonio.dump_document(document)) == document


def test_data_of_which_too_many_rows_must_be_named_are_refused_before_the_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"prompt": "p", "answer": "a"} for _ in range(14)]
    write_rows(project.root / "data/train.jsonl", rows)
    monkeypatch.setattr(sampling, "MAX_ROWS_NAMED", 52)
    preflight.prepare(project.root, "T1", None)  # 13 duplicates, and 13 normalised
    monkeypatch.setattr(sampling, "MAX_ROWS_NAMED", 51)
    with pytest.raises(MilestoneError) as caught:
        project.run()
    assert "T1.toml:13: data.train: names 26 duplicate" in caught.value.message
    assert "a pack holds 25 of a data set" in caught.value.message
    assert not project.runs.exists()
