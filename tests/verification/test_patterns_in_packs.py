"""Laws on patterns as scorers in a pack: recomputed, and not checked where that cannot be done."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from toy import toy, write

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.rules import patterns
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack

PATTERN = '\n[[eval.scorer]]\nname = "answers"\nkind = "regex"\npattern = "Answer: [0-9]"\n'


def with_pattern(*, verdict: bool = True) -> ForgedPack:
    """The toy, whose outputs all match a pattern that the milestone declares."""
    made = toy()
    text = made.files[layout.MILESTONE].replace(
        b"\n[[attempt]]", PATTERN.encode() + b"\n[[attempt]]", 1
    )
    made.files[layout.MILESTONE] = text
    made.event("run-started")["data"]["milestone_sha256"] = sha256_hex(text)
    made.docs[layout.INPUTS]["scorers"].append(
        {"name": "answers", "kind": "regex", "version": 1, "pattern": "Answer: [0-9]"}
    )
    for row in made.docs[layout.PREDICTIONS]:
        row["scores"]["answers"] = True
    made.docs[layout.PREDICTIONS][2]["scores"]["answers"] = verdict
    return made.seal()


def result_of(pack: Path) -> tuple[int, str, str]:
    report = verify_pack(pack)
    (check,) = (one for one in report.checks if one.id == "prediction-scores")
    return report.exit_code, check.outcome, check.reason


def test_what_a_pattern_found_is_recomputed(tmp_path: Path) -> None:
    assert result_of(write(tmp_path / "M90", with_pattern().all_bytes())) == (0, "pass", "")


def test_another_verdict_of_a_pattern_is_found(tmp_path: Path) -> None:
    pack = write(tmp_path / "M90", with_pattern(verdict=False).all_bytes())
    assert result_of(pack)[:2] == (1, "fail")


def test_without_an_engine_for_patterns_the_scores_are_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = write(tmp_path / "M90", with_pattern().all_bytes())
    patterns._compiled.cache_clear()
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    try:
        _, outcome, reason = result_of(pack)
    finally:
        patterns._compiled.cache_clear()
    assert outcome == "not_checked"
    assert "there is no engine for patterns" in reason
