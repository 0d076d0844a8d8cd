"""Laws of backends: ours are ours, others are found by entry points, and packs ask for neither."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evidence.backends import registry
from evidence.capture.host import capture_cpu, capture_hardware
from evidence.errors import ExitCode, UsageError
from evidence.milestone.parse import load_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.availability import Unavailable
from evidence.render.view import backend_name
from evidence.text.marked import inline
from evidence.worker.interface import Backend, Package
from evidence.worker.requirements import unmet
from tests.command import evidence
from tests.installed import Installed, install, take_away
from tests.project import Project

RECORD = """
from evidence.worker.interface import Backend, Package
BACKEND = Backend("{name}", "A title", "nowhere_at_all.stage:run_stage")
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    return install(tmp_path / "installed", monkeypatch)


def refusal(name: str) -> str:
    with pytest.raises(UsageError) as caught:
        registry.find(name)
    assert caught.value.hint
    return caught.value.message


def test_a_backend_is_found_by_its_entry_point() -> None:
    stub = registry.find("stub")
    assert (stub.name, stub.run_stage) == ("stub", "stub_backend.stage:run_stage")


def test_ours_are_there_without_any_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    for name, backend in registry.SHIPPED.items():
        assert registry.find(name) is backend
    assert "there are: command, transformers, tunix" in refusal("stub")


def test_an_unknown_name_comes_with_the_known_ones_and_the_nearest() -> None:
    printed = refusal("transfomers")
    assert "there are: command, counting, faulty, stub, transformers, tunix" in printed
    assert "did you mean 'transformers'?" in printed


@pytest.mark.parametrize("name", sorted(registry.SHIPPED))
def test_no_package_takes_a_name_of_ours(name: str, installed: Installed) -> None:
    installed.backend("shadow_of_ours", name, RECORD.format(name=name))
    assert refusal(name).startswith(
        f"the package shadow_of_ours 1.0 brings a backend named {name!r}"
    )
    assert "shadow_of_ours" not in sys.modules, "it was not even imported"


def test_two_packages_do_not_share_a_name(installed: Installed) -> None:
    installed.backend("first_of_two", "shared", RECORD.format(name="shared"))
    installed.backend("second_of_two", "shared", RECORD.format(name="shared"))
    printed = refusal("shared")
    assert "first_of_two 1.0" in printed
    assert "second_of_two 1.0" in printed


def test_a_package_that_is_on_the_path_twice_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("behind", "before"):
        there = install(tmp_path / folder, monkeypatch)
        there.backend("twice_here", "twice", RECORD.format(name="twice"))
    assert registry.find("twice").title == "A title"
    assert str(tmp_path / "before") in str(sys.modules["twice_here"].__file__)


