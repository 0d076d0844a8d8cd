"""Laws of an unfinished run whose folder cannot be worked in: it is refused, and as it was.

Permissions are real: who is root here gives up the right to pass over them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from evidence import layout
from evidence.errors import UsageError
from evidence.verification.verification import verify_pack
from tests.project import Project, rows
from tests.running.test_damaged import WORK, errors, files_of, killed
from tests.tiers import sampled

LIMIT_S: Final = 120
MEMORY_DISK: Final = Path("/dev/shm")
RIGHTS: Final = "-dac_override,-dac_read_search,-fowner"
IS_ROOT: Final = hasattr(os, "geteuid") and os.geteuid() == 0
PREFIX: Final = ("setpriv", f"--bounding-set={RIGHTS}", f"--inh-caps={RIGHTS}") if IS_ROOT else ()
CLOSED: Final = {
    # below runs/, and the mode that it has
    "the work folder": (WORK, 0),
    "what becomes the pack": (f"{WORK}/pack", 0),
    "a document": (f"{WORK}/pack/git.json", 0),
    "the journal, not to be written": (f"{WORK}/pack/journal.jsonl", 0o444),
    "the pack, not to be written": (f"{WORK}/pack", 0o555),
    "the evidence of the attempt": (f"{WORK}/attempt-01-stub", 0o555),
    "the checkpoints": (f"{WORK}/scratch-01-stub", 0),
    "one checkpoint": (f"{WORK}/scratch-01-stub/checkpoint-5", 0o555),
    "runs/.work": (".work", 0o555),
    "runs": (".", 0o555),
}
QUICK: Final = ("the evidence of the attempt",)


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    killed(tmp_path_factory, "training", tmp_path).rename(tmp_path / "project")
    return Project(tmp_path / "project")


def _do(project: Project, *arguments: str) -> tuple[int, str]:
    """A command of somebody who may do what the permissions say, and no more."""
    done = subprocess.run(
        [*PREFIX, sys.executable, "-m", "evidence", *arguments],
        cwd=project.root,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(IS_ROOT and shutil.which("setpriv") is None, reason="root may do anything")
@pytest.mark.parametrize("kind", sampled(CLOSED, QUICK))
@pytest.mark.parametrize("option", sampled(["--resume", "--close"], ["--close"]))
def test_what_may_not_be_read_or_written_is_named_and_the_advice_works(
    option: str, kind: str, project: Project
) -> None:
    """C14: nothing is called damaged, nothing is touched, and the run goes on once it is put
    right as the message says."""
    name, mode = CLOSED[kind]
    place, before = project.runs / name, files_of(project.root)
    place.chmod(mode)
    try:
        status, said = _do(project, "run", "T1", option)
        _, verified = _do(project, "verify", "runs/T1")
    finally:
        now = place.stat().st_mode
        place.chmod(0o755)
        unchanged = files_of(project.root) == before
        place.chmod(now)
    assert (status, unchanged) == (2, True), said
    assert str(place.resolve()) in said
    assert "is gone" not in verified
    (advice,) = (line for line in said.splitlines() if "chmod" in line)
    subprocess.run(shlex.split(advice.partition("Allow it: ")[2]), check=True, timeout=LIMIT_S)
    project.run(resume=True)
    assert errors(project.pack) == []
    assert "damaged" not in [one["event"] for one in rows(project.pack / layout.JOURNAL)]


@pytest.fixture
def another_disk(tmp_path: Path) -> Iterator[Path]:
    if not MEMORY_DISK.is_dir() or MEMORY_DISK.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk here")
    folder = MEMORY_DISK / f"evidence-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("option", ["resume", "close"])
def test_a_run_that_was_moved_to_another_disk_is_refused_before_it_goes_on(
    option: str, project: Project, another_disk: Path
) -> None:
    """C14: no rename would publish it, after however many hours of training."""
    work, moved = project.runs / WORK, another_disk / "moved here"
    shutil.move(work, moved)
    work.symlink_to(moved)
    before = files_of(project.root)
    with pytest.raises(UsageError, match="on another disk") as caught:
        project.run(**{option: True})
    assert files_of(project.root) == before
    (advice,) = (line for line in caught.value.hint.splitlines() if "cp -a" in line)
    subprocess.run(["/bin/sh", "-c", advice.partition("link: ")[2]], check=True, timeout=LIMIT_S)
    project.run(**{option: True})
    assert errors(project.pack) == []
    assert verify_pack(project.pack).verdict == {"resume": "INTACT"}.get(option, "UNFINISHED")
