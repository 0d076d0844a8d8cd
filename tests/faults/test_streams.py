"""C7: stdout or stderr that is full, closed, or read by nobody, for every command.

What was done is done and the exit code says so; a verdict that could not be said is no 0.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from evidence.cli.main import COMMANDS
from tests.project import STUB, make_project
from tests.tiers import sampled

PATIENCE_S: Final = 300.0
PROGRAM: Final = ("sh", sys.executable, "-m", "evidence")


@dataclass(frozen=True, slots=True)
class Asked:
    """A command, its exit code where everything can be said, and the file that it makes."""

    words: tuple[str, ...]
    exit: int = 0
    makes: str = ""


ASKED: Final = {
    "run": Asked(("run", "T3"), makes="runs/T3/SHA256SUMS"),
    "run --resume": Asked(("run", "T2", "--resume"), makes="runs/T2/SHA256SUMS"),
    "run --close": Asked(("run", "T2", "--close"), 4, "runs/T2/SHA256SUMS"),
    "run --json": Asked(("run", "T3", "--json"), makes="runs/T3/SHA256SUMS"),
    "run what is sealed": Asked(("run", "T1"), 2),
    "record": Asked(("record", "T9", "--", "echo", "a line"), makes="runs/T9/SHA256SUMS"),
    "import": Asked(("import", "data", "--id", "T9"), makes="runs/T9/SHA256SUMS"),
    "verify": Asked(("verify", "runs/T1")),
    "verify --json": Asked(("verify", "runs/T1", "--json")),
    "verify what is unfinished": Asked(("verify", "runs/T2"), 4),
    "verify --self-test": Asked(("verify", "runs/T1", "--self-test")),
    "verify nothing": Asked(("verify",), 2),
    "verify nothing --json": Asked(("verify", "--json"), 2),
    "render": Asked(("render",), makes="runs/README.md"),
    "render --check": Asked(("render", "runs/T1", "--check")),
    "explain": Asked(("explain", "runs/T1", "train.loss_end")),
    "audit": Asked(("audit", "data/train.jsonl", "--evidence", "data")),
    "index": Asked(("index",), makes="runs/.index.sqlite"),
    "find": Asked(("find", "--index", "index.sqlite")),
    "site": Asked(("site",), makes="runs/index.html"),
    "compare": Asked(("compare", "runs/T1", "runs/T1")),
    "compare --output": Asked(("compare", "runs/T1", "runs/T1", "--output", "o"), makes="o"),
    "reproduce": Asked(("reproduce", "runs/T1"), makes="runs/T1/attached"),
    "disclose": Asked(("disclose", "runs/T1", "--rows", "0", "--to", "o"), 2),
    "export": Asked(("export", "model-card", "runs/T1", "--output", "o"), makes="o/README.md"),
    "sign": Asked(("sign", "runs/T1", "--key", "../key"), makes="runs/T1/SHA256SUMS.sig"),
    "push": Asked(("push", "runs/T1", "local://pushed/T1"), makes="pushed/T1/SHA256SUMS"),
    "note": Asked(("note", "runs/T1", "note.md"), makes="runs/T1/attached/notes-001.md"),
    "note --json": Asked(("note", "runs/T1", "note.md", "--json"), makes="runs/T1/attached"),
    "doctor": Asked(("doctor", "T1")),
    "doctor --json": Asked(("doctor", "T1", "--json")),
    "init": Asked(("init",), makes=".pre-commit-config.yaml"),
    "new": Asked(("new", "T9"), makes="milestones/T9.toml"),
    "keys": Asked(("keys", "train")),
    "--help": Asked(("--help",)),
}
STATES: Final = ("full", "closed", "unread")
STREAMS: Final = ("stdout", "stderr", "both")
POINTS: Final = list(product(ASKED, STATES, STREAMS))
QUICK: Final = [
    ("run", "full", "both"),
    ("verify", "full", "stdout"),
    ("verify nothing", "full", "stderr"),
    ("verify nothing", "closed", "stderr"),
    ("render", "unread", "stdout"),
    ("note", "full", "both"),
    ("note --json", "full", "stdout"),
    ("note --json", "unread", "stdout"),
    ("doctor --json", "full", "stdout"),
    ("verify nothing --json", "full", "stdout"),
    ("verify nothing --json", "unread", "stdout"),
    ("record", "closed", "both"),
    ("new", "full", "stdout"),
]


def test_every_command_is_asked() -> None:
    assert {asked.words[0] for asked in ASKED.values()} - {"--help"} == set(COMMANDS)


def command(root: Path, *words: str, **environment: str) -> int:
    """Exit code of `evidence WORDS` with streams like any other."""
    done = subprocess.run(
        [sys.executable, "-m", "evidence", *words],
        cwd=root,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=PATIENCE_S,
    )
    return done.returncode


@pytest.fixture(scope="module")
def lying(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a pack T1, an unfinished run T2, and T3 that never ran."""
    root = tmp_path_factory.mktemp("streams") / "project"
    project = make_project(root)
    for name in ("T2", "T3"):
        project.milestone(STUB.replace('id = "T1"', f'id = "{name}"'), name)
    (root / "note.md").write_text("Later.\n")
    key = root.parent / "key"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(words, check=True, timeout=60)
    killed = json.dumps({"stage": "train", "at": 7, "do": "kill"})
    assert command(root, "run", "T1") == 0
    assert command(root, "run", "T2", EVIDENCE_STUB=killed) == 4
    (root / "runs/README.md").unlink()
    assert command(root, "index", "--to", "index.sqlite") == 0
    return root


