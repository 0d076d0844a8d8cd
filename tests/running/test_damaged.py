"""Laws of a work folder whose files are not as the run wrote them.

Any file, damaged in any way: the run goes on to a pack that verifies, or it is refused with the
file's name and nothing is touched, and then it can be closed to a pack that verifies.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from evidence import layout
from evidence.capture.packages import capture_packages
from evidence.encoding.digest import sha256_hex
from evidence.errors import DurabilityError, PackBrokenError
from evidence.records.capture import PackagesRecord
from evidence.system import posix
from evidence.verification.verification import verify_pack
from tests.project import Project, make_project
from tests.shared import made_once

WORK: Final = ".work/T1"

STATES: Final = {
    "training": {"stage": "train", "at": 8, "do": "hang"},
    "evaluating": {"stage": "eval", "at": 3, "do": "hang"},
    "a second attempt": {"stage": "train", "at": 8, "do": "hang", "attempt": "second"},
    "before the seal": {},
}
"""Where the run was killed."""

MOST_BYTES: Final = 80_000
"""Of a document, in this test: results.json has fewer, and packages.json more."""

DAMAGES: Final[dict[str, Callable[[Path], object]]] = {
    "flipped": lambda path: path.write_bytes(flipped(path.read_bytes())),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path: path.write_bytes(b""),
    "deleted": lambda path: path.unlink(),
    "garbled": lambda path: path.write_bytes(os.urandom(200)),
}


def flipped(data: bytes) -> bytes:
    """One bit of the byte in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else b"x"


def _killed(folder: Path, state: str) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(folder / "project")
        if state == "a second attempt":
            second = '[[attempt]]\nname = "second"\nbackend = "stub"\nresolution = "Again."\n\n'
            project.edit('backend = "stub"', 'backend = "stub"\ninterpreter = "gone/python"')
            project.edit("[[gate]]", f"{second}[[gate]]")
        patch.setenv("EVIDENCE_STUB", json.dumps(STATES[state]))
        code = "import sys; from evidence.cli.main import main; main()"
        if state == "before the seal":
            code = (
                "import os; from evidence.running import publishing as p; p.seal_staging.__name__; "
                "p.seal_staging = lambda *a: os.kill(os.getpid(), 9); " + code
            )
        run = subprocess.Popen(
            [sys.executable, "-c", code, "run", "T1"],
            cwd=project.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_until_it_hangs(project, state, run)
    return project.root


def _wait_until_it_hangs(project: Project, state: str, run: subprocess.Popen[bytes]) -> None:
    work = project.runs / WORK
    second = state == "a second attempt"
    output = work / ("attempt-02-second" if second else "attempt-01-stub")
    rows, count = (layout.PREDICTIONS, 2) if state == "evaluating" else (layout.METRICS, 7)
    for _ in range(3000):
        path = output / rows
        if run.poll() is not None:
            break
        grown = path.exists() and path.read_bytes().count(b"\n") >= count
        if state != "before the seal" and grown:
            break
        time.sleep(0.01)
    time.sleep(0.3)
    run.kill()
    run.wait()
    for _ in range(1000):
        if not posix.is_locked(project.runs / f"{WORK}.lock"):
            return
        time.sleep(0.02)


def files_of(root: Path) -> dict[str, str]:
    work = root / "runs" / WORK
    return {
        path.relative_to(work).as_posix(): sha256_hex(path.read_bytes())
        for path in sorted(work.rglob("*"))
        if path.is_file()
    }


def killed(factory: pytest.TempPathFactory, state: str, tmp_path: Path) -> Path:
    name = f"killed-{state.replace(' ', '-')}"
    root = made_once(factory, name, lambda folder: _killed(folder, state))
    shutil.copytree(root, tmp_path / "kept", symlinks=True)
    return tmp_path / "kept"


def errors(pack: Path) -> list[str]:
    found = verify_pack(pack).findings
    return [f"{f.address}: {f.message}" for f in found if f.severity in ("error", "refused")]


def refused(project: Project) -> PackBrokenError | None:
    """How the run was not gone on with; None where it was."""
    try:
        project.run(resume=True)
    except PackBrokenError as error:
        return error
    return None


def check(project: Project, name: str, how: str) -> str:
    """The law, for one damaged file; how it came out."""
    DAMAGES[how](project.runs / WORK / name)
    before = files_of(project.root)
    refusal = refused(project)
    if refusal is None:
        assert errors(project.pack) == []
        return "resumed"
    assert Path(name).name in refusal.message
    assert "--close" in refusal.hint
    assert files_of(project.root) == before
    project.run(close=True)
    assert errors(project.pack) == []
    assert verify_pack(project.pack).verdict == "UNFINISHED"
    return "refused and closed"


def check_each(kept: Path, root: Path, ways: Iterator[tuple[str, str]]) -> None:
    """The law, for each file and way, in a copy of the run that was killed."""
    for name, how in ways:
        shutil.copytree(kept, root, symlinks=True)
        try:
            check(Project(root), name, how)
        except BaseException as error:
            raise AssertionError(f"{name} {how}: {error!r}") from error
        shutil.rmtree(root)


def test_each_file_damaged_in_one_way(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """C14: the row's law, a sample of it."""
    kept = killed(tmp_path_factory, "training", tmp_path)
    ways = zip(files_of(kept), itertools.cycle(DAMAGES), strict=False)
    check_each(kept, tmp_path / "project", iter(list(ways)[::2]))


@pytest.mark.full
@pytest.mark.parametrize("state", list(STATES))
@pytest.mark.parametrize("how", list(DAMAGES))
def test_every_file_damaged_in_every_way(
    state: str, how: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """C14: the row's law."""
    kept = killed(tmp_path_factory, state, tmp_path)
    check_each(kept, tmp_path / "project", ((name, how) for name in files_of(kept)))


def test_what_cannot_be_sealed_is_closed_all_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C14: whatever is wrong with a document of ours, and however often it is tried."""
    monkeypatch.setattr("evidence.running.observation.capture_packages", _many_packages)
    monkeypatch.setattr("evidence.running.execution.refuse_unreadable", lambda _: None)
    monkeypatch.setattr("evidence.limits.MAX_JSON_BYTES", MOST_BYTES)
    with pytest.raises(PackBrokenError, match=r"not published: packages\.json"):
        project.run()
    monkeypatch.setattr("evidence.running.moving.move", _interrupted)
    with pytest.raises(DurabilityError, match="stopped here"):
        project.run(close=True)
    monkeypatch.undo()
    monkeypatch.setattr("evidence.limits.MAX_JSON_BYTES", MOST_BYTES)
    project.run(close=True)
    assert errors(project.pack) == []
    assert (project.pack / "damaged/pack/packages.json").stat().st_size > MOST_BYTES
    assert "packages.json" in (project.pack / "t1_summary.md").read_text("utf-8")


def _many_packages() -> PackagesRecord:
    one = capture_packages().known[0]
    return PackagesRecord(
        "packages.v1", tuple(replace(one, name=f"package-{number}") for number in range(1000))
    )


def _interrupted(*_: object) -> None:
    raise InterruptedError("stopped here")
