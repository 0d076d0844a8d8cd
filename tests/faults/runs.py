"""A small run for faults: its project, the commands on it, and what it leaves when undisturbed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stub_backend.stage import TOKENIZER

from evidence import layout
from evidence.encoding import jsonio
from tests.faults.faulty_os import Plan
from tests.project import STUB, write_rows

REPOSITORY = Path(__file__).parents[2]
NUM_STEPS = 5
NUM_PREDICTIONS = 2

_NEVER = """
[[attempt]]
name = "never"
backend = "stub"
resolution = "The next attempt needs less."

[attempt.requires]
accelerator = "nvidia"
vram_gib = 100000

[[attempt]]
name = "stub"
"""


def small_milestone() -> str:
    """Two attempts, the first of which cannot run; five steps with two checkpoints."""
    edits = {
        "epochs = 2": "epochs = 1",
        "checkpoint_every_steps = 5": "checkpoint_every_steps = 2",
        "limit = 5": f"limit = {NUM_PREDICTIONS}",
        "log_every_steps = 4": "log_every_steps = 2",
        'ref = "HEAD"\n': "",
        '[[attempt]]\nname = "stub"\n': _NEVER.lstrip(),
    }
    text = STUB
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new, 1)
    return text


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    """Exit status; negative: minus the signal."""
    alone: bool
    """No process of it was left."""
    printed: str


@dataclass(frozen=True, slots=True)
class Case:
    """One copy of the small project, and the commands on it."""

    root: Path
    server: Server
    printed: str = "said.txt"
    """File that gets what a command prints."""

    @property
    def runs(self) -> Path:
        return self.root / layout.RUNS

    @property
    def pack(self) -> Path:
        return layout.pack_dir(self.runs, "T1")

    @property
    def work(self) -> Path:
        return layout.work_dir(self.runs, "T1")

    def start(
        self,
        *argv: str,
        plan: Plan | None = None,
        stub: dict[str, Any] | None = None,
        worker_room_bytes: int | None = None,
    ) -> Command:
        """Begin `evidence ARGV` in a process of its own."""
        answer = self.server.ask(
            do="start",
            argv=argv,
            cwd=str(self.root),
            out=str(self.out),
            plan=None if plan is None else asdict(plan),
            environment={} if stub is None else {"EVIDENCE_STUB": json.dumps(stub)},
            worker_room_bytes=worker_room_bytes,
        )
        return Command(self, int(answer["pid"]))

    def do(self, *argv: str, plan: Plan | None = None) -> Ended:
        """`evidence ARGV` from beginning to end."""
        return self.start(*argv, plan=plan).wait()

    @property
    def out(self) -> Path:
        return self.root / self.printed


@dataclass(frozen=True, slots=True)
class Command:
    """A command under way."""

    case: Case
    pid: int

    def signal_after(self, number: int, delay_s: float = 0.0) -> None:
        """Send a signal to the process of the command; one that is gone gets none."""
        time.sleep(delay_s)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self) -> Ended:
        answer = self.case.server.ask(do="wait", pid=self.pid)
        printed = self.case.out.read_text("utf-8", "replace") if self.case.out.exists() else ""
        self.case.out.unlink(missing_ok=True)
        return Ended(answer["status"], answer["alone"], printed)


class Server:
    """The other end of tests/faults/server.py."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            text=True,
            start_new_session=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def make_small_project(root: Path) -> None:
    """The small project, in no repository: git has tests of its own, and takes its time."""
    for folder in ("milestones", "data", "model"):
        (root / folder).mkdir(parents=True)
    (root / "milestones/T1.toml").write_text(small_milestone(), encoding="utf-8")
    rows = [{"prompt": f"p{i}", "answer": f"a{i}"} for i in range(14)]
    write_rows(root / "data/train.jsonl", rows)
    questions = [
        {"id": f"q{i}", "prompt": f"q{i}?", "expected_answer": f"{i}", "kind": f"k{i % 2}"}
        for i in range(4)
    ]
    write_rows(root / "data/eval.jsonl", questions)
    (root / "model/config.json").write_text("{}")
    (root / "model/tokenizer.json").write_bytes(jsonio.dump_document(TOKENIZER))


def copy_case(source: Case, root: Path) -> Case:
    """A case of its own with the same files."""
    shutil.copytree(source.root, root)
    return Case(root, source.server)