@contextmanager
def stream(state: str) -> Iterator[int]:
    """A descriptor to write to that takes nothing; closing is the child's."""
    if state == "unread":
        reading, writing = os.pipe()
        os.close(reading)
    else:
        writing = os.open("/dev/full" if state == "full" else os.devnull, os.O_WRONLY)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("point", sampled(POINTS, QUICK), ids=" ".join)
def test_whatever_becomes_of_the_words_the_exit_code_is_true(
    point: tuple[str, str, str], lying: Path, tmp_path: Path
) -> None:
    name, state, which = point
    asked = ASKED[name]
    shutil.copy(lying.parent / "key", tmp_path / "key")
    root = shutil.copytree(lying, tmp_path / "project")
    numbers = {"stdout": (1,), "stderr": (2,), "both": (1, 2)}[which]
    closing = " ".join(f"{number}>&-" for number in numbers) if state == "closed" else ""
    with stream(state) as mute:
        done = subprocess.run(
            ["sh", "-c", f'exec "$@" {closing}', *PROGRAM, *asked.words],
            cwd=root,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            stdout=mute if 1 in numbers else subprocess.PIPE,
            stderr=mute if 2 in numbers else subprocess.PIPE,
            timeout=PATIENCE_S,
        )
    said = ((done.stdout or b"") + (done.stderr or b"")).decode()
    assert "Traceback" not in said, said
    assert "Exception ignored" not in said, said
    assert done.returncode == _expected(asked, state, numbers), said
    assert not asked.makes or (root / asked.makes).exists(), said
    if which == "stderr" and asked.exit == 2 and "--json" not in asked.words:
        assert not done.stdout, "an error belongs to stderr, or nowhere"
    if which == "stdout" and state == "full" and asked.exit != 2:
        assert "stdout: No space left on device" in said, said


def _expected(asked: Asked, state: str, numbers: tuple[int, ...]) -> int:
    if 1 not in numbers or asked.exit == 2 or state == "closed":
        return asked.exit
    return 141 if state == "unread" or not asked.makes else asked.exit


def test_no_file_takes_the_number_of_a_stream_that_was_closed(tmp_path: Path) -> None:
    """What a library or a child prints would go into it."""
    program = (
        "import os, sys; from evidence.cli.main import cli, main; import click\n"
        "@cli.command('probe')\n"
        "def probe():\n"
        "    file = open('opened', 'w'); sys.stderr.write('x'); os.write(2, b'noise')\n"
        "    raise click.exceptions.Exit(0 if file.fileno() > 2 else 1)\n"
        "cli.get_command = lambda ctx, name: probe\n"
        "sys.argv = ['evidence', 'probe']; main()\n"
    )
    words = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", program]
    assert subprocess.run(words, cwd=tmp_path, timeout=PATIENCE_S).returncode == 0
    assert (tmp_path / "opened").read_bytes() == b""
