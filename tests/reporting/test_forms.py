"""Verdicts as SARIF, JUnit and markdown: nothing that was found is lost, nothing unchecked passes.

The schema of SARIF is its standard's own, and no copy of it is here: the laws below hold what it
asks of the properties that we write (OASIS SARIF 2.1.0, 3.13 to 3.58).
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from tests.command import evidence

GOLDEN: Final = Path(__file__).parents[1] / "packs/golden/v1"
LEVELS: Final = {"none", "note", "warning", "error"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packs that are intact, failed, broken, and unsafe to read."""
    runs = tmp_path / "runs"
    for name, status in (("a", "complete"), ("b", "failed"), ("c", "complete"), ("d", "complete")):
        shutil.copytree(GOLDEN / status / "M90", runs / name / "M90")
    results = runs / "c/M90/results.json"
    results.write_bytes(results.read_bytes().replace(b"0.72", b"0.71", 1))
    (runs / "d/M90/link").symlink_to("/etc/hostname")
    monkeypatch.chdir(tmp_path)
    return runs


NAMES: Final = {"a": 0, "b": 4, "c": 1, "d": 5}


def said(form: str, name: str) -> str:
    ended = evidence("verify", f"runs/{name}/M90", "--format", form)
    assert ended.exit == NAMES[name], ended
    assert ended.err == ""
    return ended.out


def report_of(name: str) -> Any:
    return json.loads(said("json", name))


def hold_sarif(log: Any) -> Any:
    """The one run of a log, in which every property is as the standard has it."""
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert set(run) == {"tool", "columnKind", "invocations", "results"}
    assert run["columnKind"] == "unicodeCodePoints"
    assert set(run["tool"]["driver"]) == {"name", "version", "rules"}
    rules = [one["id"] for one in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    assert all(one["shortDescription"]["text"] for one in run["tool"]["driver"]["rules"])
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is True
    notes = invocation["toolExecutionNotifications"]
    for one in run["results"]:
        assert set(one) == {"ruleId", "ruleIndex", "level", "message", "locations"}
        assert rules[one["ruleIndex"]] == one["ruleId"]
    for one in notes:
        assert set(one) == {"associatedRule", "level", "message", "locations"}
        assert rules[one["associatedRule"]["index"]] == one["associatedRule"]["id"]
    for one in [*run["results"], *notes]:
        assert one["level"] in LEVELS
        assert one["message"]["text"]
        (location,) = one["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~%/:-]+", uri), uri
        assert not urlsplit(uri).scheme or uri.startswith("file:///")
        region = location["physicalLocation"].get("region", {"startLine": 1})
        assert region["startLine"] >= 1
    return run


@pytest.mark.parametrize("name", NAMES)
def test_sarif_says_what_the_report_says(folder: Path, name: str) -> None:
    report = report_of(name)
    run = hold_sarif(json.loads(said("sarif", name)))
    assert run["invocations"][0]["exitCode"] == NAMES[name]
    codes = [one["ruleId"] for one in run["results"] if one["ruleId"] != "verdict"]
    assert sorted(codes) == sorted(one["code"] for one in report["findings"])
    unchecked = [one for one in report["checks"] if one["outcome"] == "not_checked"]
    notes = [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
    assert notes == [f"not checked: {one['id']}: {one['reason']}" for one in unchecked]
    errors = [one for one in run["results"] if one["level"] == "error"]
    assert bool(errors) == (NAMES[name] != 0), "a pack that is no 0 has an error"


def test_sarif_leads_to_the_file_and_the_line(folder: Path) -> None:
    run = hold_sarif(json.loads(said("sarif", "c")))
    files = {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]
    }
    assert "runs/c/M90/results.json" in files
    assert all((folder.parent / unquote(one)).exists() for one in files)


@pytest.mark.parametrize("name", NAMES)
def test_junit_has_a_case_for_every_check_and_fails_what_is_no_0(folder: Path, name: str) -> None:
    report = report_of(name)
    root = ElementTree.fromstring(said("junit", name))  # noqa: S314 - what we have just made
    (suite,) = root
    cases = {case.get("name"): case for case in suite}
    assert len(cases) == len(suite)
    assert {one["id"] for one in report["checks"]} <= set(cases)
    for one in report["checks"]:
        outcomes = [child.tag for child in cases[one["id"]] if child.tag != "system-out"]
        wanted = {"pass": [], "fail": ["failure"], "not_checked": ["skipped"]}[one["outcome"]]
        assert outcomes == wanted, one
    failures = root.findall(".//failure")
    assert bool(failures) == (NAMES[name] != 0)
    assert int(root.get("failures") or -1) == len(failures)
    assert int(root.get("skipped") or -1) == len(root.findall(".//skipped"))
    assert int(root.get("tests") or -1) == len(suite)
    assert all(case.get("time") is None for case in suite), "no duration was measured"


def test_a_job_summary_has_every_pack_with_its_verdict(folder: Path) -> None:
    ended = evidence("verify", *(f"runs/{name}/M90" for name in NAMES), "--format", "markdown")
    assert ended.exit == 5
    for verdict in ("INTACT", "UNFINISHED", "NOT INTACT", "REFUSED"):
        assert f" | {verdict} | " in ended.out
    assert "not checked" in ended.out
    kinds = {token.type for token in MarkdownIt("commonmark").enable("table").parse(ended.out)}
    assert "table_open" in kinds


def test_an_audit_is_said_in_each_form(folder: Path) -> None:
    page = folder.parent / "README.md"
    page.write_text(
        "<!-- evidence runs/a/M90 train.loss_end -->9<!-- /evidence -->\n\n"
        "| Metric | Value |\n|---|---|\n| Final loss | 9.99 |\n"
    )
    run = hold_sarif(json.loads(evidence("audit", "README.md", "--format", "sarif").out))
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("marker-differs", "error")
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("README.md", 1)
    words = ("audit", "README.md", "--pack", "runs/a/M90", "--format")
    ended = evidence(*words, "sarif")
    assert ended.exit == 1
    found = {one["ruleId"] for one in hold_sarif(json.loads(ended.out))["results"]}
    assert found == {"marker-differs", "contradicted"}
    root = ElementTree.fromstring(evidence(*words, "junit").out)  # noqa: S314 - ours
    assert len(root.findall(".//failure")) == 2
    assert evidence(*words, "markdown").out.startswith("# Audit of")


def test_names_that_are_markup_are_text(folder: Path) -> None:
    odd = folder / "e<b>&\"'|`[x](y)"
    shutil.copytree(folder / "c/M90", odd)
    words = ("verify", f"runs/{odd.name}", "--format")
    hold_sarif(json.loads(evidence(*words, "sarif").out))
    root = ElementTree.fromstring(evidence(*words, "junit").out)  # noqa: S314 - ours
    assert root[0].get("name") == f"runs/{odd.name}"
    page = MarkdownIt("commonmark").enable("table").parse(evidence(*words, "markdown").out)
    inline = {part.type for token in page for part in token.children or ()}
    assert not inline & {"link_open", "html_inline"}


@pytest.mark.parametrize("form", ["sarif", "junit", "markdown"])
def test_one_form_at_a_time(folder: Path, form: str) -> None:
    assert evidence("verify", "runs/a/M90", "--format", form, "--json").exit == 2
    assert evidence("verify", "runs/a/M90", "--format", form, "--self-test").exit == 2
    assert evidence("verify", "runs/a/M90", "--format", "json", "--json").exit == 0
