"""Laws of a run under another Python that is killed: it goes on to the same weights, under the same
Python with the same packages, and refuses any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import ExitCode, UsageError
from evidence.verification.verification import verify_pack
from tests.other_python import able_python, distribution
from tests.project import Project
from tests.running.test_recovery import killed, start, wait_for, weights
from tests.running.test_resumed_inputs import tree


@pytest.fixture
def under_another(project: Project, tmp_path: Path) -> Path:
    """The folder of packages of a Python under which the stub's workers run."""
    more = tmp_path / "more"
    distribution(more, "jaxlib", "0.10.2")
    distribution(more, "of-no-matter", "1.0")
    python = able_python(tmp_path / "venv", more)
    project.edit('backend = "stub"\n', f'backend = "stub"\ninterpreter = "{python}"\n')
    project.git("commit", "-qam", "an interpreter")
    return more


def refused(project: Project) -> str:
    before = tree(project.runs / ".work/T1")
    with pytest.raises(UsageError) as caught:
        project.run(resume=True)
    assert caught.value.exit_code == ExitCode.USAGE
    assert tree(project.runs / ".work/T1") == before
    return caught.value.message


def test_it_goes_on_to_the_same_weights_and_under_no_other_packages(
    project: Project, under_another: Path, tmp_path: Path
) -> None:
    project.run()
    before = project.read(layout.MANIFEST)["outcome_sha256"], weights(project)
    shutil.rmtree(project.pack)
    process = start(project)
    wait_for(project, "checkpoint")
    killed(process, project)
    venv = tmp_path / "venv"
    venv.rename(tmp_path / "away")
    assert f"there is no interpreter {venv}/bin/python" in refused(project)
    (tmp_path / "away").rename(venv)
    (there,) = under_another.glob("jaxlib-*")
    there.rename(tmp_path / "jaxlib-away")
    distribution(under_another, "jaxlib", "0.11.0")
    said = refused(project)
    assert f"the package jaxlib in {venv}/bin/python is 0.11.0 now, and was 0.10.2" in said
    shutil.rmtree(under_another / "jaxlib-0.11.0.dist-info")
    (tmp_path / "jaxlib-away").rename(there)
    shutil.rmtree(under_another / "of_no_matter-1.0.dist-info")  # it computes nothing
    assert project.run(resume=True).exit_code == ExitCode.DONE
    assert (project.read(layout.MANIFEST)["outcome_sha256"], weights(project)) == before
    assert verify_pack(project.pack).verdict == "INTACT"


def test_closed_it_keeps_which_python_it_was(project: Project, under_another: Path) -> None:
    process = start(project)
    wait_for(project, "stage-started")
    killed(process, project)
    assert project.run(close=True).status == "failed"
    assert project.read("attempts/01-stub/worker.json")["interpreter"].endswith("/venv/bin/python")
    report = verify_pack(project.pack)
    assert [one for one in report.findings if one.severity in ("error", "refused")] == []
