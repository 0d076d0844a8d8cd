"""Laws of the run for trackio: its metrics are results and steps of the pack, and it reads them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from render.nasty import NASTY

from evidence.errors import UsageError
from evidence.export.facts import Account
from evidence.export.formats import files_of
from evidence.export.trackio import files, project_of
from evidence.export.writing import write_files
from tests.documents import replaced
from tests.export.packs import account, exported, stored, values

READ = """
import json, sys
from trackio.sqlite_storage import SQLiteStorage
project = sys.argv[1]
(run,) = SQLiteStorage.get_runs(project)
logs = [{k: v for k, v in row.items() if k != "timestamp"}
        for row in SQLiteStorage.get_logs(project, run)]
print(json.dumps([SQLiteStorage.get_projects(), run, logs,
                  SQLiteStorage.get_run_config(project, run)]))
SQLiteStorage.bulk_log(project, run, [{"later": 1.5}], steps=[99], timestamps=["2030-01-01"])
print("later" in SQLiteStorage.get_all_metrics_for_run(project, run))
"""
TEXTS = st.text(min_size=1) | st.sampled_from(NASTY)


def rows(data: bytes) -> list[tuple[int, dict[str, Any]]]:
    found = stored(data, "SELECT step, metrics FROM metrics ORDER BY id")
    return [(step, json.loads(told)) for step, told in found]


def config(data: bytes) -> dict[str, Any]:
    ((told,),) = stored(data, "SELECT config FROM configs")
    found: dict[str, Any] = json.loads(told)
    return found


def test_every_number_is_a_result_with_address_and_level(pack: Path) -> None:
    (data,) = exported("trackio", pack).values()
    of_pack, told = values(pack), config(data)
    found = {
        name.partition("/")[2]: value
        for step, row in rows(data)
        for name, value in row.items()
        if name.startswith("results/") and step == 0
    }
    assert found
    for name, value in found.items():
        assert value == of_pack[name]["value"], name
        assert type(value) is type(of_pack[name]["value"]), name
        assert told[f"evidence.level.{name}"] == of_pack[name]["level"] != "declared"
        assert told[f"evidence.address.{name}"][:300] == of_pack[name]["address"][:300]


def test_what_was_not_measured_is_a_reason_and_no_metric(pack: Path) -> None:
    (data,) = exported("trackio", pack).values()
    told = config(data)
    logged = {name for _, row in rows(data) for name in row}
    for name, one in values(pack).items():
        if one["value"] is None:
            assert f"results/{name}" not in logged
            assert name not in told
            assert told[f"evidence.not-measured.{name}"]


def test_every_curve_says_where_its_rows_are(pack: Path) -> None:
    (data,) = exported("trackio", pack).values()
    told = config(data)
    for _, row in rows(data):
        for name in row:
            kind, _, of = name.partition("/")
            assert kind in ("curves", "results")
            assert kind == "results" or "#L1-L" in told[f"evidence.address.{of}"]


def test_the_curve_is_the_steps_of_the_pack(complete: Path) -> None:
    steps = (complete / "training_output/metrics.jsonl").read_bytes().splitlines()
    (data,) = exported("trackio", complete).values()
    name = "curves/train.by_step.loss"
    assert [(step, row[name]) for step, row in rows(data) if name in row] == [
        (one["step"], one["loss"]) for one in map(json.loads, steps)
    ]


def test_trackio_reads_every_metric_and_goes_on(pack: Path, tmp_path: Path) -> None:
    if find_spec("trackio") is None:
        pytest.skip("trackio is not here: make test-tools")
    write_files(tmp_path / "o", files_of("trackio", account(pack)), force=False)
    (path,) = (tmp_path / "o").iterdir()
    data = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, path.stem],
        env={**os.environ, "TRACKIO_DIR": str(path.parent), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *_, told, goes_on = done.stdout.splitlines()
    projects, _, logs, shown = json.loads(told)
    assert projects == [path.stem]
    assert sorted(((row.pop("step"), row) for row in logs), key=str) == sorted(rows(data), key=str)
    assert shown == config(data)
    assert goes_on == "True"


@given(title=TEXTS, value=TEXTS, reason=TEXTS, name=TEXTS)
def test_hostile_words_are_one_line(
    title: str, value: str, reason: str, name: str, complete_account: Account
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
        f"eval.by.{name}.rate": old["eval.exact.rate"],
    }
    documents = replaced(complete_account.run, results=replace(results, values=changed))
    (data,) = files(replace(complete_account, title=title, documents=documents)).values()
    assert isinstance(data, bytes)
    for key, told in config(data).items():
        assert len(key.splitlines()) == 1
        assert not isinstance(told, str) or len(told.splitlines()) <= 1
    assert len(rows(data)) == len(rows(files(complete_account).popitem()[1]))  # type: ignore[attr-defined]


def test_the_database_is_whole(complete: Path) -> None:
    ((path, data),) = exported("trackio", complete).items()
    assert path == "M90.db"
    with closing(sqlite3.connect(":memory:")) as store:
        store.deserialize(data)
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_the_name_of_a_project_is_one_that_trackio_keeps() -> None:
    assert project_of("M43-b_1.2") == "M43-b_1_2"


def test_a_run_without_a_number_is_refused(complete: Path) -> None:
    given_ = account(complete)
    results = given_.documents.results
    assert results is not None
    assert given_.run is not None
    failed = replace(given_.manifest, status="failed")
    documents = replaced(given_.run, results=replace(results, values={}))
    with pytest.raises(UsageError, match="no number came out"):
        files(replace(given_, manifest=failed, documents=documents))
