"""Laws of a run that begins from the checkpoint of another pack."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.records.finding import Report
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack
from tests.command import evidence
from tests.packs.sealing import reseal
from tests.parents.family import command, family, project, run
from tests.shared import made_once

torch = pytest.mark.torch
pytestmark = torch
WEIGHTS = f"stages/B/{layout.FINAL_MODEL}/model.safetensors"


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The family's project: to look at only."""
    return made_once(tmp_path_factory, "family", family)


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Path:
    """Its packs, to be changed."""
    return Path(shutil.copytree(made / "runs", tmp_path / "runs"))


def read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def edit(path: Path, change: Callable[[Any], object]) -> None:
    value = read(path)
    change(value)
    path.write_text(json.dumps(value))


def outcome(report: Report) -> tuple[str, str]:
    found = next(one for one in report.checks if one.id == "parent-packs")
    return found.outcome, found.reason


def grave(report: Report) -> set[tuple[str, str]]:
    found = (one for one in report.findings if one.severity in ("error", "refused"))
    return {(one.code, one.address) for one in found}


def flip(path: Path) -> None:
    """Another file takes its place: a worker may have the one that was there mapped."""
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    other = path.with_name("other")
    other.write_bytes(data)
    other.replace(path)


def test_a_child_tells_from_which_checkpoint_it_began_and_verifies(made: Path) -> None:
    child, parent = made / "runs/C1", made / "runs/P1"
    (told,) = read(child / layout.PARENTS)["parents"]
    root = verify_pack(parent).root_sha256
    assert (told["init"], told["stage"], told["root_sha256"]) == ("pack:runs/P1#B", "B", root)
    assert read(child / layout.MANIFEST)["parents"] == [
        {"milestone": "P1", "relation": "begins-from", "root_sha256": root}
    ]
    for stage in ("D", "asked_P1_B"):
        model = read(child / f"stages/{stage}/inputs.json")["model"]
        assert (model["id"], model["files"]) == ("pack:runs/P1#B", told["files"])
    report = verify_pack(child)
    assert (report.exit_code, outcome(report)) == (0, ("pass", ""))
    assert "| `runs/P1` | B |" in (child / "c1_summary.md").read_text()
    assert evidence("render", str(child), "--check").exit == 0


def test_what_begins_from_a_stand_in_is_one_and_says_so(made: Path) -> None:
    for name in ("C1", "G1"):
        pack = made / "runs" / name
        assert read(pack / layout.MANIFEST)["stand_in"] is True
        assert read(pack / layout.RESULTS)["values"]["run.stand_in"]["value"] is True
        summary = (pack / f"{name.lower()}_summary.md").read_text()
        assert "**Stand-in run:** it begins from `runs/" in summary
        assert "made on a stand-in model" in evidence("verify", str(pack)).out


def test_a_gate_compares_with_a_value_of_the_parent(made: Path) -> None:
    values = read(made / "runs/C1/results.json")["values"]
    there = read(made / "runs/P1/results.json")["values"]["B.train.loss_end"]
    here = values["parent.P1.B.train.loss_end"]
    assert (here["value"], here["level"], here["unit"]) == (
        there["value"], there["level"], there["unit"],
    )  # fmt: skip
    (gate,) = read(made / "runs/C1/results.json")["gates"]
    assert (gate["outcome"], gate["limit"]) == ("met", 100 * there["value"])
    shown = evidence("explain", str(made / "runs/C1"), "parent.P1.B.train.loss_end")
    assert shown.exit == 0
    assert "parents.json" in shown.out


def test_a_milestone_without_stages_begins_from_a_stage_of_a_pack(made: Path) -> None:
    report = verify_pack(made / "runs/G1")
    assert (report.exit_code, outcome(report)) == (0, ("pass", ""))
    assert read(made / "runs/G1/inputs.json")["model"]["id"] == "pack:runs/C1#D"
    compared = evidence("compare", str(made / "runs/C1"), str(made / "runs/G1"))
    assert "start weights" in compared.out


def _of_ancestors(report: Report) -> dict[str, str]:
    return {
        one.code: one.message
        for one in report.findings
        if one.address.startswith("inputs.json#/ancestors/")
    }


