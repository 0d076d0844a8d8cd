"""Laws of scorers by pattern: counted with an interval, gated, shown, and recomputed by verify."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.errors import ExitCode
from evidence.rules.scoring import wilson
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.project import Project, rows

SAYS_NOTHING = '\n[[eval.scorer]]\nname = "gives_up"\nkind = "regex"\npattern = "nothing$"\n'
GATE = """
[[gate]]
name = "it rarely gives up"
metric = "eval.gives_up.rate"
op = "<="
value = 0.1
"""


def with_behaviour(project: Project, gate: str = "") -> None:
    project.edit('answer_after = "Answer:"\n', f'answer_after = "Answer:"\n{SAYS_NOTHING}{gate}')


def test_a_behaviour_is_counted_with_its_interval_and_shown(project: Project) -> None:
    with_behaviour(project)
    project.run()
    messages = rows(project.pack / layout.PREDICTIONS)
    count = sum(row["output"].endswith("nothing") for row in messages)
    assert 0 < count < len(messages)
    assert [row["scores"]["gives_up"] for row in messages] == [
        row["output"].endswith("nothing") for row in messages
    ]
    values = project.read(layout.RESULTS)["values"]
    low, high = wilson(count, len(messages))
    found = {key: values[f"eval.gives_up.{key}"]["value"] for key in ("num_matching", "rate")}
    assert found == {"num_matching": count, "rate": count / len(messages)}
    assert values["eval.gives_up.low"]["value"] == low
    assert values["eval.by.kind.k0.gives_up.high"]["value"] <= 1
    assert values["eval.gives_up.version"]["address"] == "inputs.json#/scorers/4/version"
    assert high == values["eval.gives_up.high"]["value"]
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    assert f"| gives_up (1) | `nothing$` | {count} of {len(messages)} |" in summary
    assert verify_pack(project.pack).exit == ExitCode.DONE


def test_a_behaviour_can_be_gated(project: Project) -> None:
    with_behaviour(project, GATE)
    assert project.run().exit_code == ExitCode.UNFINISHED
    gates = {one["name"]: one["outcome"] for one in project.read(layout.RESULTS)["gates"]}
    assert gates["it rarely gives up"] == "not-met"


def forged(project: Project, folder: Path, edit: Callable[[ForgedPack], object]) -> Path:
    """The pack with one lie in it, sealed consistently."""
    folder.mkdir()
    bench = Bench(project.pack, folder)
    pack = ForgedPack(bench)
    edit(pack)
    bench.put(pack.seal().all_bytes())
    return bench.pack


def _flip(pack: ForgedPack) -> None:
    scores = pack.rows(layout.PREDICTIONS)[0]["scores"]
    scores["gives_up"] = not scores["gives_up"]


def _data(key: str, value: Any) -> Callable[[ForgedPack], object]:
    return lambda pack: pack.doc(layout.INPUTS)["data"]["train"].update({key: value})


def test_a_forged_behaviour_is_found(project: Project, tmp_path: Path) -> None:
    with_behaviour(project)
    project.run()
    report = verify_pack(forged(project, tmp_path / "forged", _flip))
    assert {c.id for c in report.checks if c.outcome == "fail"} == {"prediction-scores"}
    assert report.exit == ExitCode.FINDINGS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("length_chars", {"min": 1, "median": 2, "p90": 3, "p95": 3, "max": 3}),
        ("normalised_duplicate_rows", [3]),
        ("git_blob", "1" * 40),
    ],
)
def test_a_forged_fact_about_the_data_is_found_with_a_clone(
    key: str, value: Any, ran: Project, tmp_path: Path
) -> None:
    pack = forged(ran, tmp_path / "forged", _data(key, value))
    assert verify_pack(pack).exit == ExitCode.DONE
    report = verify_pack(pack, VerifyOptions(further=repository_checks(ran.root)))
    found = [one for one in report.findings if one.severity == "error"]
    assert [one.check for one in found] == ["repo-data-facts"]
    assert found[0].address == f"inputs.json#/data/train/{key}"
