"""Laws of patterns from strangers: linear time or refused."""

from __future__ import annotations

import time

import pytest

from evidence import limits
from evidence.errors import MalformedError
from evidence.records.milestone import EvalSpec, PatternSpec
from evidence.rules import patterns, scoring


@pytest.mark.parametrize(
    ("pattern", "text", "there"),
    [
        ("VERIFY", "first\nVERIFY: yes", True),
        ("VERIFY", "verify", False),
        ("(?i)verify", "Verify", True),
        ("^Answer: \\d+$", "Answer: 42", True),
        ("^Answer: \\d+$", "Well.\nAnswer: 42", False),
        ("(?m)^Answer: \\d+$", "Well.\nAnswer: 42", True),
        ("\\bno\\b", "nothing", False),
        ("é{2}", "éé", True),
        ("x", "", False),
    ],
)
def test_a_pattern_is_searched_for_in_the_whole_text(pattern: str, text: str, there: bool) -> None:
    assert patterns.found(pattern, text) is there


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[z-a]",
        "(?=a)b",
        "(?<!a)b",
        "(a)\\1",
        "(a{0,1000}){0,1000}",
        "a{1000000}",
        "x" * (limits.MAX_PATTERN_CHARS + 1),
    ],
)
def test_what_is_no_pattern_or_not_linear_is_refused(pattern: str) -> None:
    with pytest.raises(MalformedError):
        patterns.refuse_bad_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*)*x", "([a-z]+)*\\d", "^(a?){30}a{30}$"]
)
def test_what_makes_a_backtracking_engine_hang_takes_no_time_here(pattern: str) -> None:
    began_s = time.process_time()
    patterns.found(pattern, "a" * 200_000 + "!")
    assert time.process_time() - began_s < 2


def test_a_pattern_whose_program_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    large = "(a{0,100}){0,20}"
    with pytest.raises(MalformedError):
        patterns.refuse_bad_pattern(large)
    monkeypatch.setattr(limits, "MAX_PATTERN_PROGRAM_BYTES", 64 << 20)
    patterns.refuse_bad_pattern(large)


def test_only_the_first_part_of_an_absurdly_long_output_is_searched() -> None:
    text = "a" * limits.MAX_PATTERN_TEXT_CHARS + "VERIFY"
    assert not patterns.found("VERIFY", text)
    assert patterns.found("VERIFY", text[6:])


def test_behaviours_stand_beside_the_scores_and_look_at_the_whole_output() -> None:
    spec = EvalSpec(scorers=("exact",), scorer=(PatternSpec("verifies", "regex", "VERIFY"),))
    assert spec.all_scorers == ("exact", "verifies")
    found = scoring.scores(spec, "VERIFY it.\nAnswer: 4", "4", "4")
    assert found == {"exact": True, "verifies": True}
    assert [(s.name, s.kind, s.pattern) for s in scoring.records(spec)] == [
        ("exact", "rule", None),
        ("verifies", "regex", "VERIFY"),
    ]
