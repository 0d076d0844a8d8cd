"""Laws of an environment made for one reproduction: the recorded versions, or a refusal by name."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence.errors import StoppedError, UsageError
from evidence.progress import Silent
from evidence.records.availability import Unavailable
from evidence.records.capture import PackageRecord
from evidence.reproduce.exact import (
    find_interpreter,
    reproduce_in_exact_environment,
    requirements,
    run_forwarding,
)
from evidence.running.signals import StopRequest
from evidence.verification.verification import VerifiedPack
from tests.compare.conftest import packs
from tests.project import Project

__all__ = ["packs"]

SAID = Unavailable("a test")


def package(name: str, version: str, origin: str | Unavailable = SAID) -> PackageRecord:
    return PackageRecord(name, version, SAID, origin, SAID)


def test_every_recorded_version_is_asked_for_but_the_tool() -> None:
    recorded = [package("torch", "2.9.0+cpu"), package("evidence-pack", "0"), package("a", "1!2.0")]
    assert requirements(recorded) == ["a==1!2.0", "torch==2.9.0+cpu"]


@pytest.mark.parametrize(
    "odd",
    [
        package("--index-url", "1"),
        package("a", "1 --pre"),
        package("a", ""),
        package("a", "1", "git+https://example.org/a"),
        package("a", "2"),
    ],
)
def test_what_no_index_has_is_refused_by_name(odd: PackageRecord) -> None:
    with pytest.raises(UsageError, match=odd.name) as caught:
        requirements([package("a", "1"), odd])
    assert "--exact-env" in caught.value.hint


def test_the_recorded_interpreter_is_found_or_named(packs: Callable[[str], VerifiedPack]) -> None:
    recorded = packs("as-it-is").documents.environment.python_version
    assert find_interpreter(recorded, Silent()) == sys.executable
    with pytest.raises(UsageError, match=r"no python3\.1 here"):
        find_interpreter("3.1.0", Silent())
    with pytest.raises(UsageError, match="does not know its Python: lost"):
        find_interpreter(Unavailable("lost"), Silent())


def test_a_version_that_no_index_has_starts_nothing_and_leaves_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real environment is begun, and a real pip refuses."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    project.run()
    before = sorted(project.runs.rglob("*"))
    with pytest.raises(UsageError, match="cannot be installed here"):
        reproduce_in_exact_environment(project.pack, project.root, [], Silent(), StopRequest())
    assert sorted(project.runs.rglob("*")) == before
    assert list(tmp_path.glob("evidence-*")) == []
    assert project.git("worktree", "list").count("\n") == 1


@pytest.mark.parametrize(("by_sigterm", "code"), [(False, 130), (True, 143)])
def test_being_stopped_while_it_is_built_leaves_nothing(
    by_sigterm: bool, code: int, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place of an interpreter, a program that would build for ever."""
    endless = tmp_path / "endless"
    endless.write_text("#!/bin/sh\nexec sleep 600\n")
    endless.chmod(0o755)
    monkeypatch.setattr("evidence.reproduce.exact.find_interpreter", lambda *_: str(endless))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    project.run()
    before = sorted(project.runs.rglob("*"))
    stop = StopRequest()
    stop.asked, stop.by_sigterm = 1, by_sigterm
    with pytest.raises(StoppedError, match="nothing was started") as caught:
        reproduce_in_exact_environment(project.pack, project.root, [], Silent(), stop)
    assert caught.value.exit_code == code
    assert sorted(project.runs.rglob("*")) == before
    assert list(tmp_path.glob("evidence-*")) == []
    assert project.git("worktree", "list").count("\n") == 1


def test_the_reproduction_inside_hears_of_each_signal_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C reaches every process of a terminal: it must not count twice."""
    script = (
        "import os, signal, time\n"
        "heard = []\n"
        "signal.signal(signal.SIGINT, lambda *_: heard.append(1))\n"
        "os.kill(os.getppid(), signal.SIGUSR1)\n"  # ready: our parent now has Ctrl-C pressed
        "while len(heard) < 2: time.sleep(0.01)\n"
        "raise SystemExit(40 + len(heard) + ('PYTHONPATH' in os.environ))\n"
    )
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    with StopRequest() as stop:

        def pressed(*_: object) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()

        before = signal.signal(signal.SIGUSR1, pressed)
        assert run_forwarding([sys.executable, "-c", script], stop) == 42
        signal.signal(signal.SIGUSR1, before)
    assert stop.asked == 2


def test_what_does_not_end_is_ended_by_its_name() -> None:
    command = [sys.executable, "-m", "timeit", "-n1", "-r1", "import time; time.sleep(600)"]
    with pytest.raises(UsageError, match=r"timeit did not end within 0\.3 s"):
        run_forwarding(command, StopRequest(), 0.3)
