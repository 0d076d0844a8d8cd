"""Laws on compiled templates: kept as Python keeps byte code, and never older than their source."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from evidence.text.templating import ByteCode, compile_text, render, shipped

SOURCE = "{{ name }} and {{ name }}"


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def rendered_text(source: str = SOURCE, version: str = "v1") -> str:
    built = shipped({"a.md.j2": source}, ByteCode(version))
    return render(built.get_template("a.md.j2"), {"name": "one"})


def cached_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def never(*_: Any, **__: Any) -> Any:
    raise AssertionError("compiled again")


def test_a_template_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rendered_text()
    (file,) = cached_files(tmp_path)
    assert file.name.startswith("v1-a.md.j2.")
    monkeypatch.setattr(Environment, "compile", never)
    assert rendered_text() == first == "one and one"
    with pytest.raises(AssertionError, match="compiled again"):
        rendered_text(version="v2")


def test_another_source_is_compiled_anew(tmp_path: Path) -> None:
    rendered_text()
    assert rendered_text("{{ name }}!") == "one!"
    assert rendered_text() == "one and one"
    assert len(cached_files(tmp_path)) == 1


@pytest.mark.parametrize("cut", [0, 3, 40, 60])
def test_what_is_cut_short_is_compiled_anew(cut: int, tmp_path: Path) -> None:
    rendered_text()
    (file,) = cached_files(tmp_path)
    file.write_bytes(file.read_bytes()[:cut])
    assert rendered_text() == "one and one"


@pytest.mark.parametrize("place", [0, 10, 25])
def test_what_was_made_of_something_else_is_compiled_anew(place: int, tmp_path: Path) -> None:
    rendered_text()
    (file,) = cached_files(tmp_path)
    data = file.read_bytes()
    file.write_bytes(data[:place] + b"\xff" * 20 + data[place + 20 :])
    assert rendered_text() == "one and one"


def test_nothing_is_kept_where_python_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered_text() == "one and one"
    assert cached_files(tmp_path) == []


def test_a_place_that_cannot_be_written_costs_nothing_but_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "file"))
    assert rendered_text() == "one and one"


def test_the_author_s_own_templates_are_never_kept(tmp_path: Path) -> None:
    render(compile_text("{{ 1 }}"), {})
    assert cached_files(tmp_path) == []
