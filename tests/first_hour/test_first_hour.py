"""The first hour of a user: an empty repository, the wheel, data and a model of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import write_rows

ROOT = Path(__file__).parents[2]
Say = Callable[..., str]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`evidence` of a wheel, in an environment of its own that holds nothing of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "env")], check=True)
    python = folder / "env/bin/python"
    install = ["-m", "pip", "install", "-q", "--no-index", "--no-deps", str(wheel)]
    subprocess.run([str(python), *install], check=True, capture_output=True)
    (site,) = (folder / "env/lib").glob("python*/site-packages")
    # What the wheel needs, from where it is installed: paths of its own .pth files stay out.
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return folder / "env/bin/evidence"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    root.mkdir()
    rows = [
        {"question": f"What is {a} plus {b}?", "solution": str(a + b)}
        for a in range(4)
        for b in range(4)
    ]
    write_rows(root / "train.jsonl", rows[:12])
    write_rows(root / "eval.jsonl", rows[12:])
    make = [sys.executable, str(Path(__file__).with_name("make_llama.py")), str(root / "model")]
    subprocess.run(make, check=True, capture_output=True)
    git(root, "init", "-q", "-b", "main")
    return root


def git(root: Path, *words: str) -> None:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *words]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def said(program: Path, root: Path, *words: str, status: int = 0) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    kept["PATH"] = f"{program.parent}{os.pathsep}{kept['PATH']}"
    done = subprocess.run(
        [str(program), *words], cwd=root, env=kept, capture_output=True, text=True, timeout=240
    )
    everything = done.stdout + done.stderr
    assert done.returncode == status, everything
    assert not re.search(r"\bmake \w|schemas/|Traceback", everything), everything
    return everything


@pytest.mark.torch
@pytest.mark.full
def test_a_milestone_for_what_is_there_runs_is_committed_and_verifies_in_a_clone(
    program: Path, project: Path, tmp_path: Path
) -> None:
    given = ("--data", "train.jsonl", "--eval", "eval.jsonl", "--model", "./model")
    said(program, project, "new", "M1", *given)
    written = (project / "milestones/M1.toml").read_text("utf-8")
    assert 'text = "{{ question }}\\nAnswer:\\n{{ solution }}"   # guessed' in written
    assert 'prompt = "{{ question }}\\nAnswer:\\n"' in written
    assert 'path = "model"' in written
    assert "would run with attempt here" in said(program, project, "doctor", "M1")
    told = said(program, project, "run", "M1")
    assert "COMPLETE" in told
    assert "warning" not in told
    git(project, "add", "-A")
    git(project, "commit", "-qm", "M1")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(project), str(clone))
    assert "INTACT" in said(program, clone, "verify", "runs/M1")


def test_a_milestone_without_data_says_what_to_put_in(program: Path, tmp_path: Path) -> None:
    assert "Its paths are examples; with --data FILE" in said(program, tmp_path, "new", "M1")
    told = said(program, tmp_path, "doctor", "M1", status=2)
    assert "there is no" in told
    assert "Paths are relative to" in told
    assert "evidence new" in (tmp_path / "milestones/M1.toml").read_text("utf-8")


def test_the_keys_and_the_schema_for_editors_come_with_the_wheel(
    program: Path, tmp_path: Path
) -> None:
    assert "learning_rate = number above 0" in said(program, tmp_path, "keys", "train")
    said(program, tmp_path, "new", "M1")
    first, *_ = (tmp_path / "milestones/M1.toml").read_text("utf-8").splitlines()
    schema = tmp_path / "milestones" / first.removeprefix("#:schema ")
    assert '"learning_rate"' in schema.read_text("utf-8")


def test_what_cannot_be_guessed_is_said_with_the_fields(program: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "odd.jsonl", [{"said": [{"by": "user", "content": "Hi"}]}])
    told = said(program, tmp_path, "new", "M1", "--data", "odd.jsonl", status=2)
    assert "said" in told
    assert not (tmp_path / "milestones").exists()
