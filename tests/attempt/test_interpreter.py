"""Laws of `interpreter`: workers run under the Python that an attempt names, and the pack says so;
one under which no worker can run is an outcome with its remedy."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout, limits
from evidence.errors import ExitCode, MilestoneError
from evidence.verification.verification import verify_pack
from tests.other_python import ROOT, SITE, able_python, distribution, make_python, script
from tests.project import Project
from tests.shared import made_once

NAMED = 'backend = "stub"\ninterpreter = "{}"\n'
SECOND = '\n[[attempt]]\nname = "second"\nbackend = "stub"\n'


@pytest.fixture(scope="session")
def able(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python under which workers run, with a package that this one does not have."""

    def make(folder: Path) -> Path:
        more = distribution(folder / "more", "only-there", "7.1")
        return able_python(folder / "venv", more).parents[1]

    return made_once(tmp_path_factory, "able-python", make) / "bin/python"


def named(project: Project, interpreter: str | Path, more: str = "") -> None:
    project.edit('backend = "stub"\n', NAMED.format(interpreter))
    project.edit("[[gate]]", f"{more}\n[[gate]]")
    project.git("commit", "-qam", "an interpreter")


def errors(project: Project) -> list[str]:
    report = verify_pack(project.pack)
    return [one.message for one in report.findings if one.severity in ("error", "refused")]


def test_the_workers_run_under_it_and_the_pack_names_it_with_its_packages(
    project: Project, able: Path
) -> None:
    named(project, able)
    result = project.run()
    assert (result.exit_code, result.status) == (ExitCode.DONE, "complete")
    worker = project.read(layout.WORKER)
    assert worker["interpreter"] == worker["executable"] == str(able)
    versions = {one["name"]: one["version"] for one in worker["packages"]}
    assert versions["only-there"] == "7.1"
    here = {one["name"] for one in project.read(layout.PACKAGES)["packages"]}
    assert "only-there" not in here
    values = project.read(layout.RESULTS)["values"]
    assert values["software.worker.packages"]["value"] == len(worker["packages"])
    snapshot = (project.pack / layout.ENV_SNAPSHOT).read_text("utf-8")
    assert f"{able}, {len(worker['packages'])} packages" in snapshot
    assert errors(project) == []


def test_a_path_may_be_relative_to_the_project_or_below_home(
    project: Project, able: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "env").symlink_to(able.parents[1])
    named(project, "env/bin/python")
    assert project.run().status == "complete"
    assert project.read(layout.WORKER)["interpreter"] == "env/bin/python"
    shutil.rmtree(project.runs)
    project.edit('"env/bin/python"', '"~/bin/python"')
    monkeypatch.setenv("HOME", str(able.parents[1]))
    assert project.run().status == "complete"
    worker = project.read(layout.WORKER)
    assert worker["interpreter"] == worker["executable"] == "~/bin/python"  # no home in a pack


def test_what_says_where_our_packages_are_does_not_reach_it(
    project: Project, able: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "stub_backend.py").write_text("raise SystemExit('the packages of another Python')")
    before = os.environ["PYTHONPATH"]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(wrong), before)))
    monkeypatch.setenv("PYTHONHOME", str(wrong))
    named(project, able)
    assert project.run().status == "complete"


