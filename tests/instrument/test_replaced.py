"""A function of the program's own modules that is another one at the end is named, and no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evidence.recording import places

SCORING = """
import functools

def score(rows):
    return sum(rows)

@functools.lru_cache
def cached(rows):
    return len(rows)

def twice(rows):
    return 2 * score(rows)

def late(rows):
    return 0

late = twice

class Metric:
    def value(self):
        return 1
"""


def patched(tmp_path: Path, program: str) -> list[tuple[str, str]]:
    """(what, by) that the hooks tell of a program beside `scoring`."""
    (tmp_path / "scoring.py").write_text(SCORING, "utf-8")
    (tmp_path / "main.py").write_text(program, "utf-8")
    spool = tmp_path / "spool"
    spool.mkdir()
    variables = {**os.environ, "PYTHONPATH": str(places.hooks()), "EVIDENCE_SPOOL": str(spool)}
    subprocess.run([sys.executable, "main.py"], cwd=tmp_path, env=variables, check=True, timeout=60)
    events = [
        json.loads(line)
        for path in spool.glob("*.jsonl")
        for line in path.read_text("utf-8").splitlines()
    ]
    assert not [one for one in events if one["event"] == "hook-failed"]
    return [(one["what"], one["by"]) for one in events if one["event"] == "patched"]


@pytest.mark.parametrize(
    ("program", "what", "by"),
    [
        ("import scoring\nscoring.score = lambda rows: 1.0\n", "scoring.score", "main.py, line 2"),
        ("import scoring\ndel scoring.score\n", "scoring.score", "taken away"),
        ("import scoring\nscoring.score = len\n", "scoring.score", "a builtin_function_or_method"),
        (
            "import scoring\ndef best(self):\n    return 9\nscoring.Metric.value = best\n",
            "scoring.Metric.value",
            "best of main.py, line 2",
        ),
        (
            "import functools, scoring\n"
            "scoring.score = functools.wraps(scoring.score)(lambda rows: 1.0)\n",
            "scoring.score",
            "main.py, line 2",
        ),
    ],
)
def test_what_was_replaced_is_named(tmp_path: Path, program: str, what: str, by: str) -> None:
    (found,) = patched(tmp_path, program)
    assert found[0] == what
    assert by in found[1]


@pytest.mark.parametrize(
    "program",
    [
        "import scoring\nscoring.score([1])\n",
        "from scoring import score as mine, Metric\nmine([1])\n",
        "import functools, scoring\nscoring.cached = functools.lru_cache(scoring.twice)\n",
        "import functools, scoring\nscoring.score = functools.lru_cache(scoring.score)\n",
        "def score(rows):\n    return 0\nscore = len\n",
    ],
    ids=["used", "imported", "decorated", "wrapped-by-a-library", "bound-twice"],
)
def test_nobody_is_accused_who_replaced_nothing(tmp_path: Path, program: str) -> None:
    assert patched(tmp_path, program) == []
