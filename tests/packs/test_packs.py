"""The corpus, run black-box through the command line. A new case is a folder, and no code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any
from unicodedata import category

import pytest
from packs.addresses import points_at
from packs.approved import of_case, of_report
from packs.case import CASES, Case, cases
from packs.edits import OPERATIONS
from packs.made import arguments, made

from tests.command import evidence

ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Kinds of characters that act on a terminal instead of showing."""
ALL = cases()
IN_A_PROCESS = Random(43).sample(ALL, 6)
"""These also run as a command of their own: the others share this process, which is cheaper."""


def state(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything below a folder, with what would show that it was written to."""
    return {
        os.fsdecode(path): (entry.st_mode, entry.st_size, entry.st_mtime_ns)
        for path, entry in ((p, p.lstat()) for p in folder.rglob("*"))
    }


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_verify_says_what_the_case_expects(case: Case, tmp_path: Path) -> None:
    pack = made(case, tmp_path)
    before = state(tmp_path)
    ended = evidence("verify", *arguments(case, pack), "--json")
    assert ended.exit == case.exit, ended
    findings = json.loads(ended.out)["findings"] if ended.exit != 2 else []
    codes = {finding["code"] for finding in findings}
    assert codes >= case.codes
    assert case.exit in (0, 2, 4) or codes, "a refusal without a finding"
    assert any(case.says in printed(finding) for finding in findings) or not case.says
    assert [finding for finding in findings if not points_at(pack, finding)] == []
    assert ended.exit == 2 or of_report(json.loads(ended.out), pack) == of_case(case)
    ended = evidence("verify", *arguments(case, pack))
    assert ended.exit == case.exit
    assert {c for c in ended.out + ended.err if category(c) in ACTING} <= {"\n"}
    assert state(tmp_path) == before


def printed(finding: dict[str, Any]) -> str:
    return " ".join(str(value) for value in finding.values())


@pytest.mark.parametrize("case", IN_A_PROCESS, ids=lambda case: case.name)
def test_the_command_itself_says_the_same(case: Case, tmp_path: Path) -> None:
    pack = made(case, tmp_path)
    words = [sys.executable, "-m", "evidence", "verify", *arguments(case, pack)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (case.exit, False)


def test_the_corpus_is_large_and_mostly_made_of_packs_that_must_fail() -> None:
    assert len(ALL) >= 70
    assert len([case for case in ALL if case.exit in (1, 3, 5)]) >= 50
    assert [case.name for case in ALL if not case.about.endswith(".")] == []


def test_every_operation_is_described_and_used() -> None:
    page = (CASES.parent / "README.md").read_text("utf-8")
    used = {edit["do"] for case in ALL for edit in case.edits}
    assert used == set(OPERATIONS)
    assert [name for name in OPERATIONS if f"`{name}`" not in page] == []
