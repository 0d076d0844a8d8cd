"""Change the verifier in one small way, run the tests that should notice, and count.

`make mutants` draws a seeded sample of all mutants of what verifies and redacts. Each one
lives in a process forked from one that has imported all libraries and nothing of ours: there its
module is compiled from the changed tree, and the tests that run the changed line are run until
one fails. A test that hangs, or takes the memory, notices too. Exit 1 below the score.

A tool of our own, since mutmut 3 and cosmic-ray write mutants to disk and run one command over
each, or change functions only: constants of a module (a pattern, a cap, a table of what may
follow what) carry much of what verify knows.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from types import CodeType, ModuleType
from typing import Final

import pytest

from tests.mutants.baseline import FIRST_TESTS, Baseline, measure
from tests.mutants.operators import Mutant, changed_tree, difference, is_real, mutants_of

ROOT: Final = Path(__file__).parents[2]
DRAWN: Final = {
    "evidence/verification": 215,
    "evidence/encoding/digest.py": 12,
    "evidence/pack/journal.py": 15,
    "evidence/encoding/jsonio.py": 38,
    "evidence/redact": 35,
}
"""How many mutants of each; all of them where there are fewer."""
LEAST_SCORE: Final = 0.9
TIMEOUT_S: Final = 120.0
MAX_MEMORY_BYTES: Final = 4 << 30
OUTPUT_FILE: Final = Path(tempfile.gettempdir()) / "mutants-said.txt"
"""What pytest said where it did not come to a verdict."""
_VERDICTS: Final = (
    pytest.ExitCode.OK,
    pytest.ExitCode.NO_TESTS_COLLECTED,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.INTERRUPTED,
    pytest.ExitCode.USAGE_ERROR,  # a conftest could not be imported, which the control rules out
)
QUIET: Final = (
    *("-x", "-q", "--no-header"),
    *("-o", "filterwarnings=error\nignore::pytest.PytestAssertRewriteWarning"),
    *("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov"),
)
LIBRARIES: Final = (
    *("click", "filelock", "git", "jinja2", "jsonschema"),
    *("jsonschema_rs", "orjson", "psutil", "tomlkit"),
    *("concurrent.futures", "multiprocessing.pool", "hypothesis", "hypothesis.strategies"),
)
"""Imported once, before any mutant: they are the same for all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutant."""

    mutant: Mutant | None
    fate: str
    """killed, hung, survived, or not-run: no test runs the line."""
    num_tests: int
    duration_s: float


def drawn(seed: int, share: float) -> list[Mutant]:
    """The sample of this seed: real mutants, mixed, so that a part of it is a sample too.

    By a digest of seed and change, so that a changed line of code changes the sample by that line
    and no more: scores of two commits are about the same mutants.
    """
    chosen: list[Mutant] = []
    for place, count in DRAWN.items():
        path = ROOT / place
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        found = [mutant for file in files for mutant in mutants_of(_module(file), file)]
        found.sort(key=lambda mutant: sha256(f"{seed} {mutant.key}".encode()).digest())
        wanted = round(count * share)
        real = (mutant for mutant in found if is_real(mutant))
        chosen += [mutant for mutant, _ in zip(real, range(wanted), strict=False)]
    Random(seed).shuffle(chosen)
    return chosen


def named(name: str) -> Mutant:
    """The mutant of this name. Raises SystemExit where there is none."""
    path = ROOT.joinpath(*name.partition(":")[0].split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found = [mutant for mutant in mutants_of(_module(file), file) if mutant.name == name]
    if not found:
        raise SystemExit(f"there is no mutant {name}: has its file changed?")
    return found[0]


def _module(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def campaign(
    mutants: Sequence[Mutant] | Sequence[None],
    baseline: Baseline,
    jobs: int,
    tests: Sequence[str] = (),
) -> Iterator[Outcome]:
    """Outcomes as they come, `jobs` processes at a time. None is the sound code."""
    running: dict[int, tuple[Mutant | None, int, int, float]] = {}
    waiting: list[tuple[Mutant | None, int]] = [(mutant, FIRST_TESTS) for mutant in mutants[::-1]]
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant, most = waiting.pop()
            chosen = tests if mutant is None else baseline.tests_of(mutant)[:most]
            if not chosen:
                yield Outcome(mutant, "not-run", 0, 0.0)
                continue
            running[_start(mutant, chosen)] = (mutant, most, len(chosen), time.monotonic())
        for pid, (mutant, most, num_tests, began) in list(running.items()):
            spent_s = time.monotonic() - began
            ended, status = os.waitpid(pid, os.WNOHANG)
            hung = not ended and spent_s > TIMEOUT_S
            if hung:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            if ended or hung:
                del running[pid]
                fate = "hung" if hung else _fate(os.waitstatus_to_exitcode(status))
                if fate == "survived" and mutant is not None and most == FIRST_TESTS:
                    waiting.insert(0, (mutant, sys.maxsize))  # once more, with all of its tests
                else:
                    yield Outcome(mutant, fate, num_tests, spent_s)
        time.sleep(0.02)


def _must_live(baseline: Baseline, mutants: Sequence[Mutant], jobs: int) -> None:
    """The sound code survives the same machinery, or every mutant would die of that."""
    tests = sorted({test for mutant in mutants[::20] for test in baseline.tests_of(mutant)[:2]})
    (control,) = campaign([None], baseline, jobs, tests)
    if control.fate != "survived":
        raise SystemExit(f"the sound code was {control.fate} by its tests, see {OUTPUT_FILE}")


def _fate(code: int) -> str:
    """What an exit code says. Raises SystemExit where it is no verdict of the tests."""
    if code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return "survived"
    if code < 0 or code in _VERDICTS:
        return "killed"  # by a signal; by a test; or the tests could not even be imported
    raise SystemExit(f"the tests were not run: exit {code}, see {OUTPUT_FILE}")


def _start(mutant: Mutant | None, tests: Sequence[str]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
        with tempfile.TemporaryDirectory() as made:
            descriptor = os.open(Path(made) / "said", os.O_CREAT | os.O_RDWR)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            if mutant is not None:
                compiled = compile(changed_tree(mutant), str(mutant.path), "exec")
                sys.meta_path.insert(0, _Changed(mutant, compiled))
            files = sorted({test.partition("::")[0] for test in tests})
            words = [*QUIET, f"--basetemp={made}/t", *files]
            code = int(pytest.main(words, plugins=[_Chosen(tests)]))
            if code not in _VERDICTS or (code and mutant is None):
                said = (Path(made) / "said").read_bytes()
                OUTPUT_FILE.write_bytes(said)
                if mutant is not None and b"MemoryError" in said:
                    code = int(
                        pytest.ExitCode.TESTS_FAILED
                    )  # of pytest itself, too: a test noticed
    except MemoryError:
        code = int(pytest.ExitCode.TESTS_FAILED) if mutant is not None else code
    except BaseException:
        OUTPUT_FILE.write_text(traceback.format_exc(), "utf-8")
    finally:
        os._exit(code)


class _Chosen:
    """Runs these tests in this order. One that a mutant took away by its parameters is left out."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.rank = {test: rank for rank, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep and order."""
        selected = [item for item in items if item.nodeid in self.rank]
        items[:] = sorted(selected, key=lambda item: self.rank[item.nodeid])


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds one module, and gives it the changed code."""

    def __init__(self, mutant: Mutant, code: CodeType) -> None:
        self.mutant, self.code = mutant, code

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.mutant.module:
            return None
        package = self.mutant.path.name == "__init__.py"
        spec = importlib.util.spec_from_loader(
            name, self, origin=str(self.mutant.path), is_package=package
        )
        if spec is not None:
            spec.has_location = True
            if package:
                spec.submodule_search_locations = [str(self.mutant.path.parent)]
        return spec

    def get_code(self, fullname: str) -> CodeType:
        return self.code

    def get_source(self, fullname: str) -> str:
        return self.mutant.path.read_text("utf-8")


def _report(outcomes: Sequence[Outcome]) -> float:
    """Print score and survivors; the score."""
    alive = [one for one in outcomes if one.fate in ("survived", "not-run")]
    print("\n| module | mutants | killed |\n|---|---|---|")
    all_of = Counter(one.mutant.module for one in outcomes if one.mutant)
    alive_of = Counter(one.mutant.module for one in alive if one.mutant)
    for module, count in sorted(all_of.items()):
        print(f"| {module} | {count} | {count - alive_of[module]} |")
    print("\nSurvivors:")
    for one in alive:
        if one.mutant is None:
            continue
        what = f"{one.fate} {one.num_tests} tests"
        print(f"- {one.mutant.name} ({what}): {difference(one.mutant)}")
    score = 1 - len(alive) / len(outcomes)
    print(f"\n{len(outcomes)} mutants, {len(alive)} survived: score {score:.1%}")
    return score


def main() -> None:
    """Run a campaign."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=45)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of mutants")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--baseline", type=Path, help="folder of an earlier run's measurements")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = asked.baseline or Path(made)
        if not (folder / "durations.json").exists():
            measure(folder, asked.jobs)
        baseline = Baseline.read(folder)
        mutants = [named(name) for name in asked.only] or drawn(asked.seed, asked.share)
        for library in LIBRARIES:
            importlib.import_module(library)
        outcomes = []
        _must_live(baseline, mutants, asked.jobs)
        for one in campaign(mutants, baseline, asked.jobs):
            name = "" if one.mutant is None else one.mutant.name
            print(f"{one.fate:8} {one.duration_s:5.1f} s  {name}", flush=True)
            outcomes.append(one)
    score = _report(outcomes)
    sys.exit(score < LEAST_SCORE and not asked.only)


if __name__ == "__main__":
    main()
