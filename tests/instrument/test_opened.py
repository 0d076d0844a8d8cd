"""Files that libraries open in their own ways, and whose they are."""

from __future__ import annotations

import venv
from pathlib import Path

from instrument.programs import program, run

CACHED = """
import datasets.load
datasets.load.load_dataset("json", data_files="rows.jsonl")
"""
LIBRARY = """
import os, types
def load_dataset_builder(name, data_files):
    files = {"train": [os.path.abspath(data_files), "hf://elsewhere/rows.jsonl"]}
    return types.SimpleNamespace(config=types.SimpleNamespace(data_files=files))
def load_dataset(name, data_files):
    load_dataset_builder(name, data_files)
    return types.SimpleNamespace(cache_files=[{"filename": os.path.abspath("rows.arrow")}])
def load_from_disk(path):
    return {}
"""
"""As `datasets` does it: the second time nobody opens the rows."""


def test_of_a_cached_data_set_the_user_s_own_files_are_named(tmp_path: Path) -> None:
    for name in ("rows.jsonl", "rows.arrow"):
        (tmp_path / name).write_text("{}\n", encoding="utf-8")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/__init__.py").touch()
    (tmp_path / "datasets/load.py").write_text(LIBRARY, encoding="utf-8")
    ran = program(CACHED, tmp_path, spool=tmp_path / "spool")
    found = {(Path(one["path"]).name, one["how"]) for one in ran.events("opened")}
    assert {("rows.jsonl", "data_files"), ("rows.arrow", "cache_files")} <= found
    assert not any("hf:" in one["path"] for one in ran.events("opened"))


def test_a_project_in_which_its_own_interpreter_lives_is_the_user_s(tmp_path: Path) -> None:
    venv.create(tmp_path, symlinks=True)
    (tmp_path / "rows.jsonl").write_text("{}\n", encoding="utf-8")
    (tmp_path / "lib/inner.json").write_text("{}", encoding="utf-8")
    source = "for name in ('rows.jsonl', 'lib/inner.json'): open(name).close()"
    ran = run(tmp_path / "bin/python", "-c", source, cwd=tmp_path, spool=tmp_path / "spool")
    assert [Path(one["path"]).name for one in ran.events("opened")] == ["rows.jsonl"]
