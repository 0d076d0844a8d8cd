"""Runs programs with the hooks and without, and reads what they left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
ON_PATH = ROOT / "evidence/instrument/on_path"
LIMIT_S = 240

Event = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What a program printed, how it ended and what it left in the spool."""

    code: int
    printed: str
    errors: str
    files: tuple[tuple[Event, ...], ...]
    """The events of each file of the spool, the first process first."""

    def events(self, *names: str) -> list[Event]:
        """Those of these names, of all files."""
        return [event for file in self.files for event in file if event["event"] in names]

    def one(self, name: str) -> Event:
        """The only one, or the last of those that are said again."""
        return self.events(name)[-1]


def run(
    *command: object, cwd: Path, spool: Path | None = None, path: str = "", **variables: str
) -> Run:
    """Run a program; with a spool, as a recorded run does."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    environment.pop("EVIDENCE_SPOOL", None)
    environment.pop("PYTHONPATH", None)
    if path:
        environment["PYTHONPATH"] = path
    if spool is not None:
        spool.mkdir(parents=True, exist_ok=True)
        environment["EVIDENCE_SPOOL"] = str(spool)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ON_PATH), path)))
    ended = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return Run(ended.returncode, ended.stdout, ended.stderr, _files(spool))


def python(*command: object, cwd: Path, spool: Path | None = None, **more: str) -> Run:
    """Run a Python program in this interpreter's environment."""
    return run(sys.executable, *command, cwd=cwd, spool=spool, **more)


def program(text: str, cwd: Path, spool: Path | None = None, **more: str) -> Run:
    """Run a Python program that is given as text."""
    script = cwd / "program.py"
    script.write_text(text, encoding="utf-8")
    return python(script, cwd=cwd, spool=spool, **more)


def _files(spool: Path | None) -> tuple[tuple[Event, ...], ...]:
    if spool is None:
        return ()
    files = [
        tuple(json.loads(line) for line in path.read_text("ascii").splitlines())
        for path in spool.glob("*.jsonl")
    ]
    return tuple(sorted(files, key=lambda events: events[0].get("t", 0.0)))
