"""The GitHub Action: its shell as it stands, run here, and what no step of it may do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest
import yaml

from tests.docs.pages import ROOT, page
from tests.tiers import sampled

GOLDEN: Final = ROOT / "tests/packs/golden/v1"
ACTION: Final[dict[str, Any]] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS: Final[list[dict[str, Any]]] = ACTION["runs"]["steps"]
CHECK: Final = next(one for one in STEPS if one.get("id") == "check")
INSTALL: Final = next(one for one in STEPS if one["name"].startswith("Install"))
WORKFLOW: Final = page("ci.md").partition("```yaml\n")[2].partition("```")[0]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the steps are of bash")


@dataclass(frozen=True, slots=True)
class Checked:
    """What the step left."""

    exit: int
    out: str
    outputs: dict[str, str]
    summary: str
    reports: Path


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A repository that is checked, with a pack and a page."""
    shutil.copytree(GOLDEN / "complete/M90", tmp_path / "work/runs/M90")
    shutil.copytree(GOLDEN / "failed/M90", tmp_path / "work/failed/M90")
    good = "<!-- evidence runs/M90 train.loss_end -->0.72<!-- /evidence -->\n"
    (tmp_path / "work/README.md").write_text(good)
    (tmp_path / "work/wrong.md").write_text(good.replace("0.72", "0.27"))
    home = tmp_path / "home/bin"
    home.mkdir(parents=True)
    (home / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (home / "python").chmod(0o755)
    return tmp_path / "work"


def check(workspace: Path, **inputs: str) -> Checked:
    home = workspace.parent / "home"
    given = {"PACKS": "runs", "PAGES": "", "POLICY": "", "STRICT": "false", **inputs}
    output, summary = home / "output", home / "summary"
    environment = {f"EVIDENCE_{name}": value for name, value in given.items()}
    assert environment.keys() | {"EVIDENCE_HOME"} == CHECK["env"].keys()
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", CHECK["run"]],
        cwd=workspace,
        env=os.environ
        | environment
        | {
            "EVIDENCE_HOME": str(home),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = output.read_text().splitlines()
    return Checked(
        done.returncode,
        done.stdout + done.stderr,
        dict(line.split("=", 1) for line in lines),
        summary.read_text() if summary.exists() else "",
        home / "reports",
    )


def test_good_packs_and_pages_pass_with_reports_and_a_summary(workspace: Path) -> None:
    checked = check(workspace, PAGES="README.md\n")
    assert checked.exit == 0, checked.out
    assert checked.outputs == {"exit-code": "0", "reports": str(checked.reports)}
    for name in ("verify", "audit"):
        assert json.loads((checked.reports / f"{name}.sarif").read_bytes())["version"] == "2.1.0"
        ElementTree.parse(checked.reports / f"{name}.xml")  # noqa: S314 - ours
    assert "| INTACT |" in checked.summary


PLANTED: Final = ["evidence", "click", "encodings", "sitecustomize", "pip", "venv"]
POINTS: Final[list[tuple[dict[str, str], int]]] = [
    ({"PACKS": "failed"}, 4),
    ({"PACKS": "runs\nfailed"}, 4),
    ({"STRICT": "true"}, 3),
    ({"PAGES": "README.md\nwrong.md"}, 1),
    ({"PACKS": "", "PAGES": "README.md"}, 0),
    ({"PACKS": "gone"}, 2),
    ({"PACKS": "", "PAGES": ""}, 0),
    ({"PACKS": "--help"}, 2),
    ({"PACKS": "failed", "PAGES": "wrong.md"}, 1),
    ({"PACKS": "gone", "PAGES": "wrong.md"}, 2),
    ({"POLICY": "policy.toml"}, 3),
]
QUICK: Final = [POINTS[3], POINTS[7], POINTS[9], POINTS[10]]


@pytest.mark.parametrize("point", sampled(POINTS, QUICK), ids=str)
def test_the_exit_code_is_the_gravest_of_all(
    workspace: Path, point: tuple[dict[str, str], int]
) -> None:
    inputs, code = point
    (workspace / "policy.toml").write_text('schema = "policy.v1"\n[run]\nno_stand_in = true\n')
    checked = check(workspace, **inputs)
    assert checked.exit == code, checked.out
    assert checked.outputs["exit-code"] == str(code)


def test_a_name_is_never_a_command(workspace: Path) -> None:
    """Inputs that a shell would run, and patterns that it would expand, are names."""
    odd = "$(touch ran)`touch ran`; touch ran *"
    checked = check(workspace, PACKS=odd, PAGES=odd, POLICY=odd)
    assert checked.exit == 2, checked.out
    assert not (workspace / "ran").exists()


@pytest.mark.parametrize("name", sampled(PLANTED, ["evidence"]))
def test_nothing_of_the_repository_that_is_checked_is_imported(workspace: Path, name: str) -> None:
    source = "import pathlib; pathlib.Path('ran').touch()\n"
    (workspace / f"{name}.py").write_text(source)
    (workspace / name).mkdir()
    (workspace / name / "__init__.py").write_text(source)
    assert check(workspace, PAGES="README.md").exit == 0
    assert not (workspace / "ran").exists()


def test_every_python_of_the_steps_is_isolated() -> None:
    for step in STEPS:
        for call in re.findall(r"python\"? [^\n]*", step.get("run", "")):
            assert re.match(r'python"? -I -m ', call), call


def test_no_input_is_a_part_of_a_command_and_actions_are_pinned() -> None:
    for step in STEPS:
        assert "${{" not in step.get("run", "")
        if "uses" in step:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
    used = {value for step in STEPS for value in step.get("env", {}).values()}
    used |= {str(step.get("with", "")) + str(step.get("if", "")) for step in STEPS}
    for name in ACTION["inputs"]:
        assert any(f"inputs.{name} " in value for value in used), name


def test_the_workflow_of_the_page_asks_for_no_more_than_it_needs() -> None:
    workflow = yaml.safe_load(WORKFLOW)
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    for step in job["steps"]:
        if "uses" in step:
            assert re.search(r"@([0-9a-f]{40}|COMMIT)\b", step["uses"]), step
    given = next(step["with"] for step in job["steps"] if "COMMIT" in step.get("uses", ""))
    assert set(given) <= set(ACTION["inputs"])


@pytest.mark.full
def test_the_step_that_installs_does(tmp_path: Path) -> None:
    """Needs a package index."""
    home = tmp_path / "evidence-pack"
    (tmp_path / "pip.py").write_text("raise SystemExit(9)\n")
    done = subprocess.run(
        ["bash", "-c", INSTALL["run"]],
        cwd=tmp_path,
        env=os.environ
        | {
            "EVIDENCE_SOURCE": str(ROOT),
            "EVIDENCE_HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    if "No matching distribution" in done.stderr or "Could not find a version" in done.stderr:
        pytest.skip("there is no package index here")
    assert done.returncode == 0, done.stderr
    assert (home / "bin/evidence").exists()
