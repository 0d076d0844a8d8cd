"""Names of a machine that are cut out of what a pack says make nothing of it a lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recording.programs import PYTHON, make_repository, program, record


def test_a_program_below_the_home_directory_is_recorded_and_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / "robert"
    root = make_repository(home / "project")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    script = root / program(root, "print(sys.argv)\n")[1]
    made = record(root, [PYTHON, "-I", str(script), f"--data={root}/data.jsonl", "~"])
    assert made.verified().verdict == "INTACT", made.verified().findings
    assert "&#39;~&#39;" in made.summary(), made.summary()
    assert any(word.startswith("~") for word in made.read("program/program.json")["command"])
