"""Reporting by hand: exact where it can be, refused where it cannot, never in the way."""

from __future__ import annotations

from pathlib import Path

from instrument.programs import ROOT, program, python

GIVEN = """
import sys
from evidence.report import artifact, metric, step
loaded = sorted(n for n in sys.modules if n.startswith("evidence"))
print(loaded)
step(1, loss=0.1, learning_rate=3e-4)
step("one", loss=1.0)
step(2, loss="low", norm=float("nan"))
metric("accuracy", 0.9, step=2)
metric("speed", 12, unit="rows/s")
metric("", 1.0)
metric("none", None)
metric("big", 10**400)
metric("late", 1.0, step=-1)
artifact("out.bin", name="weights")
artifact(3)
artifact("\\0")
class Odd:
    def __float__(self): raise RuntimeError("odd")
    def __repr__(self): raise RuntimeError("odd")
metric("odd", Odd())
"""


def test_values_stand_as_given_and_the_rest_is_refused(tmp_path: Path) -> None:
    ended = program(GIVEN, tmp_path, tmp_path / "spool", path=str(ROOT))
    assert (ended.code, ended.errors) == (0, "")
    assert ended.printed == "['evidence', 'evidence.report']\n"
    reported = ended.events("reported")
    taken = [event for event in reported if "refused" not in event]
    assert [(e["what"], e.get("name"), e.get("value"), e.get("step")) for e in taken] == [
        ("step", None, None, 1),
        ("step", None, None, 2),
        ("metric", "accuracy", 0.9, 2),
        ("metric", "speed", 12, None),
        ("artifact", "weights", None, None),
    ]
    assert taken[0]["values"] == {"loss": 0.1, "learning_rate": 3e-4}
    assert taken[1]["values"] == {"norm": "nan"}
    assert taken[4]["path"] == str(tmp_path / "out.bin")
    refused = [(event["what"], event["name"]) for event in reported if "refused" in event]
    assert refused == [
        ("step", ""),
        ("step", "loss"),
        ("metric", ""),
        ("metric", "none"),
        ("metric", "big"),
        ("metric", "late"),
        ("artifact", ""),
        ("artifact", ""),
        ("metric", "odd"),
    ]


def test_it_does_nothing_outside_of_a_recorded_run(tmp_path: Path) -> None:
    ended = program(GIVEN, tmp_path, path=str(ROOT))
    assert (ended.code, ended.errors) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]


def test_it_is_there_for_an_interpreter_without_the_package(tmp_path: Path) -> None:
    text = "from evidence.report import metric; metric('a', 1.5); import evidence; print('there')"
    ended = python("-S", "-c", _with_site(text), cwd=tmp_path, spool=tmp_path / "spool")
    assert (ended.code, ended.printed, ended.errors) == (0, "there\n", "")
    assert ended.one("reported")["value"] == 1.5


def _with_site(text: str) -> str:
    """Without packages, but with the hooks: as an interpreter in which nothing is installed."""
    return f"import sitecustomize; {text}"
