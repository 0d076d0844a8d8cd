"""The law of caps: whatever a document holds may grow, and what began can be ended.

Each document of a pack has its case: at the cap the run is complete and its verify finds nothing,
beyond it so too (a count, a digest and a reason stand for the rest), or nothing is started, or the
attempt fails at once and its pack says so.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from evidence import layout, limits
from evidence.capture import variables as variables_of
from evidence.errors import ExitCode, UsageError
from evidence.records.capture import CpuRecord, GpuRecord
from evidence.running import observation, preflight
from evidence.verification.verification import verify_pack
from tests.project import Project

SCHEMAS = Path(__file__).parents[2] / "schemas"
End = Literal["complete", "refused", "failed"]
Grow = Callable[[Project, pytest.MonkeyPatch], object]


@dataclass(frozen=True)
class Case:
    """One way in which one document grows, and how such a run ends."""

    document: str
    what: str
    grow: Grow
    end: End
    says: str = ""
    """In what is said of a refused or a failed run."""


def order(**asked: object) -> Grow:
    return lambda _, patch: patch.setenv("EVIDENCE_STUB", json.dumps(asked))


def reason(project: Project, patch: pytest.MonkeyPatch) -> None:
    told = project.root.parent / "told.txt"
    told.write_text("r" * 3_000_000, "utf-8")
    order(stage="train", at=3, do="raise", **{"from": str(told)})(project, patch)


def variable(length: int) -> Grow:
    return lambda _, patch: patch.setenv("OMP_PLACES", "v" * length)


def variables(more: int) -> Grow:
    def grow(_: Project, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(limits, "MAX_VARIABLES", 8)
        for name in filter(variables_of.is_recorded, [*os.environ]):
            patch.delenv(name)
        for number in range(8 + more):
            patch.setenv(f"OMP_{'ABCDEFGHIJ'[number]}", "1")

    return grow


def packages(less: int) -> Grow:
    present = sum(1 for _ in importlib.metadata.distributions())
    return lambda _, patch: patch.setattr(limits, "MAX_PACKAGES", present - less)


def long_version(project: Project, patch: pytest.MonkeyPatch) -> None:
    folder = project.root.parent / "site/odd-1.dist-info"
    folder.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: odd\nVersion: 1.{'0' * 300_000}\n"
    (folder / "METADATA").write_text(text, "utf-8")
    patch.syspath_prepend(str(folder.parent))


def subject(project: Project, _: pytest.MonkeyPatch) -> None:
    path = project.root.parent / "message"
    path.write_text("s" * 2_000_000, "utf-8")
    project.git("commit", "-q", "--allow-empty", "-F", str(path))


def branch(project: Project, _: pytest.MonkeyPatch) -> None:
    project.git("checkout", "-q", "-b", "/".join("b" * 200 for _ in range(10)))


def tags(count: int) -> Grow:
    def grow(project: Project, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(limits, "MAX_TAGS", 3)
        for number in range(count):
            project.git("tag", f"t{number}")

    return grow


def processor(**odd: object) -> Grow:
    def grow(_: Project, patch: pytest.MonkeyPatch) -> None:
        found: CpuRecord = observation.capture_cpu()
        patch.setattr(observation, "capture_cpu", lambda: replace(found, **odd))

    return grow


def accelerator(_: Project, patch: pytest.MonkeyPatch) -> None:
    found = observation.capture_gpus()
    unknown = replace(found).gpus
    gpu = GpuRecord(0, "G\x1b\udc80" * limits.MAX_CAPTURED_CHARS, *[unknown] * 9)
    patch.setattr(observation, "capture_gpus", lambda: replace(found, gpus=(gpu,)))


def frozen(cap: int) -> Grow:
    return lambda _, patch: patch.setattr(preflight, "MAX_FROZEN_FILES", cap)


def notes(more: int) -> Grow:
    def grow(project: Project, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(limits, "MAX_NOTE_BYTES", 1000)
        path = layout.notes_file(project.root, "T1")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "a word " * ((993 + more) // 7) + "x" * ((993 + more) % 7) + " words.", "utf-8"
        )
        assert path.stat().st_size == 1000 + more

    return grow


def milestone(project: Project, _: pytest.MonkeyPatch) -> None:
    project.edit('title = "A test"', f'title = "A test"\n# {"c" * limits.MAX_TOML_BYTES}')


CASES = (
    Case("environment", "one huge value", variable(100_000), "complete"),
    Case("environment", "as many variables as may be", variables(0), "complete"),
    Case("environment", "one variable more", variables(1), "refused", "variables such as OMP_"),
    Case("packages", "as many packages as may be", packages(0), "complete"),
    Case("packages", "one package more", packages(1), "refused", "packages are installed"),
    Case("packages", "a long version", long_version, "complete"),
    Case("git", "a long subject", subject, "complete"),
    Case("git", "a long branch", branch, "complete"),
    Case("git", "as many tags as may be", tags(3), "complete"),
    Case("git", "more tags", tags(5), "complete"),
    Case("hardware", "a processor of a megabyte", processor(model="C\x1b" * 500_000), "complete"),
    Case(
        "hardware",
        "more flags than a document holds",
        processor(flags=("f" * 60,) * 300_000),
        "refused",
        "fits into no pack: hardware.json",
    ),
    Case("hardware", "a card of any bytes", accelerator, "complete"),
    Case("frozen", "as many promises as may be", frozen(2), "complete"),
    Case("frozen", "one promise more", frozen(1), "refused", "a pack names 1"),
    Case("milestone", "more than a milestone holds", milestone, "refused", "T1.toml"),
    Case("rendered", "notes as long as may be", notes(0), "complete"),
    Case("rendered", "notes of one byte more", notes(1), "refused", "1001 bytes"),
    Case(
        "prediction-row",
        "an output of a line's length",
        order(do="long-output", chars=limits.MAX_JSONL_LINE_BYTES // 2 - 4096),
        "complete",
    ),
    Case(
        "prediction-row",
        "a longer output",
        order(do="long-output", chars=limits.MAX_JSONL_LINE_BYTES),
        "failed",
        "max_new_tokens",
    ),
    Case("journal-event", "a model of many files", order(files=1_000), "complete"),
    Case("journal-event", "of very many", order(files=5_000), "failed", "a line of the journal"),
    Case(
        "outcome",
        "a reason of megabytes",
        reason,
        "failed",
    ),
)
ELSEWHERE = {
    "audit": "is printed by audit, and in no pack",
    "commitments": "one entry for each file of rows: an attempt has one",
    "comparison": "is printed by compare, and in no pack",
    "disclosure": "is written by disclose, and in no pack: disclose.disclosed_bytes",
    "done": "is printed by commands, and in no pack: of errors and of lines that they print",
    "explanation": "is printed by explain, and in no pack",
    "found": "is printed by find, and in no pack",
    "indexed": "is printed by index, and in no pack",
    "policy": "is the caller's, and in no pack: limits.MAX_TOML_BYTES",
    "pushed": "is printed by push, and in no pack",
    "self-test": "is printed by verify --self-test, and in no pack",
    "report": "is printed by verify, and in no pack",
    "reproduction": "is made of a pack that is sealed already",
    "manifest": "names files, whose count is refused while a pack is sealed: test_limits",
    "withheld": "as the manifest",
    "inputs": "test_large_runs, test_closable: rows and names of data",
    "seen": "test_large_runs: what is recorded of a step",
    "worker": "packages as in packages.json; limits.MAX_INTERPRETER_BYTES is read of them",
    "adapter": "one row a layer of the model, which is loaded before",
    "weights": "one row a tensor of the model, which is loaded before",
    "overrides": "milestone.effective.MAX_SEALED_BYTES: tests/milestone/test_overrides",
    "parents": "files of checkpoints that are sealed already; values that a milestone can name",
    "functions": "worker.functions.MAX_SOURCE_BYTES of each of 9 files at most",
    "logits": "rules.logits.MAX_PROMPTS rows of 72 numbers",
    "results": "test_large_runs: the longest table and the most groups",
    "metrics-row": "numbers only; lengths.MAX_LOSS_ROWS, limits.MAX_JSONL_LINES",
    "command-settings": "is a table of the milestone, which has a cap of its own",
    "program": "recording/gathering: each list has a cap, and what is beyond it is counted",
    "program-step": "numbers only; limits.MAX_JSONL_LINES",
    "program-seen": "recording/fed: sequences, tokens and batches have caps",
    "program-files": "recording/gathering.MAX_OPENED, recording/collected.MAX_FILES",
    "program-reported": "recording/gathering.MAX_REPORTED",
    "program-numbers": "one entry for each [[metric]], at most 200",
    "sources": "limits.MAX_ORIGINALS: tests/importing",
    "logged-row": "results/imported/training.MAX_LOGGED_ROWS: tests/importing",
    "findings": "one for each rule",
    "telemetry-row": "numbers only; test_large_runs: a year of samples",
}


def test_every_document_has_a_case_or_a_reason() -> None:
    """Whoever adds a document says what happens when it grows."""
    documents = {path.name.split(".")[0] for path in SCHEMAS.glob("*.schema.json")}
    assert documents == {one.document for one in CASES} | set(ELSEWHERE)


FULL = (
    "of very many",
    "an output of a line's length",
    "a reason of megabytes",
    "more flags than a document holds",
    "a card of any bytes",
    "a long version",
    "a long branch",
    "more tags",
)
"""Ten seconds and more each, or another like it is run."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=f"{case.document}: {case.what}",
            marks=[pytest.mark.full] if case.what in FULL else [],
        )
        for case in CASES
    ],
)
def test_what_grows_is_cut_or_refused_or_ends_the_attempt(
    case: Case, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.grow(project, monkeypatch)
    if case.end == "refused":
        with pytest.raises(UsageError) as caught:
            project.run()
        assert caught.value.exit_code == ExitCode.USAGE
        assert case.says in caught.value.message
        assert not project.pack.exists()
        assert not (project.runs / layout.WORK / "T1").exists()
        return
    result = project.run()
    report = verify_pack(project.pack)
    if case.end == "failed":
        assert (result.exit_code, report.verdict) == (ExitCode.UNFINISHED, "UNFINISHED")
        outcome = project.read("attempts/01-stub/outcome.json")
        assert case.says in outcome["reason"]
        return
    assert report.verdict == "INTACT", report.findings
    assert result.exit_code == ExitCode.DONE
