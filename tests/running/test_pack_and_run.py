"""Laws of a sealed pack and an unfinished run of the same name, and of what is no pack at all.

Whatever is answered is true, and each command that is given works as it is typed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from evidence.errors import UsageError
from evidence.verification.verification import verify_pack
from tests.project import Project
from tests.running.test_damaged import WORK, errors, killed

LIMIT_S: Final = 60
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "run": {},
    "again": {"again": True},
    "resume": {"resume": True},
    "close": {"close": True},
}


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    killed(tmp_path_factory, "training", tmp_path).rename(tmp_path / "project")
    return Project(tmp_path / "project")


@pytest.fixture
def both(project: Project) -> Project:
    """A backup of the work folder that was put back once the run was sealed."""
    shutil.copytree(project.runs / WORK, project.root / "backup")
    project.run(resume=True)
    (project.root / "backup").rename(project.runs / WORK)
    return project


@pytest.mark.parametrize("way", ["that run", "the pack"])
def test_a_pack_and_a_run_of_one_name_are_both_named_and_either_can_be_kept(
    way: str, both: Project
) -> None:
    for options in OPTIONS.values():
        with pytest.raises(UsageError, match="is sealed already, and an unfinished run") as caught:
            both.run(**options)
    (move,) = (line for line in caught.value.hint.splitlines() if f"{way}" in line)
    subprocess.run(shlex.split(move.partition(": ")[2]), check=True, timeout=LIMIT_S)
    if way == "the pack":
        assert not (both.runs / WORK).exists()
        assert verify_pack(both.pack).verdict == "INTACT"
        return
    both.run(resume=True)
    assert errors(both.pack) == []
    assert errors(both.runs / "T1-2") == []


@pytest.mark.parametrize("option", OPTIONS)
def test_what_is_no_pack_is_called_none_and_the_run_goes_on_once_it_is_moved(
    option: str, project: Project
) -> None:
    outside = project.root / "outside"
    for make in (
        lambda: project.pack.mkdir(),
        lambda: project.pack.symlink_to("."),
        lambda: (project.pack.mkdir(), (project.pack / "SHA256SUMS").touch()),
        lambda: (project.pack.mkdir(), (project.pack / "SHA256SUMS").symlink_to("/etc/passwd")),
        lambda: os.mkfifo(project.pack),
    ):
        make()
        with pytest.raises(UsageError, match="is there but is no sealed pack") as caught:
            project.run(**OPTIONS[option])
        assert "leads nowhere" not in caught.value.message
        project.pack.rename(outside)
        shutil.rmtree(outside) if outside.is_dir() and not outside.is_symlink() else (
            outside.unlink()
        )
    assert verify_pack(project.pack).verdict == "UNFINISHED"