HANGS = "exec sleep 300"
LEAVES_ONE_BEHIND = "sleep 300 & exec sleep 300"
UNUSABLE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "missing": (lambda path: None, "there is no interpreter {}", "name one that is Python 3.11"),
    "a link to nothing": (
        lambda path: path.symlink_to("gone/python"),
        "{} is a link to gone/python, which is not there",
        "name one that is Python 3.11",
    ),
    "a folder": (lambda path: path.mkdir(), "{} is a folder", "name one that is Python 3.11"),
    "not executable": (
        lambda path: path.write_text("#!/bin/sh\n"),
        "{} cannot be started: Permission denied",
        "name one",
    ),
    "no program": (
        lambda path: (path.write_bytes(b"\0\1"), path.chmod(0o755)),
        "{} cannot be started: Exec format error",
        "name one",
    ),
    "hangs": (lambda path: script(path, HANGS), "{} did not say within 1 s", "name one"),
    "leaves a process behind": (
        lambda path: script(path, LEAVES_ONE_BEHIND),
        "{} did not say within 1 s",
        "name one",
    ),
    "prints garbage": (
        lambda path: script(path, "echo garbage; echo more of it"),
        "{} answers like no Python 3.11 or newer: more of it",
        "name one",
    ),
    "prints without end": (
        lambda path: script(path, "exec yes"),
        "{} answers like no Python: it prints without end",
        "name one",
    ),
    "prints another answer": (
        lambda path: script(path, """echo '{"version": 3}'"""),
        "{} answers like no Python 3.11 or newer",
        "name one",
    ),
    "fails": (
        lambda path: script(path, "echo no license >&2; exit 9"),
        "{} answers like no Python 3.11 or newer (exit status 9): no license",
        "name one",
    ),
    "starts another process": (
        lambda path: script(path, f'{sys.executable} "$@"; exit $?'),
        "{} starts Python as a process of its own",
        "name one",
    ),
    "too old": (
        lambda path: script(path, f"echo '{json.dumps({**OLD, 'parent': os.getpid()})}'"),
        "{} is PyPy 3.10.2; a worker needs Python 3.11 or newer",
        "name one",
    ),
    "without evidence": (
        lambda path: make_python(path.parent / "bare"),
        "evidence-pack is not installed in {}",
        '{} -m pip install "evidence-pack==0.1.0"',
    ),
    "another evidence": (
        lambda path: other_evidence(path.parent),
        "{} has another evidence-pack (0.0.9,",
        '{} -m pip install "evidence-pack==0.1.0"',
    ),
    "evidence without what it needs": (
        lambda path: make_python(path.parent / "poor", ROOT),
        "evidence-pack cannot be imported in {}: ModuleNotFoundError",
        '{} -m pip install "evidence-pack==0.1.0"',
    ),
    "without the backend": (
        lambda path: make_python(path.parent / "half", ROOT, SITE),
        "the backend 'stub' is not installed in {}",
        "{} -m pip install",
    ),
}
OLD = {
    "version": "3.10.2", "implementation": "PyPy", "compiler": "GCC", "executable": "python",
    "too_old": True,
}  # fmt: skip


def other_evidence(folder: Path) -> Path:
    package = folder / "other/evidence"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "0.0.9"\n')
    return make_python(folder / "with-another", package.parent, SITE)


@pytest.mark.parametrize("name", UNUSABLE)
def test_one_under_which_no_worker_can_run_is_an_outcome_with_its_remedy(
    name: str, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E8"""
    make, said, remedy = UNUSABLE[name]
    path = tmp_path / "made" / "python"
    path.parent.mkdir()
    made = make(path)
    path = made if isinstance(made, Path) else path
    if "hang" in name or "behind" in name:
        monkeypatch.setattr(limits, "INTERPRETER_TIMEOUT_S", 1.0)
    named(project, path, SECOND)
    result = project.run()
    assert (result.status, result.attempt) == ("complete", "second")
    (outcome,) = result.outcomes
    assert outcome.outcome == "requirement-not-met"
    assert outcome.missing[0].startswith(said.format(path))
    assert remedy.format(path) in outcome.remedies[0]
    assert not (project.pack / layout.WORKER).exists()
    assert errors(project) == []


def test_a_failed_attempt_keeps_which_python_its_workers_ran_under(
    project: Project, able: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = {"stage": "train", "at": 3, "do": "raise"}
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps(order))
    named(project, able)
    assert project.run().status == "failed"
    worker = project.read("attempts/01-stub/worker.json")
    assert worker["interpreter"] == str(able)
    assert not (project.pack / layout.WORKER).exists()
    assert errors(project) == []


@pytest.mark.parametrize("bad", ["", "a\\\\b", "a\\u0007b", "x" * 301])
def test_what_is_no_path_is_refused_with_its_line(bad: str, project: Project) -> None:
    project.edit('backend = "stub"\n', NAMED.format(bad))
    with pytest.raises(MilestoneError, match=r"T1\.toml:\d+: attempt\.0\.interpreter: "):
        project.run()
