"""Laws that hold for any files: what can be imported verifies, and says the same again."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence import layout
from evidence.errors import UsageError
from evidence.results.imported import training
from evidence.verification.verification import verify_pack
from tests.importing.made import imported

KEYS: Final = (
    "loss", "train_loss", "eval_loss", "learning_rate", "lr", "epoch", "grad_norm", "step",
    "global_step", "max_steps", "train_runtime", "train_samples_per_second", "total_flos",
    "train_steps_per_second", "logging_steps", "batch_size", "gradient_accumulation_steps",
    "num_train_epochs", "lr_scheduler_type", "warmup_steps", "max_seq_length", "seed", "model_id",
    "dataset", "dtype", "vocab_size", "hidden_size", "model_type", "Python", "PyTorch", "Commit",
    "Date", "GPU", "a~b/c", "x + y", "", " ", "é\ud800",
)  # fmt: skip
NUMBERS: Final = st.one_of(
    st.integers(-(10**30), 10**400), st.floats(allow_nan=False), st.integers(0, 20),
    st.sampled_from([1e308, 5e-324, 0, -0.0, 2**63, 10**19]),
)  # fmt: skip
VALUES: Final = st.one_of(
    NUMBERS, st.text(max_size=12), st.booleans(), st.none(),
    st.sampled_from(["linear", "llama", "1.2.3+cu128", "2026-01-01", "\ud83d", "0:00:03.28"]),
)  # fmt: skip
ROWS: Final = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8)
FORMS: Final = st.sampled_from(
    ("state", "config", "model", "index", "lines", "dicts", "csv", "yaml", "pairs", "results")
)


def file_of(form: str, rows: list[dict[str, Any]]) -> tuple[str, str]:
    first = rows[0] if rows else {}
    match form:
        case "state":
            return "trainer_state.json", json.dumps({**first, "log_history": rows})
        case "model":
            return "config.json", json.dumps({"model_type": "llama", **first})
        case "index":
            metadata = {"total_size": 1, "total_parameters": first.get("loss", 2)}
            return "m.index.json", json.dumps({"metadata": metadata, "weight_map": {}})
        case "results":
            results = {"task": {f"{key},f": value for key, value in first.items()}}
            return "results.json", json.dumps({"results": results, "versions": {}})
        case "lines":
            return "predictions.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows)
        case "dicts":
            return "log.txt", "".join(f"{row!r}\n" for row in rows)
        case "pairs":
            told = (f"{key}: {value}" for row in rows for key, value in row.items())
            return "env.log", "\n".join(told) + "\n"
        case "csv":
            lines = [",".join(map(str, first)), *(",".join(map(str, r.values())) for r in rows)]
            return "metrics.csv", "\n".join(lines) + "\n"
        case "yaml":
            return "config.yaml", json.dumps(first)
    return "config.json", json.dumps({"training": first})


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(FORMS, st.lists(ROWS, max_size=6)), min_size=1, max_size=4))
def test_any_files_that_are_imported_verify(made: list[tuple[str, list[dict[str, Any]]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found"
        for number, (form, rows) in enumerate(made):
            name, text = file_of(form, rows)
            path = found / str(number) / name
            path.parent.mkdir(parents=True)
            path.write_bytes(text.encode("utf-8", "replace"))
        try:
            result = imported(Path(folder), evidence=found)
        except UsageError as error:
            if "secret" not in error.message:
                raise
            return
        report = verify_pack(result.pack)
        assert report.exit_code in (0, 4), report.findings


@pytest.mark.parametrize(("name", "number"), [("MAX_TABLE_ROWS", 2), ("MAX_LOGGED_ROWS", 7)])
def test_what_is_more_than_a_pack_holds_is_left_out_and_said(
    name: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, name, number)
    result = imported(tmp_path)
    assert verify_pack(result.pack).exit_code == 0
    summary = result.summary.read_text("utf-8")
    if name == "MAX_TABLE_ROWS":
        assert [row.step for row in result.results.loss_table] == [6, 10]
    else:
        assert result.results.values["train.num_rows_left_out"].value == 13
        assert "13 logged rows are beyond what a pack holds" in summary


def test_of_a_file_with_more_than_is_read_no_count_and_no_step_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evidence.foreign import reading

    monkeypatch.setattr(reading, "MAX_FACTS", 30)
    found = tmp_path / "found"
    found.mkdir()
    rows = "".join(f"{{'loss': {n}.5, 'epoch': 0.{n:02}}}\n" for n in range(50))
    (found / "log.txt").write_text(rows, encoding="utf-8")
    (found / "config.yaml").write_text("logging_steps: 10\n", encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    values = result.results.values
    assert (values["train.loss_start"].value, values["train.loss_end"].value) == (0.5, 49.5)
    reason = values["train.num_logged_rows"].unavailable
    assert reason == "its file holds more values than are read"
    logged = (result.pack / layout.LOGGED).read_bytes().splitlines()
    assert {json.loads(one)["step"] for one in logged} == {None}
    assert verify_pack(result.pack).exit_code == 0
