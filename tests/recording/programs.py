"""Small programs that are recorded as they are, and what their packs say.

Responsible for a project to record in, and for the lines that a program may append to its spool
itself: most laws of recording need neither torch nor hooks.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evidence.milestone.recorded import Recording, written
from evidence.progress import Silent
from evidence.records.finding import Report
from evidence.running.run import RunOptions, RunResult, run_milestone
from evidence.running.signals import StopRequest
from evidence.verification.verification import verify_pack

PYTHON: Final = sys.executable
TELLING: Final = """\
import json, os, sys, time
place = os.path.join(os.environ["EVIDENCE_SPOOL"], "%d-%s.jsonl" % (os.getpid(), "ab12cd34"))
def tell(event, **facts):
    with open(place, "ab", 0) as stream:
        line = json.dumps({"event": event, "t": time.monotonic(), **facts})
        stream.write(line.encode() + b"\\n")
def process(**facts):
    tell("process", **{"pid": os.getpid(), "ppid": os.getppid(), "argv": sys.argv,
         "executable": sys.executable, "python": "3", "cwd": os.getcwd(), **facts})
def step(num, loss=0.5, optimizer=0, **facts):
    tell("step", **{"optimizer": optimizer, "num": num, "loss": loss, "losses": [loss],
         "num_losses": 1, "loss_rule": "as given to backward", "learning_rates": [0.01],
         "num_rows": 1, "num_tokens": 4, "num_fed_tokens": 4, "num_target_tokens": 3,
         "num_targets": 3, "num_forwards": 1, "skipped": False, **facts})
"""
"""What a program begins with that tells of itself, in the form that our hooks use."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording and its pack."""

    root: Path
    result: RunResult

    @property
    def pack(self) -> Path:
        """The folder of the pack."""
        return self.result.pack

    def read(self, path: str) -> Any:
        """A JSON document of the pack."""
        return json.loads((self.pack / path).read_bytes())

    def text(self, path: str) -> str:
        """A text of the pack."""
        return (self.pack / path).read_text("utf-8")

    @property
    def steps(self) -> list[Any]:
        """Rows of the steps."""
        path = self.pack / "program/steps.jsonl"
        return [json.loads(line) for line in path.read_bytes().splitlines()]

    @property
    def log(self) -> str:
        """What the program printed, as the pack keeps it."""
        (found,) = self.pack.rglob("program_log.txt")
        return found.read_text("utf-8")

    @property
    def not_seen(self) -> list[tuple[str, str]]:
        """What was not seen, and why."""
        return [(one["what"], one["why"]) for one in self.read("program/program.json")["not_seen"]]

    def verified(self) -> Report:
        """What verify makes of it."""
        return verify_pack(self.pack)

    def summary(self) -> str:
        """The summary, as it is shown."""
        (found,) = self.pack.glob("*_summary.md")
        return found.read_text("utf-8")


def make_repository(root: Path) -> Path:
    """A committed project that holds nothing but a data file."""
    (root / "milestones").mkdir(parents=True)
    (root / "data.jsonl").write_text('{"question": "q", "reply": "r"}\n', encoding="utf-8")
    git = ("git", "-c", "user.name=A", "-c", "user.email=a@b.c")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "project")):
        subprocess.run([*git, *words], cwd=root, check=True, capture_output=True)
    return root


def program(root: Path, source: str, *, telling: bool = True, name: str = "train.py") -> list[str]:
    """A Python program of the project, and the words that run it."""
    (root / name).write_text((TELLING if telling else "") + source, encoding="utf-8")
    return [PYTHON, name]


def record(root: Path, words: Sequence[str], name: str = "R1", **asked: Any) -> Recorded:
    """Record a program under a name, as `evidence record` does."""
    toml = written(Recording(id=name, command=tuple(words), **asked))
    return run(root, name, written=toml)


def run(root: Path, name: str = "R1", **options: Any) -> Recorded:
    """Run or go on with a recording."""
    with StopRequest() as stop:
        chosen = RunOptions(root=root, runs=root / "runs", **options)
        return Recorded(root, run_milestone(name, chosen, Silent(), stop))
