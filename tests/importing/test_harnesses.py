"""Laws of importing what evaluation harnesses leave: read, computed again, read again by verify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evidence.importing.import_folder import ImportOptions, ImportResult, import_folder
from evidence.results.imported.scores import RULE
from evidence.verification.verification import verify_pack
from tests.foreign.test_harnesses import MEAN, STDERR, inspect_log, lm_eval


def imported(folder: Path, **other: Any) -> ImportResult:
    source = folder / "evidence"
    (source / "lm").mkdir(parents=True)
    lm_eval(source / "lm", **other)
    inspect_log(source, {"accuracy": MEAN, "stderr": STDERR, "std": 0.5})
    (source / "2026-01-01T00-00-00_sums.eval").write_bytes(b"PK\x03\x04 an archive")
    return import_folder(source, "H1", ImportOptions(folder / "runs"))


def values(result: ImportResult) -> dict[str, Any]:
    document = json.loads((result.pack / "results.json").read_bytes())
    return {name: one["value"] for name, one in document["values"].items()}


def test_scores_and_settings_are_values_with_their_places(tmp_path: Path) -> None:
    result = imported(tmp_path)
    found = values(result)
    assert found["metric.sums.none.acc"] == MEAN
    assert found["metric.sums.match.accuracy"] == MEAN
    assert found["harness.config.model_args"] == "pretrained=imagined/tiny"
    assert (found["harness.n-shot.sums"], found["harness.versions.sums"]) == (5, 1.0)
    assert found["harness.eval.model"] == "openai/imagined"
    left = {one.found_as: one.reason for one in result.sources.left_out}
    assert "inspect log convert" in left["2026-01-01T00-00-00_sums.eval"]


def test_what_holds_and_what_was_not_computed_is_said(tmp_path: Path) -> None:
    result = imported(tmp_path)
    told = {one.outcome: one.message for one in result.findings if one.rule == RULE}
    assert "acc of sums" in told["holds"]
    assert "accuracy of sums" in told["holds"]
    every = [one.message for one in result.findings if one.outcome == "not-checked"]
    assert "std of sums, bleu of sums: it is not known to be a mean of samples" in "\n".join(every)
    said = result.summary.read_text("utf-8")
    assert "which scores they give stands below" in said
    assert "| Setting of the evaluation | As the file says |" in said
    assert verify_pack(result.pack).verdict == "INTACT"


def test_a_headline_that_its_samples_do_not_give_is_a_warning_of_verify(tmp_path: Path) -> None:
    result = imported(tmp_path, **{"acc,none": 0.9})
    report = verify_pack(result.pack)
    (one,) = (one for one in report.findings if "samples of another" in one.message)
    assert one.severity == "warning"
    assert "acc of sums is 0.9" in one.message


def test_a_score_that_is_no_number_is_a_value_with_its_reason(tmp_path: Path) -> None:
    result = imported(tmp_path, **{"acc,none": float("nan")})
    document = json.loads((result.pack / "results.json").read_bytes())
    value = document["values"]["metric.sums.none.acc"]
    assert value["value"] is None
    assert "the file says NaN there" in value["unavailable"]
    assert verify_pack(result.pack).verdict == "INTACT"
