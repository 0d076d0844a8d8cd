"""Laws on what verify does besides reading: nothing, on any pack of the corpus (H6 to H14).

Every case by audit hooks of the interpreter, a handful by the system calls themselves.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from packs import silent
from packs.case import GOLDEN, Case, cases
from packs.made import arguments, made
from packs.test_packs import state

from tests.project import make_project

SIGNED = "valid-signed"
TRACED = [*Random(44).sample(cases(), 4), *(c for c in cases() if c.name == SIGNED)]
CALLS = "trace=open,openat,openat2,creat,%network,%process,unlink,unlinkat,rename,renameat,\
renameat2,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,truncate,ftruncate,chmod,fchmodat,\
utimensat"
NETWORK = re.compile(r"socket|connect|bind|listen|send")
CHANGES = re.compile(
    r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|^(?:unlink|rename|mkdir|rmdir|link|symlink|truncate|ftruncate"
    r"|chmod|fchmod|utimens|creat)"
)


def trusted(case: Case) -> Path:
    return GOLDEN / case.base.parts[-3] / "allowed_signers"


SAMPLED = Random(45).sample(cases(), len(cases()) // 8)


@pytest.mark.parametrize(
    "chosen", [SAMPLED, pytest.param(cases(), marks=pytest.mark.full)], ids=["a sample", "all"]
)
def test_no_pack_makes_verify_write_run_or_call_anything(
    chosen: list[Case], tmp_path: Path
) -> None:
    jobs, names, folders = [], [], []
    for case in chosen:
        folder = tmp_path / case.name
        folder.mkdir()
        try:
            pack = made(case, folder)
        except pytest.skip.Exception:
            continue
        jobs.append((["verify", *arguments(case, pack)], [str(pack), str(trusted(case))]))
        names.append(case.name)
        folders.append(folder)
    (tmp_path / "empty").mkdir()
    before = [state(folder) for folder in folders]
    done = subprocess.run(
        [sys.executable, "-P", "-B", silent.__file__],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        cwd=tmp_path / "empty",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    found = zip(names, printed["found"], strict=True)
    assert {name: seen for name, seen in found if seen} == {}
    assert printed["imported"] == []
    assert [state(folder) for folder in folders] == before
    assert len(jobs) > 0.9 * len(chosen)


def test_the_hook_sees_what_must_not_be_done(tmp_path: Path) -> None:
    jobs = [
        (["verify", str(tmp_path), "--allowed-signers", "/etc/passwd", "--signer", "a"], []),
        (["new", "M1"], []),
    ]
    done = subprocess.run(
        [sys.executable, "-P", "-B", silent.__file__],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    elsewhere, writing = json.loads(done.stdout)["found"]
    assert any(str(tmp_path) in one for one in elsewhere)
    assert any("for writing" in one for one in writing)


def _traceable() -> bool:
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


needs_strace = pytest.mark.skipif(not _traceable(), reason="strace is not here, or may not trace")


def traced(words: list[str], folder: Path) -> list[list[str]]:
    """(process, system call) of everything that `evidence` did, calls that began first."""
    log = folder / "calls.txt"
    command = ["strace", "-f", "-qq", "-e", CALLS, "-e", "signal=none", "-o", str(log)]
    own = [sys.executable, "-P", "-B", "-m", "evidence", *words]
    places = {**os.environ, "TMPDIR": str(folder / "scratch")}
    subprocess.run([*command, *own], capture_output=True, cwd="/", env=places, check=False)
    return [line.split(maxsplit=1) for line in log.read_text("utf-8").splitlines()]


@needs_strace
@pytest.mark.parametrize("case", TRACED, ids=lambda case: case.name)
def test_the_system_calls_tell_the_same(case: Case, tmp_path: Path) -> None:
    pack = made(case, tmp_path)
    calls = traced(["verify", *arguments(case, pack)], tmp_path)
    ran = [(process, call) for process, call in calls[1:] if call.startswith("execve(")]
    assert {Path(call.split('"')[1]).name for _, call in ran} <= {"ssh-keygen"}
    assert bool(ran) == (case.name == SIGNED)
    # ssh-keygen asks the system's name service who it is, over a local socket.
    others = {process for process, _ in ran}
    own = [call for process, call in calls if process not in others]
    assert [call for call in own if NETWORK.match(call)] == []
    assert [call for _, call in calls if "AF_INET" in call] == []
    assert [call for _, call in calls if CHANGES.search(call) and "/dev/null" not in call] == []


@needs_strace
def test_several_packs_at_once_write_and_call_no_more_than_one(tmp_path: Path) -> None:
    pack = GOLDEN / "v1/complete/M90"
    calls = traced(["verify", "--jobs", "3", *[str(pack)] * 5], tmp_path)
    assert len({process for process, _ in calls}) >= 4
    assert [call for _, call in calls[1:] if call.startswith("execve(")] == []
    assert [call for _, call in calls if NETWORK.match(call)] == []
    assert [call for _, call in calls if CHANGES.search(call) and "/dev/null" not in call] == []


@needs_strace
def test_a_clone_is_read_by_git_alone_which_runs_nothing_of_it(tmp_path: Path) -> None:
    """Hooks, filters and monitors that a clone carries stay asleep; scratch files go away."""
    project = make_project(tmp_path / "project")
    (project.root / "extra.py").write_text("print('dirty')\n", encoding="utf-8")
    project.run()
    clone, scratch = tmp_path / "clone", tmp_path / "scratch"
    subprocess.run(["git", "clone", "-q", str(project.root), str(clone)], check=True)
    sprung = set_traps(clone, tmp_path)
    scratch.mkdir()
    before = state(clone), state(project.pack)
    calls = traced(["verify", str(project.pack), "--repo", str(clone), "--strict"], tmp_path)
    assert (state(clone), state(project.pack)) == before
    assert list(scratch.iterdir()) == []
    assert not sprung.exists(), sprung.read_text("utf-8")
    ran = [call for _, call in calls[1:] if call.startswith("execve(")]
    assert {Path(call.split('"')[1]).name for call in ran} == {"git"}
    assert [call for _, call in calls if re.match(r"socket|connect|bind|listen|send", call)] == []
    written = [call for _, call in calls if CHANGES.search(call) and "/dev/null" not in call]
    assert written
    # Names without a slash are removed below a descriptor: of the scratch folder, which is empty.
    assert [
        call for call in written if str(scratch) not in call and "/" in call.split('"')[1]
    ] == []


def set_traps(clone: Path, folder: Path) -> Path:
    """Everything of a clone that git may run, each leaving its name in the file returned."""
    sprung, trap = folder / "sprung", folder / "trap.sh"
    trap.write_text(f'#!/bin/sh\necho "$0 $*" >> "{sprung}"\ncat\n', encoding="utf-8")
    trap.chmod(0o755)
    for hook in ("post-index-change", "reference-transaction", "applypatch-msg", "post-checkout"):
        shutil.copy(trap, clone / ".git" / "hooks" / hook)
    settings = ("core.fsmonitor", "core.pager", "diff.trap.textconv", "diff.trap.command",
                "diff.external", "filter.trap.clean", "filter.trap.smudge")  # fmt: skip
    for setting in settings:
        subprocess.run(["git", "-C", str(clone), "config", setting, str(trap)], check=True)
    attributes = clone / ".git" / "info" / "attributes"
    attributes.write_text("* filter=trap diff=trap\n", encoding="utf-8")
    done = ["git", "-C", str(clone), "status"]
    subprocess.run(done, check=True, capture_output=True)
    assert sprung.exists(), "the traps work"
    sprung.unlink()
    return sprung
