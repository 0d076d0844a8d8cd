"""Laws of a work folder in which something lies that the run did not leave, or in another type.

Whatever it is and wherever it lies: nothing is followed, nothing waits, no stranger is ever sealed
as evidence, and the run can be closed to a pack that verifies.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import pytest

from evidence import layout
from evidence.verification.verification import verify_pack
from tests.project import Project
from tests.running.test_damaged import STATES, WORK, errors, files_of, killed, refused

pytestmark = pytest.mark.timeout(600)

SECRET: Final = "aws_access_key_id = AKIA" + "Z7QH3MNW2XJ5T4LP"
MARK: Final = b"none of the run's\n"


def _file(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(MARK) and None


def _not_utf8(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.txt")).write_bytes(MARK)


def _hard_link(folder: Path) -> None:
    outside = folder.parents[len(folder.parts) - folder.parts.index("project") - 2] / "outside"
    outside.write_bytes(MARK)
    (folder / "linked.txt").hardlink_to(outside)


def _socket(folder: Path) -> None:
    before = Path.cwd()
    os.chdir(folder)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
    os.chdir(before)


def _deep(folder: Path) -> None:
    inside = folder / "/".join("abcdefghijkl")
    inside.mkdir(parents=True)
    (inside / "x.txt").write_bytes(MARK)


STRANGERS: Final[dict[str, Callable[[Path], None]]] = {
    "a hidden file": _file(".DS_Store"),
    "a file": _file("extra.txt"),
    "a copy of an editor": _file("journal.jsonl~"),
    "a name of 240 letters": _file("n" * 240),
    "a name that is no UTF-8": _not_utf8,
    "a secret": lambda folder: (folder / "keys.txt").write_text(SECRET, "utf-8") and None,
    "a hard link": _hard_link,
    "a pipe": lambda folder: os.mkfifo(folder / "pipe"),
    "a link": lambda folder: (folder / "link").symlink_to("/etc/hostname"),
    "a link to a folder": lambda folder: (folder / "link").symlink_to("/etc"),
    "a link to nothing": lambda folder: (folder / "link.txt").symlink_to("nowhere"),
    "a socket": _socket,
    "an empty folder": lambda folder: (folder / "empty").mkdir(),
    "a deep folder": _deep,
}


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside.txt").write_bytes(MARK)


def _as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _as_link(path: Path) -> None:
    """The very same bytes lie behind it."""
    away = path.parents[len(path.parts) - path.parts.index("project") - 2] / "away"
    shutil.copyfile(path, away)
    path.unlink()
    path.symlink_to(away)


def _linked(path: Path) -> None:
    away = path.parents[len(path.parts) - path.parts.index("project") - 2] / "backup"
    away.hardlink_to(path)


OTHER_TYPES: Final[dict[str, Callable[[Path], None]]] = {
    "with a hard link": _linked,
    "a pipe": _as_pipe,
    "a link": _as_link,
    "a folder": _as_folder,
}


def _as_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_bytes(MARK)


def _folder_as_pipe(path: Path) -> None:
    shutil.rmtree(path)
    os.mkfifo(path)


def _folder_as_link(path: Path) -> None:
    away = path.parents[len(path.parts) - path.parts.index("project") - 2] / "away"
    path.rename(away)
    path.symlink_to(away)


NO_FOLDERS: Final[dict[str, Callable[[Path], None]]] = {
    "a file": _as_file,
    "a pipe": _folder_as_pipe,
    "a link": _folder_as_link,
    "gone": shutil.rmtree,
}


def tree(root: Path) -> dict[str, tuple[int, int, str]]:
    """Every entry below runs/.work/T1: type, size, and where a link leads."""
    found = {}
    for folder, names, files in os.walk(root / "runs" / WORK):
        for name in (*names, *files):
            path = Path(folder) / name
            state = path.lstat()
            leads = str(path.readlink()) if stat.S_ISLNK(state.st_mode) else ""
            size = 0 if stat.S_ISDIR(state.st_mode) else state.st_size
            found[str(path)] = (stat.S_IFMT(state.st_mode), size, leads)
    return found


def folders_of(root: Path) -> list[str]:
    work = root / "runs" / WORK
    found = [path for path in sorted(work.rglob("*")) if path.is_dir()]
    return [".", *(path.relative_to(work).as_posix() for path in found)]


BOTH: Final = (False, True)

Case = tuple[str, str, Callable[[Path], None]]
"""A place in the work folder, what is done there in words, and the doing."""


def check(kept: Path, root: Path, case: Case, ways: tuple[bool, ...]) -> None:
    """The law: gone on with to a pack that verifies, or refused untouched; and always closed.

    `ways`: whether it is closed at once.
    """
    place, _, do = case
    for close in ways:
        shutil.copytree(kept, root, symlinks=True)
        project = Project(root)
        do(project.runs / WORK / place)
        before = tree(root)
        refusal = None if close else refused(project)
        if refusal is not None:
            assert "--close" in refusal.hint
            assert tree(root) == before
            _is_unfinished(project)
        if close or refusal is not None:
            project.run(close=True)
        assert errors(project.pack) == []
        assert not (project.runs / WORK).exists()
        _holds_no_stranger(project.pack)
        shutil.rmtree(root)
        for name in ("away", "outside", "backup"):
            other = root.parent / name
            shutil.rmtree(other) if other.is_dir() else other.unlink(missing_ok=True)


def _is_unfinished(project: Project) -> None:
    report = verify_pack(project.pack)
    assert (report.verdict, report.exit) == ("UNFINISHED", 4)


def _holds_no_stranger(pack: Path) -> None:
    """What was found is told, or kept unread; it is nowhere among the evidence."""
    for path in pack.rglob("*"):
        assert path.is_dir() or stat.S_ISREG(path.lstat().st_mode)
        if path.is_file() and layout.DAMAGED not in path.relative_to(pack).parts:
            assert path.read_bytes() != MARK, path
            assert SECRET.encode() not in path.read_bytes(), path


def check_each(
    kept: Path, root: Path, cases: Iterable[Case], ways: tuple[bool, ...] = (False,)
) -> None:
    for case in cases:
        try:
            check(kept, root, case, ways)
        except BaseException as error:
            raise AssertionError(f"{case[0]}: {case[1]}: {error!r}") from error


def _cases(
    places: Iterable[str], kinds: dict[str, Callable[[Path], None]], *, every: bool
) -> Iterable[Case]:
    if every:
        return [(place, how, kinds[how]) for place in places for how in kinds]
    return [
        (place, how, kinds[how]) for place, how in zip(places, itertools.cycle(kinds), strict=False)
    ]


def test_a_stranger_in_each_folder(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """C14: a sample: each kind of stranger once, in one folder after the other."""
    kept = killed(tmp_path_factory, "training", tmp_path)
    places = itertools.cycle(folders_of(kept))
    check_each(kept, tmp_path / "project", zip(places, STRANGERS, STRANGERS.values(), strict=False))


@pytest.mark.full
@pytest.mark.parametrize("state", list(STATES))
@pytest.mark.parametrize("how", list(STRANGERS))
def test_every_stranger_in_every_folder(
    state: str, how: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """C14."""
    kept = killed(tmp_path_factory, state, tmp_path)
    only = {how: STRANGERS[how]}
    check_each(kept, tmp_path / "project", _cases(folders_of(kept), only, every=True), BOTH)


def test_a_file_that_is_of_another_type(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """C14: a sample."""
    kept = killed(tmp_path_factory, "before the seal", tmp_path)
    places = [*list(files_of(kept))[::2], layout.RESERVE]
    check_each(kept, tmp_path / "project", _cases(places, OTHER_TYPES, every=False))


@pytest.mark.full
@pytest.mark.parametrize("state", list(STATES))
@pytest.mark.parametrize("how", list(OTHER_TYPES))
def test_every_file_in_every_other_type(
    state: str, how: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """C14."""
    kept = killed(tmp_path_factory, state, tmp_path)
    only = {how: OTHER_TYPES[how]}
    check_each(kept, tmp_path / "project", _cases(files_of(kept), only, every=True), BOTH)


def test_a_folder_that_is_none(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """C14: a sample."""
    kept = killed(tmp_path_factory, "a second attempt", tmp_path)
    check_each(kept, tmp_path / "project", _cases(folders_of(kept)[1:], NO_FOLDERS, every=False))


@pytest.mark.full
@pytest.mark.parametrize("state", list(STATES))
def test_every_folder_that_is_none(
    state: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """C14."""
    kept = killed(tmp_path_factory, state, tmp_path)
    check_each(
        kept, tmp_path / "project", _cases(folders_of(kept)[1:], NO_FOLDERS, every=True), BOTH
    )