def test_a_run_without_stages_says_which_questions_its_pack_was_trained_on(
    made: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "project"))
    text = (folder / "milestones/G1.toml").read_text()
    for old, new in (("G1", "H1"), ("runs/C1#D", "runs/P1#B"), ("checks.jsonl", "known.jsonl")):
        text = text.replace(old, new)
    (folder / "milestones/H1.toml").write_text(
        text.replace('data = "rows"', 'data = "late"')
        + """
[data.late]
path = "rows.jsonl"
answer = ["final_answer"]
text = "{{ prompt }}\\n{{ final_answer }}"
where = { half = 2 }
"""
    )
    asked = [f"What is {number} + 1?" for number in (100, 900)]  # the first one is stage A's
    rows = [{"id": one, "prompt": one, "expected_answer": "1"} for one in asked]
    (folder / "known.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ended = run(folder, "H1")
    assert ended.returncode == 0, ended.stderr
    pack = folder / "runs/H1"
    told = "1 of 2 questions is in the training data of pack:runs/P1#B, 1 exactly"
    assert told in _of_ancestors(verify_pack(pack))["evaluation-overlap"]
    said = (pack / "h1_summary.md").read_text().partition("\n## ")[0::2]
    assert "1 of 2 questions is in the training data" in said[1].partition("\n## ")[0]
    values = read(pack / layout.RESULTS)["values"]
    assert values["eval.seen.P1_B.num_questions"]["value"] == 1
    edit(pack / layout.INPUTS, lambda found: found.pop("ancestors"))
    reseal(pack, [])
    assert ("ancestors", "inputs.json#/ancestors") in grave(verify_pack(pack))


def test_what_a_pack_that_begins_from_another_was_trained_on_is_said_not_to_be_known(
    made: Path,
) -> None:
    said = _of_ancestors(verify_pack(made / "runs/G1"))
    assert "runs/C1 begins from another pack" in said["overlap-unknown"]


def test_a_changed_byte_of_the_parent_is_named_as_the_parents(runs: Path) -> None:
    flip(runs / "P1" / WEIGHTS)
    report = verify_pack(runs / "C1")
    assert report.exit_code == 1
    assert grave(report) == {("parent-changed", f"../P1/{WEIGHTS}")}
    (found,) = (one for one in report.findings if one.code == "parent-changed")
    assert "runs/P1, from which this run began, is not what it was" in found.message
    assert "This pack's own files are not meant" in found.message
    above = verify_pack(runs / "G1")  # one further down the chain
    assert grave(above) == {("parent-changed", f"../P1/{WEIGHTS}")}
    assert "runs/P1, from which C1 began, is not what it was" in str(above.findings)


def test_a_parent_that_is_not_at_hand_is_not_checked(runs: Path, tmp_path: Path) -> None:
    (runs / "P1").rename(tmp_path / "elsewhere")
    report = verify_pack(runs / "C1")
    assert report.exit_code == 0
    result, reason = outcome(report)
    assert result == "not_checked"
    assert "runs/P1, from which this run began, is not at hand" in reason
    given = verify_pack(runs / "C1", VerifyOptions(beside=(tmp_path / "elsewhere",)))
    assert outcome(given) == ("pass", "")


def test_weights_that_are_not_there_are_not_compared(runs: Path) -> None:
    (runs / "P1" / WEIGHTS).unlink()
    report = verify_pack(runs / "C1")
    assert report.exit_code == 0
    assert f"runs/P1/{WEIGHTS}: is not there" in outcome(report)[1]


def test_a_parent_that_is_a_link_is_not_followed(runs: Path, tmp_path: Path) -> None:
    (runs / "P1").rename(tmp_path / "elsewhere")
    (runs / "P1").symlink_to(tmp_path / "elsewhere")
    result, reason = outcome(verify_pack(runs / "C1"))
    assert result == "not_checked"
    assert "a link, which is not followed" in reason


def test_a_parent_that_was_run_again_is_a_warning(runs: Path) -> None:
    was = verify_pack(runs / "P1").root_sha256
    edit(runs / "P1/manifest.json", lambda one: None)
    (runs / "P1/notes.md").write_text("Words of another run.\n")
    reseal(runs / "P1", [])
    now = verify_pack(runs / "P1").root_sha256
    assert now != was
    report = verify_pack(runs / "C1")
    assert report.exit_code == 0
    result, reason = outcome(report)
    assert result == "not_checked"
    (found,) = (one for one in report.findings if one.code == "another-parent")
    assert (found.severity, found.expected, found.actual) == ("warning", was, now)
    assert str(was)[:12] in reason
    assert str(now)[:12] in reason


def parent_of(pack: Path, change: Callable[[dict[str, Any]], object]) -> None:
    edit(pack / layout.PARENTS, lambda one: change(one["parents"][0]))


def another_pack(pack: Path) -> None:
    """The grandchild's own name is put in the place of the parent's."""
    other = verify_pack(pack.parent / "G1")
    for path in (pack / layout.MILESTONE,):
        path.write_text(path.read_text().replace("runs/P1#B", "runs/G1"))
    parent_of(
        pack,
        lambda one: one.update(
            init="pack:runs/G1", stage=None, milestone="G1", root_sha256=other.root_sha256
        ),
    )


def another_root(pack: Path) -> None:
    parent_of(pack, lambda one: one.update(root_sha256="a" * 64))


def no_parents_in_the_manifest(pack: Path) -> None:
    edit(pack / layout.MANIFEST, lambda one: one.update(parents=[]))


def no_parents_at_all(pack: Path) -> None:
    (pack / layout.PARENTS).unlink()
    no_parents_in_the_manifest(pack)


def another_file(pack: Path) -> None:
    parent_of(pack, lambda one: one["files"][0].update(sha256="b" * 64))


def another_file_everywhere(pack: Path) -> None:
    another_file(pack)
    for path in pack.glob("stages/*/inputs.json"):
        value = read(path)
        if value["model"]["id"].startswith("pack:"):
            value["model"]["files"][0]["sha256"] = "b" * 64
            path.write_text(json.dumps(value))


def another_value(pack: Path) -> None:
    parent_of(pack, lambda one: one["values"]["B.train.loss_end"].update(value=9.5))


def value_that_nobody_named(pack: Path) -> None:
    there = read(pack.parent / "P1/results.json")["values"]["A.train.loss_end"]
    kept = {key: there[key] for key in ("value", "unavailable", "unit", "level")}
    parent_of(pack, lambda one: one["values"].update({"A.train.loss_end": kept}))


def no_stand_in(pack: Path) -> None:
    parent_of(pack, lambda one: one.update(stand_in=False))
    edit(pack / layout.MANIFEST, lambda one: one.update(stand_in=False))


def another_stage(pack: Path) -> None:
    parent_of(pack, lambda one: one.update(stage="A"))


@pytest.mark.parametrize(
    "lie",
    [
        another_pack,
        another_root,
        no_parents_in_the_manifest,
        no_parents_at_all,
        another_file,
        another_file_everywhere,
        another_value,
        value_that_nobody_named,
        no_stand_in,
        another_stage,
    ],
)
def test_a_lie_about_a_parent_is_found_however_it_is_sealed(
    lie: Callable[[Path], None], runs: Path
) -> None:
    lie(runs / "C1")
    reseal(runs / "C1", [])
    report = verify_pack(runs / "C1")
    assert report.exit_code == 1, report.checks
    found = {code for code, _ in grave(report)}
    assert found & {"parents", "parent-packs"}, found


def moved(made: Path, folder: Path) -> Path:
    """A project with the parent's pack, and no child's."""
    there = project(folder / "project")
    shutil.copytree(made / "runs/P1", there / "runs/P1")
    return there


def test_nothing_is_started_from_a_parent_that_was_changed(made: Path, tmp_path: Path) -> None:
    there = moved(made, tmp_path)
    flip(there / "runs/P1" / WEIGHTS)
    ended = run(there, "C1")
    assert ended.returncode == 2
    assert "C1.toml:" in ended.stderr
    assert "stage.0.init: no run begins from runs/P1, which does not verify" in ended.stderr
    assert sorted(path.name for path in (there / "runs").iterdir()) == ["P1"]


def test_a_run_that_was_killed_goes_on_with_the_same_parent_alone(
    made: Path, tmp_path: Path
) -> None:
    there = moved(made, tmp_path)
    work = there / "runs/.work/C1/attempt-01-tiny/stages/D" / layout.METRICS
    process = subprocess.Popen(
        command("C1"), cwd=there, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 200
    while not (work.exists() and work.read_text().count("\n") >= 1):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    weights = there / "runs/P1" / WEIGHTS
    flip(weights)
    refused = run(there, "C1", "--resume")
    assert refused.returncode == 2
    assert f"runs/P1/{WEIGHTS} has other bytes by now" in refused.stderr
    flip(weights)
    resumed = run(there, "C1", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    final = f"stages/D/{layout.FINAL_MODEL}/model.safetensors"
    assert (there / "runs/C1" / final).read_bytes() == (made / "runs/C1" / final).read_bytes()
    assert verify_pack(there / "runs/C1").exit_code == 0


def flipped_once(there: Path, name: str, sign: Path, text: str, file: Path) -> tuple[int, str]:
    """A run, and how it ended: a byte of `file` is another one as soon as `sign` says `text`."""
    process = subprocess.Popen(
        command(name), cwd=there, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 200
    while not (sign.exists() and text in sign.read_text()):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.01)
    flip(file)
    said = process.communicate(timeout=250)[1]
    return process.returncode, said


def test_a_parent_that_is_changed_before_it_is_loaded_ends_the_run_which_goes_on_later(
    made: Path, tmp_path: Path
) -> None:
    there = moved(made, tmp_path)
    sign, weights = there / "runs/.work/C1/pack/journal.jsonl", there / "runs/P1" / WEIGHTS
    code, said = flipped_once(there, "C1", sign, "stage-started", weights)
    assert code == 4
    assert "the worker loaded another model.safetensors of pack:runs/P1#B" in said
    flip(weights)
    resumed = run(there, "C1", "--resume")
    assert resumed.returncode == 0, resumed.stderr


def test_a_parent_that_is_changed_after_it_was_loaded_is_no_fault_of_the_pack(
    made: Path, tmp_path: Path
) -> None:
    there = moved(made, tmp_path)
    shutil.copytree(made / "runs/C1", there / "runs/C1")
    weights = there / f"runs/C1/stages/D/{layout.FINAL_MODEL}/model.safetensors"
    sign = there / "runs/.work/G1/attempt-01-tiny" / layout.METRICS
    code, said = flipped_once(there, "G1", sign, "step", weights)
    assert code == 1, said  # published, and the finding is about the parent
    report = verify_pack(there / "runs/G1")
    assert {code for code, _ in grave(report)} == {"parent-changed"}
    flip(weights)
    assert verify_pack(there / "runs/G1").exit_code == 0
