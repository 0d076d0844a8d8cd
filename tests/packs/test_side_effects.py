"""Laws on what verify does besides reading: nothing, on any pack of the corpus (H6 to H14).

Every case by audit hooks of the interpreter, a handful by the system calls themselves.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from packs import silent
from packs.case import GOLDEN, Case, cases
from packs.test_packs import arguments, made, state

SIGNED = "valid-signed"
TRACED = [*Random(44).sample(cases(), 8), *(c for c in cases() if c.name == SIGNED)]
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


def test_no_pack_makes_verify_write_run_or_call_anything(tmp_path: Path) -> None:
    jobs, names, folders = [], [], []
    for case in cases():
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
    said = json.loads(done.stdout)
    found = zip(names, said["found"], strict=True)
    assert {name: seen for name, seen in found if seen} == {}
    assert said["imported"] == []
    assert [state(folder) for folder in folders] == before
    assert len(jobs) > 0.9 * len(cases())


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


@pytest.mark.skipif(not _traceable(), reason="strace is not here, or may not trace")
@pytest.mark.parametrize("case", TRACED, ids=lambda case: case.name)
def test_the_system_calls_tell_the_same(case: Case, tmp_path: Path) -> None:
    pack = made(case, tmp_path)
    log = tmp_path / "calls.txt"
    words = [sys.executable, "-P", "-B", "-m", "evidence", "verify", *arguments(case, pack)]
    command = ["strace", "-f", "-qq", "-e", CALLS, "-e", "signal=none", "-o", str(log), *words]
    subprocess.run(command, capture_output=True, cwd="/", check=False)
    calls = [line.split(maxsplit=1) for line in log.read_text("utf-8").splitlines()]
    ran = [(process, call) for process, call in calls[1:] if call.startswith("execve(")]
    assert {Path(call.split('"')[1]).name for _, call in ran} <= {"ssh-keygen"}
    assert bool(ran) == (case.name == SIGNED)
    # ssh-keygen asks the system's name service who it is, over a local socket.
    others = {process for process, _ in ran}
    own = [call for process, call in calls if process not in others]
    assert [call for call in own if NETWORK.match(call)] == []
    assert [call for _, call in calls if "AF_INET" in call] == []
    assert [call for _, call in calls if CHANGES.search(call) and "/dev/null" not in call] == []
