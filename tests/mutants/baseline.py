"""What the tests do on the sound code: which lines each one runs, and for how long.

Responsible for choosing the tests of a mutant. A test that does not run the changed line cannot
tell; of those that do, two kinds come first: those that also run the rarest line of the same
function, since that is where a check has something to say, and those of the module itself.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final

import pytest
from coverage import CoverageData

from tests.mutants.operators import Mutant
from tests.mutants.timing import DURATIONS

TESTS: Final = (
    "tests/verification",
    "tests/packs",
    "tests/origin",
    "tests/prose",
    "tests/redaction",
    "tests/encoding",
    "tests/recording/test_forged.py",
    "tests/recording/test_within.py",
    "tests/self_test/test_programs.py",
    "tests/test_rows.py",
)
"""The fast subset: no run of a milestone, no torch."""
FIRST_TESTS: Final = 12
"""Most mutants fall to these; the others meet the rest of their tests at the end."""
FAST: Final = "not exhaustive and not torch"
MAX_TESTS_S: Final = 90.0
"""Per mutant, as the tests took on the sound code while it was measured (three times as long as
they take without). More would only find more."""
COVERAGE: Final = "coverage"
DURATIONS_FILE: Final = "durations.json"


def measure(folder: Path, jobs: int) -> None:
    """Run the tests once over the sound code, and keep who ran what.

    A test that fails here (one that bounds processor time does, since coverage slows it down) is
    left out: `timing` names those that pass.
    """
    folder.mkdir(parents=True, exist_ok=True)
    places = {"COVERAGE_FILE": str(folder / COVERAGE), DURATIONS: str(folder / DURATIONS_FILE)}
    words = ["-m", "pytest", "-n", str(jobs), "-p", "no:randomly", "-p", "tests.mutants.timing"]
    coverage = ["--cov=evidence", "--cov-context=test", "--cov-report="]
    command = [sys.executable, *words, "-m", FAST, *coverage, *TESTS]
    done = subprocess.run(command, env={**os.environ, **places}, check=False)
    if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise SystemExit("the tests do not run on the sound code: nothing can be said of mutants")


@dataclass(frozen=True)
class Baseline:
    """Tests by the lines that they run."""

    data: CoverageData
    seconds: dict[str, float]

    @cached_property
    def rarest(self) -> dict[str, int]:
        """By test, how many others run the rarest line that it runs: those of odd packs first."""
        found = dict.fromkeys(self.seconds, sys.maxsize)
        for file in self.data.measured_files():
            for tests in self._by_line(Path(file)).values():
                for test in tests:
                    found[test] = min(found[test], len(tests))
        return found

    @staticmethod
    def read(folder: Path) -> Baseline:
        """What `measure` left."""
        data = CoverageData(str(folder / COVERAGE))
        data.read()
        return Baseline(data, json.loads((folder / DURATIONS_FILE).read_text("utf-8")))

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Tests that run the changed line: the most telling and the most focused ones, in turn,
        then the rest, the cheapest first."""
        by_line = self._by_line(mutant.path)
        first, last = _function(mutant.path, mutant.line)
        if first == 0:  # of the module itself, which runs when it is imported
            lines = list(by_line)
            hit = set[str]().union(*by_line.values())
        else:
            lines = [line for line in by_line if first < line <= last]
            near = [line for line in lines if line <= mutant.line]
            hit = by_line[max(near)] if near else set()
        rarity = {
            test: min((len(by_line[line]) for line in lines if test in by_line[line]), default=0)
            for test in hit
        }
        telling = sorted(hit, key=lambda test: (rarity[test], self.rarest[test], test))
        focused = sorted(hit, key=lambda test: (-self._focus(test, mutant.path), test))
        first = dict.fromkeys(test for pair in zip(telling, focused, strict=True) for test in pair)
        chosen = list(first)[:FIRST_TESTS]
        spent_s = sum(self.seconds[test] for test in chosen)
        for test in sorted(hit - set(chosen), key=lambda test: (self.seconds[test], test)):
            spent_s += self.seconds[test]
            if spent_s > MAX_TESTS_S:
                break
            chosen.append(test)
        return chosen

    def _focus(self, test: str, path: Path) -> float:
        """The share of a module in the lines that a test runs: that of its own tests is large."""
        lines = self.lines_of[test]
        return lines[str(path)] / lines.total() if lines else 0.0

    @cached_property
    def lines_of(self) -> dict[str, Counter[str]]:
        """By test, how many lines of each file it runs."""
        found = {test: Counter[str]() for test in self.seconds}
        for file in self.data.measured_files():
            for tests in self._by_line(Path(file)).values():
                for test in tests:
                    found[test][file] += 1
        return found

    def _by_line(self, path: Path) -> dict[int, set[str]]:
        found: dict[int, set[str]] = {}
        for line, contexts in self.data.contexts_by_lineno(str(path)).items():
            tests = {context.rpartition("|")[0] for context in contexts}
            found[line] = {test for test in tests if test in self.seconds}
        return {line: tests for line, tests in found.items() if tests}


@cache
def _function(path: Path, line: int) -> tuple[int, int]:
    """First and last line of the innermost function around a line; zeros for none."""
    found = (0, 0)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            inside = node.body[0].lineno <= line <= node.end_lineno
            if inside and node.lineno > found[0]:
                found = (node.lineno, node.end_lineno)
    return found