BROKEN = {
    "its import fails": ("import no_such_module_here", "No module named 'no_such_module_here'"),
    "it ends the process": ("raise SystemExit(3)", "SystemExit: 3"),
    "there is no such object": ("OTHER = 1", "has no attribute 'BACKEND'"),
    "it is a function": ("def BACKEND(job, emit): ...", "is of type function"),
    "it is a class": ("class BACKEND: ...", "is of type type"),
    "a type is wrong": (
        RECORD.replace('"A title"', "None").format(name="broken"),
        "at /title/: NoneType does not fit str",
    ),
    "a package is a word": (
        RECORD.replace(':run_stage"', ':run_stage", ("torch",)').format(name="broken"),
        "at /packages/0/: str does not fit Package",
    ),
    "it has another name": (RECORD.format(name="other"), "it calls itself 'other'"),
    "it names no function": (
        RECORD.replace(":run_stage", "").format(name="broken"),
        "not of the form module:function",
    ),
    "a package cannot be imported": (
        RECORD.replace(':run_stage"', ':run_stage", (Package("a-b", "?"),)').format(name="broken"),
        "the package 'a-b' has no name that can be imported",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_backend_is_named_with_its_package_and_what_is_wrong(
    case: str, installed: Installed
) -> None:
    source, words = BROKEN[case]
    package = f"broken_{sorted(BROKEN).index(case)}"
    installed.backend(package, "broken", source)
    printed = refusal("broken")
    assert printed.startswith(f"the backend 'broken' of the package {package} 1.0 ")
    assert words in printed
    assert registry.find("stub").name == "stub", "nobody else is hindered"
    assert dict(registry.every())["broken"].message == printed  # type: ignore[union-attr]


def test_entry_points_that_cannot_be_read_hinder_nobody(installed: Installed) -> None:
    installed.package("no_text", b"[evidence.backends]\n\xff\xfe")
    installed.package("no_value", "[evidence.backends]\nword\n")
    assert registry.find("stub").name == "stub"
    assert registry.find("transformers").name == "transformers"


def lacking(project: Project, *packages: Package) -> list[str]:
    milestone, _ = load_milestone(project.root / "milestones/T1.toml")
    none = Unavailable("no driver")
    hardware = capture_hardware(project.root, capture_cpu(), none, none, none)
    backend = Backend("any", "Any", "a:b", packages)
    return [missing for missing, _ in unmet(plan_attempts(milestone)[0], backend, hardware)]


def test_what_a_backend_needs_is_its_own_affair(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lacking(project) == []
    absent = Package("no_such_framework", "pip install it")
    printed = "the Python package no_such_framework is not installed"
    assert lacking(project, absent, Package("json", "never needed")) == [printed]
    project.edit('backend = "stub"', 'backend = "stub"\nrequires = { accelerator = "nvidia" }')
    monkeypatch.setattr("evidence.worker.requirements.torch_cuda_version", lambda: Unavailable("x"))
    assert not any("PyTorch" in one for one in lacking(project))


def test_a_function_that_is_not_there_is_an_outcome_and_no_traceback(
    project: Project, installed: Installed
) -> None:
    installed.backend("leads_nowhere", "lost", RECORD.format(name="lost"))
    project.edit('backend = "stub"', 'backend = "lost"')
    assert project.run().status == "failed"
    outcome = project.read("attempts/01-stub/outcome.json")
    assert outcome["outcome"] == "requirement-not-met"
    assert "run by nowhere_at_all.stage:run_stage" in outcome["reason"]
    log = (project.pack / "attempts/01-stub/training_log.txt").read_text("utf-8")
    assert "Traceback" not in log


def test_what_goes_wrong_inside_a_module_that_is_there_is_told_in_full(
    project: Project, installed: Installed
) -> None:
    source = RECORD.format(name="inner").replace("nowhere_at_all.stage", "inner_stage")
    installed.backend("inner_record", "inner", source)
    (installed.folder / "inner_stage.py").write_text("import no_such_framework\n")
    project.edit('backend = "stub"', 'backend = "inner"')
    project.run()
    outcome = project.read("attempts/01-stub/outcome.json")
    assert outcome["outcome"] == "exception"
    assert outcome["reason"] == "ModuleNotFoundError: No module named 'no_such_framework'"
    log = (project.pack / "attempts/01-stub/training_log.txt").read_text("utf-8")
    assert "Traceback" in log


def test_a_title_is_that_of_ours_whatever_is_installed() -> None:
    assert registry.find("stub").title == "Stub (tests)"
    assert registry.title("stub") is None
    assert backend_name("stub") == inline("stub")
    assert backend_name("transformers") == "PyTorch/Transformers"
    assert backend_name("*b*") == inline("*b*")


def test_whoever_reads_a_pack_asks_no_package(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run()

    def asked(**_: Any) -> None:
        raise AssertionError("installed packages were asked")

    monkeypatch.setattr(importlib.metadata, "distributions", asked)
    with pytest.raises(AssertionError):
        registry.find("stub")
    pack = str(project.pack)
    for words in (
        ("--help",),
        ("verify", pack),
        ("render", pack),
        ("explain", pack, "train.loss_end"),
        ("compare", pack, pack),
    ):
        ended = evidence(*words)
        assert ended.exit == ExitCode.DONE, ended.err


def test_a_pack_is_judged_and_rendered_alike_where_its_backend_is_unknown(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = project.run().summary
    here = summary.read_bytes()
    assert b"| Training Backend | stub |" in here
    take_away(monkeypatch)
    for words in (("verify",), ("render",), ("render", "--check")):
        command = [sys.executable, "-P", "-m", "evidence", *words, str(project.pack)]
        done = subprocess.run(command, env=dict(os.environ), capture_output=True, check=False)
        assert done.returncode == ExitCode.DONE, done.stdout
    assert summary.read_bytes() == here
