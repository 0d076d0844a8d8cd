"""Laws of the run for MLflow: its metrics are results and steps of the pack, and it reads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from render.nasty import NASTY

from evidence.errors import UsageError
from evidence.export.facts import Account
from evidence.export.formats import files_of
from evidence.export.mlflow import files, key_of
from evidence.export.writing import write_files
from tests.documents import replaced
from tests.export.packs import account, exported, holds, values

READ = """
import json, sys
from mlflow.tracking import MlflowClient
client = MlflowClient(tracking_uri=f"file://{sys.argv[1]}/mlruns")
(experiment,) = client.search_experiments()
(run,) = client.search_runs([experiment.experiment_id])
curves = {name: [[one.step, one.value] for one in client.get_metric_history(run.info.run_id, name)]
          for name in run.data.metrics}
print(json.dumps([run.info.status, run.data.params, run.data.tags, curves]))
"""
TEXTS = st.text(min_size=1) | st.sampled_from(NASTY) | st.sampled_from(("..", "a/../b", "a.", "."))


def inside(pack: Path) -> dict[str, bytes]:
    """Files of the run, below its folder."""
    parts = {path: data for path, data in exported("mlflow", pack).items() if path.count("/") > 2}
    return {path.split("/", 3)[3]: data for path, data in parts.items()}


def of_kind(pack: Path, kind: str) -> dict[str, str]:
    found = inside(pack).items()
    return {p.partition("/")[2]: d.decode() for p, d in found if p.startswith(f"{kind}/")}


def test_every_metric_is_a_result_with_address_and_level(pack: Path) -> None:
    of_pack, tags = values(pack), of_kind(pack, "tags")
    single = {
        name: rows
        for name, rows in of_kind(pack, "metrics").items()
        if ".by_step." not in name and not name.startswith("logged.")
    }
    assert single
    for name, rows in single.items():
        (row,) = rows.splitlines()
        assert holds(of_pack, name, json.loads(row.split()[1]))
        assert tags[f"evidence.level.{name}"] == of_pack[name]["level"] != "declared"
        assert tags[f"evidence.address.{name}"].startswith(f"{name} at ")
    for name, one in of_pack.items():
        if one["value"] is None:
            assert f"evidence.not-measured.{key_of(name)}" in tags
            assert name not in single


def test_every_curve_has_address_and_level(pack: Path) -> None:
    tags = of_kind(pack, "tags")
    for name in of_kind(pack, "metrics"):
        assert tags[f"evidence.level.{name}"] in ("observed", "instrumented", "parsed", "reported")
        assert "#L" in tags[f"evidence.address.{name}"] or name in values(pack)


def test_the_curve_is_the_steps_of_the_pack(complete: Path) -> None:
    rows = (complete / "training_output/metrics.jsonl").read_bytes().splitlines()
    steps = [json.loads(row) for row in rows]
    curve = of_kind(complete, "metrics")["train.by_step.loss"].splitlines()
    assert [[json.loads(part) for part in row.split()[1:]] for row in curve] == [
        [one["loss"], one["step"]] for one in steps
    ]
    times = [int(row.split()[0]) for row in curve]
    assert times == sorted(times)


def test_a_run_ended_as_the_pack_says(pack: Path) -> None:
    status = json.loads((pack / "manifest.json").read_bytes())["status"]
    told = yaml.safe_load(inside(pack)["meta.yaml"])
    assert told["status"] == {"complete": 3, "failed": 4, "unknown": 1}[status]


def test_mlflow_reads_every_metric(pack: Path, tmp_path: Path) -> None:
    if find_spec("mlflow") is None:
        pytest.skip("mlflow is not here: make test-tools")
    write_files(tmp_path / "o", files_of("mlflow", account(pack)), force=False)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, str(tmp_path / "o")],
        env={**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    _, params, tags, curves = json.loads(done.stdout.splitlines()[-1])
    assert params == of_kind(pack, "params")
    assert tags == of_kind(pack, "tags")
    for name, rows in of_kind(pack, "metrics").items():
        shown = [[int(row.split()[2]), float(row.split()[1])] for row in rows.splitlines()]
        assert curves[name] == shown


@given(names=st.sets(TEXTS, max_size=6))
def test_keys_stay_files_of_their_folder_and_no_two_are_alike(names: set[str]) -> None:
    """(I4)"""
    keys = [key_of(name) for name in names]
    assert len(set(keys)) == len(names)
    for key in keys:
        assert not set(key) & set("/\\:\n")
        assert key.strip(".") == key or key.strip(".")
        assert 0 < len(key) < 130


@given(title=TEXTS, value=TEXTS, reason=TEXTS)
def test_hostile_words_are_one_line(
    title: str, value: str, reason: str, complete_account: Account
) -> None:
    """(I4)"""
    results = complete_account.documents.results
    assert complete_account.run is not None
    assert results is not None
    old = results.values
    changed = {
        **old,
        "train.optimizer": replace(old["train.optimizer"], value=value),
        "train.num_weights_changed": replace(old["train.num_weights_changed"], unavailable=reason),
    }
    documents = replaced(complete_account.run, results=replace(results, values=changed))
    made = files(replace(complete_account, title=title, documents=documents))
    for path, data in made.items():
        if "/tags/" in path or "/params/" in path:
            assert isinstance(data, bytes)
            assert len(data.decode("utf-8").splitlines()) <= 1, path
        if path.endswith("meta.yaml"):
            assert isinstance(data, bytes)
            assert yaml.safe_load(data)["lifecycle_stage"] == "active"


def test_a_run_without_a_number_is_refused(complete: Path) -> None:
    given_ = account(complete)
    results = given_.documents.results
    assert results is not None
    failed = replace(given_.manifest, status="failed")
    documents = replaced(given_.run, results=replace(results, values={}))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no number came out"):
        files(replace(given_, manifest=failed, documents=documents))
