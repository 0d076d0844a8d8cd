"""Laws of imported packs: what the files say, digit for digit, and nothing that they do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import evidence
from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.importing.import_folder import ImportResult
from evidence.results.imported.findings import RULES
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack
from tests.importing.made import (
    COMMIT,
    FLOS,
    LOSSES,
    MEAN,
    imported,
    log_of_a_terminal,
    make_evidence,
    rates,
    rows,
    state,
    totals,
)
from tests.shared import made_once


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> ImportResult:
    return made_once(tmp_path_factory, "imported", imported)


def value(result: ImportResult, name: str) -> Any:
    return result.results.values[name].value


def findings(result: ImportResult) -> dict[str, str]:
    """Outcomes of the rules of arithmetic."""
    return {one.rule: one.outcome for one in result.findings if one.rule in RULES}


def test_an_imported_pack_is_intact_and_never_more(result: ImportResult) -> None:
    report = verify_pack(result.pack)
    assert (report.verdict, report.exit_code, report.origin) == ("INTACT", 0, "imported")
    assert [one.message for one in report.findings] == []
    assert report.levels.keys() == {"parsed"}
    strict = verify_pack(result.pack, VerifyOptions(strict=True))
    assert (strict.verdict, strict.exit_code) == ("INTACT", 3)


def test_originals_are_sealed_byte_for_byte(result: ImportResult, tmp_path: Path) -> None:
    found = make_evidence(tmp_path)
    for one in result.sources.files:
        name = one.found_as or one.path.removeprefix("original/")
        assert (result.pack / one.path).read_bytes() == (found / name).read_bytes()
        assert one.sha256 == sha256_hex((found / name).read_bytes())
    names = {one.found_as: one.path for one in result.sources.files if one.found_as}
    assert names == {"training log.txt": "original/training_log.txt",
                     "train.py": "original/train.py.txt"}  # fmt: skip
    (weights,) = result.sources.left_out
    assert weights.found_as == "model/pytorch_model.bin"
    assert weights.sha256 == sha256_hex(b"no weights at all")


def test_values_are_those_of_the_files(result: ImportResult) -> None:
    assert {name: value(result, name) for name in (
        "train.loss_start", "train.loss_end", "train.loss_mean", "train.num_steps",
        "train.num_steps_after_last_log", "train.epochs", "train.runtime_s", "train.total_flos",
        "train.batch_size", "train.schedule", "train.seed", "data.train.num_rows", "model.id",
        "git.commit", "run.date", "software.cuda", "software.python", "hardware.gpu.0.name",
        "hardware.gpu.0.memory_bytes", "eval.num_examples", "eval.constant_fields")} == {
        "train.loss_start": 2.5, "train.loss_end": 1.25, "train.loss_mean": MEAN,
        "train.num_steps": 10, "train.num_steps_after_last_log": 0, "train.epochs": 1.0,
        "train.runtime_s": 12.5, "train.total_flos": FLOS, "train.batch_size": 2,
        "train.schedule": "linear", "train.seed": 7, "data.train.num_rows": 40,
        "model.id": "imagined/tiny", "git.commit": COMMIT, "run.date": "2026-02-03",
        "software.cuda": "12.8", "software.python": "3.11.7",
        "hardware.gpu.0.name": "Imagined GPU 9000", "hardware.gpu.0.memory_bytes": 16384 << 20,
        "eval.num_examples": 4, "eval.constant_fields": "source"}  # fmt: skip
    assert {one.level for one in result.results.values.values()} == {"parsed"}


def test_what_no_file_says_is_not_known_and_why_is_said(result: ImportResult) -> None:
    silent = {name: one for name, one in result.results.values.items() if one.value is None}
    assert {"hardware.cpu.model", "train.optimizer", "run.started_utc"} <= silent.keys()
    assert all(one.unavailable for one in silent.values())
    summary = result.summary.read_text("utf-8")
    assert "The processor: not known (no file says it)." in summary
    assert "0.99" not in summary  # typed in a program: measured by nobody


def test_the_arithmetic_of_files_that_agree_holds(result: ImportResult) -> None:
    assert findings(result) == {"recipe": "not-checked", **dict.fromkeys(
        ("steps", "epochs", "learning-rates", "throughput", "mean-loss", "flops",
         "weights"), "holds")}  # fmt: skip


def test_four_copies_of_one_training_are_one(result: ImportResult) -> None:
    logged = [json.loads(line) for line in (result.pack / layout.LOGGED).read_bytes().splitlines()]
    assert {one["training"] for one in logged} == {1, 2, 3, 4}
    assert [one.loss for one in result.results.loss_table] == list(LOSSES)
    assert [one.learning_rate for one in result.results.loss_table] == rates()


def test_two_imports_of_the_same_files_differ_in_their_time_alone(tmp_path: Path) -> None:
    found = make_evidence(tmp_path / "found")
    first = imported(tmp_path / "a", evidence=found)
    second = imported(tmp_path / "b", evidence=found)
    for path in sorted(one for one in first.pack.rglob("*") if one.is_file()):
        name = path.relative_to(first.pack)
        if name.name in (layout.MANIFEST, layout.SUMS, layout.RENDERED, "old_summary.md"):
            continue
        if name.name == layout.REPORT:
            continue
        assert path.read_bytes() == (second.pack / name).read_bytes(), name
    one, other = (json.loads((r.pack / layout.MANIFEST).read_bytes()) for r in (first, second))
    assert one | {"imported_utc": ""} == other | {"imported_utc": ""}
    third = imported(tmp_path / "a", name="NEW", evidence=found)
    another = json.loads((third.pack / layout.MANIFEST).read_bytes())
    assert another["outcome_sha256"] == one["outcome_sha256"]


def test_a_log_alone_tells_what_it_tells(tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.mkdir()
    (found / "log.txt").write_bytes(log_of_a_terminal())
    result = imported(tmp_path, evidence=found)
    assert result.status == "complete"
    assert value(result, "train.num_steps_planned") == 10  # of rate and time
    assert result.results.values["train.num_steps_planned"].rule == "implied-count"
    reason = result.results.values["train.num_steps"].unavailable
    assert reason is not None
    assert "nothing tells that all of it was done" in reason
    assert result.results.loss_table == ()  # no file says how often rows were logged
    rows_of = [json.loads(one) for one in (result.pack / layout.LOGGED).read_bytes().splitlines()]
    assert [(one["step"], one["loss"]) for one in rows_of] == [(None, loss) for loss in LOSSES]
    assert findings(result)["steps"] == findings(result)["learning-rates"] == "not-checked"
    assert verify_pack(result.pack).exit_code == 0


def test_digits_are_kept_as_they_are_written(tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.mkdir()
    lines = ["{'loss': '2.500', 'epoch': '0.50'}", "{'train_runtime': '3.10', 'epoch': '1'}"]
    (found / "log.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    shown = {name: one.shown for name, one in result.results.values.items() if one.shown}
    assert shown == {"train.loss_start": "2.500", "train.loss_end": "2.500",
                     "train.runtime_s": "3.10", "train.epochs": "1"}  # fmt: skip


def test_of_several_trainings_none_is_chosen(tmp_path: Path) -> None:
    found = tmp_path / "found"
    for seed in (1, 2):
        (found / f"seed{seed}").mkdir(parents=True)
        lines = [{**row, "step": 2 * n, "loss": row["loss"] + seed} for n, row in
                 enumerate(rows(), 1)]  # fmt: skip
        text = "".join(f"{json.dumps(one)}\n" for one in lines)
        (found / f"seed{seed}/metrics.jsonl").write_text(text, encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    assert result.results.loss_table == ()
    reason = result.results.values["train.loss_end"].unavailable
    assert reason is not None
    assert reason.startswith("the files log 2 trainings")
    assert result.status == "unknown"
    assert "| 2 | 10 | 3.25 |" in result.summary.read_text("utf-8")


def test_files_without_any_training_make_a_pack_too(tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.mkdir()
    (found / "notes.txt").write_text("nothing was measured\n", encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    assert (result.status, verify_pack(result.pack).exit_code) == ("unknown", 0)
    summary = result.summary.read_text("utf-8")
    assert "There are no training results of one training: not known (no" in summary


@pytest.mark.parametrize(("name", "change", "rule"), [
    ("trainer_state.json", {"total_flos": FLOS * 2}, "flops"),
    ("trainer_state.json", {"rate": 3e-4}, "learning-rates"),
    ("trainer_state.json", {"train_steps_per_second": 2.0}, "throughput"),
    ("model/model.safetensors.index.json", {"metadata": {"total_parameters": 4_000,
                                                         "total_size": 2_000}}, "weights"),
])  # fmt: skip
def test_numbers_that_contradict_one_another_are_found_and_the_pack_is_intact(
    name: str, change: dict[str, Any], rule: str, tmp_path: Path
) -> None:
    found = make_evidence(tmp_path / "found")
    for path in ("training log.txt", "losses.csv", "rows.jsonl"):
        (found / path).unlink()
    document = json.loads((found / name).read_bytes())
    if name == "trainer_state.json":
        *logged, last = document["log_history"]
        if "rate" in change:
            logged[2]["learning_rate"] = change["rate"]
        else:
            last.update(change)
            document.update({key: one for key, one in change.items() if key in document})
    else:
        document.update(change)
    (found / name).write_text(json.dumps(document), encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    assert findings(result)[rule] == "contradicts", result.findings
    report = verify_pack(result.pack)
    assert (report.verdict, report.exit_code) == ("INTACT", 0)
    assert f"imported-{rule}" in {one.check for one in report.findings}
    assert {one.severity for one in report.findings} == {"warning"}
    assert "❌" in result.summary.read_text("utf-8")


def test_totals_of_another_run_are_named_though_their_mean_is_the_same(tmp_path: Path) -> None:
    found = make_evidence(tmp_path / "found")
    (found / "rows.jsonl").unlink()  # of its kind, and of the log's run
    other = {"step": 10, "metrics": {**totals(), "train_runtime": 13.75}}
    (found / "metrics.jsonl").write_text(json.dumps(other) + "\n", encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    said = {one.message for one in result.findings if one.rule == "another-run"}
    assert any("original/metrics.jsonl" in one and "13.75" in one for one in said), said
    assert value(result, "train.runtime_s") == 12.5
    report = verify_pack(result.pack)
    assert (report.exit_code, {one.check for one in report.findings}) == (0, {"imported-among"})
    assert "of the same run" in result.summary.read_text("utf-8")


def test_copies_with_other_line_ends_are_recognised_as_such(tmp_path: Path) -> None:
    found = make_evidence(tmp_path / "found")
    text = (found / "config.yaml").read_text("utf-8")
    (found / "copy.yaml").write_bytes(text.replace("\n", "\r\n").encode("utf-16"))
    result = imported(tmp_path, evidence=found)
    (one,) = [one for one in result.findings if one.rule == "same-text"]
    assert one.message.startswith("original/config.yaml, original/copy.yaml are one text")
    assert one.outcome == "note"


def test_a_copy_of_a_file_is_no_other_training(tmp_path: Path) -> None:
    found = tmp_path / "found"
    (found / "again").mkdir(parents=True)
    for place in (found, found / "again"):
        (place / "log.txt").write_bytes(log_of_a_terminal())
    result = imported(tmp_path, evidence=found)
    assert value(result, "train.loss_end") == 1.25


def test_seeds_whose_losses_are_alike_are_several_trainings(tmp_path: Path) -> None:
    found = tmp_path / "found"
    for seed, score in ((1, 0.75), (2, 0.5)):
        (found / f"seed_{seed}").mkdir(parents=True)
        text = f"epoch,step,train_loss,val_acc\n0,24,1.5,\n0,49,,0.25\n1,74,0.5,\n1,99,,{score}\n"
        (found / f"seed_{seed}/metrics.csv").write_text(text, encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    assert value(result, "train.loss_end") is None
    assert result.results.loss_table == ()


@pytest.mark.parametrize("mean", [0.25, 2.75])
def test_a_mean_that_is_not_that_of_the_rows_is_a_warning(mean: float, tmp_path: Path) -> None:
    """A run that was resumed logs such a mean, honestly."""
    found = make_evidence(tmp_path / "found")
    for path in ("training log.txt", "losses.csv", "rows.jsonl"):
        (found / path).unlink()
    document = state()
    document["log_history"][-1]["train_loss"] = mean
    if mean < 1:  # and two steps after the last row
        document["log_history"] = [*document["log_history"][:4], document["log_history"][-1]]
    (found / "trainer_state.json").write_text(json.dumps(document), encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    assert findings(result)["mean-loss"] == "warning"
    report = verify_pack(result.pack)
    assert [one.check for one in report.findings] == ["imported-mean-loss"]


def test_rows_at_uneven_steps_have_their_mean(tmp_path: Path) -> None:
    """As with `logging_first_step`: the first row is of one step, the second of nine."""
    found = tmp_path / "found"
    found.mkdir()
    rows_of = [{"step": step, "loss": loss} for step, loss in ((1, 4.0), (10, 2.0), (20, 1.0))]
    last = {"step": 20, "train_loss": (4 + 18 + 10) / 20, "train_runtime": 5.0}
    text = json.dumps({"log_history": [*rows_of, last], "global_step": 20})
    (found / "trainer_state.json").write_text(text, encoding="utf-8")
    assert findings(imported(tmp_path, evidence=found))["mean-loss"] == "holds"


def test_a_milestone_is_sealed_and_held_against_the_files(tmp_path: Path) -> None:
    from tests.project import STUB

    recipe = tmp_path / "T1.toml"
    recipe.write_text(STUB, encoding="utf-8")
    result = imported(tmp_path, milestone=recipe)
    assert (result.pack / layout.MILESTONE).read_bytes() == recipe.read_bytes()
    wrong = {one.message for one in result.findings if one.rule == "recipe"}
    assert wrong == {f"the milestone states another {what} than the file says" for what in (
        "batch size", "gradient accumulation", "epochs", "learning rate", "log every steps",
        "max length")}  # fmt: skip
    assert value(result, "train.batch_size") == 2  # of the file, not of the milestone
    assert verify_pack(result.pack).exit_code == 0


ERROR = 'Traceback (most recent call last):\n  File "a.py", line 1\nRuntimeError: out of it\n'
ROWS = "{'loss': 2.5, 'epoch': 0.1}\n{'loss': 2.0, 'epoch': 0.2}\n"
TOTALS = "{'train_runtime': 12.5, 'train_loss': 2.25, 'epoch': 1.0}\n"


@pytest.mark.parametrize(("log", "status"), [
    (ROWS, "unknown"), (ROWS + TOTALS, "complete"), (ROWS + ERROR, "failed"),
    (ROWS + ERROR + "and it went on\n", "unknown"), (ERROR + ROWS + TOTALS, "complete"),
    (ROWS + TOTALS + ERROR, "complete"), (ROWS + "ValueError is what it is named\n", "unknown"),
    (ROWS + "slurmstepd: error: *** JOB 1 CANCELLED AT 2026-01-01 DUE TO TIME LIMIT ***\n",
     "failed"), (ERROR, "failed"), (ROWS + "+ CategoryInfo : NativeCommandError\n", "unknown"),
])  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_how_a_run_ended_is_what_its_log_says_and_never_more(
    log: str, status: str, encoding: str, tmp_path: Path
) -> None:
    found = tmp_path / "found"
    found.mkdir()
    (found / "train.log").write_bytes(log.encode(encoding))
    result = imported(tmp_path, evidence=found)
    report = verify_pack(result.pack)
    assert (result.status, report.exit_code) == (status, 4 if status == "failed" else 0)
    assert ("RuntimeError: out of it" in report.happened) == (status == "failed" and ERROR in log)
    assert report.next_step == ""


def test_python_reads_its_values_as_those_of_any_pack(result: ImportResult) -> None:
    read = evidence.read_results(result.pack)
    assert (read.status, read["train.loss_end"].number) == ("complete", 1.25)
    assert read["train.loss_end"].level == "parsed"


def test_state_and_totals_are_what_the_files_were_made_with() -> None:
    assert state()["log_history"][-1] == {**totals(), "step": 10, "total_flos": FLOS}


def test_rows_with_steps_alone_make_a_curve_without_rates(tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.mkdir()
    text = "".join(f"step {10 * n}, loss: {3 - n / 4}\n" for n in range(1, 6))
    (found / "train.log").write_text(text, encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    assert [(row.step, row.learning_rate) for row in result.results.loss_table] == [
        (10 * n, None) for n in range(1, 6)]  # fmt: skip
    assert "| 50 | 1.75 | – | – |" in result.summary.read_text("utf-8")
    drawing = (result.pack / "plots/loss.svg").read_text("utf-8")
    assert "loss as logged" in drawing
    assert 'class="rate"' not in drawing
    assert verify_pack(result.pack).exit_code == 0


def test_a_run_that_was_stopped_has_rates_of_what_was_planned(tmp_path: Path) -> None:
    """Trainer divides the planned steps by the runtime, also where a callback stopped it before."""
    found = make_evidence(tmp_path / "found")
    for name in ("training log.txt", "losses.csv", "rows.jsonl"):
        (found / name).unlink()
    stopped = state()
    *logged, last = stopped["log_history"]
    last = {**last, "step": 6, "epoch": 0.6, "train_loss": sum(LOSSES[:3]) / 3}
    stopped |= {"log_history": [*logged[:3], last], "global_step": 6}
    (found / "trainer_state.json").write_text(json.dumps(stopped), encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    assert {one.rule for one in result.findings if one.outcome == "contradicts"} == set()
    told = {one.rule: one.message for one in result.findings}
    assert told["throughput"] == "the rate is of the 10 steps that were planned; 6 were done"
    assert (value(result, "train.num_steps"), value(result, "train.num_steps_planned")) == (6, 10)
    assert value(result, "data.train.num_rows") == 40
