"""A copy of a repository, for a program that is only tried.

Responsible for what is in the copy, for what is left out and named, and for leaving nothing behind:
a copy that a killed process left is removed by the next one. Large files are left out, never
linked: a program may write over them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock
from msgspec import field

from evidence import layout, limits
from evidence.capture.repository import open_repository
from evidence.errors import StoppedError, UsageError
from evidence.records.availability import Unavailable
from evidence.records.record import Record
from evidence.system import posix

MAX_BYTES: Final = 2048 * limits.MIB
MAX_ENTRIES: Final = 200_000
CLONE_TIMEOUT_S: Final = 120.0
_PREFIX: Final = "evidence-try-"
_LOCK: Final = "lock"
_NOT_COPIED: Final = frozenset(
    {
        ".git", layout.RUNS, "__pycache__", "node_modules",
        ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".hypothesis",
    }
)  # fmt: skip
_ENVIRONMENT: Final = ("pyvenv.cfg", "conda-meta")
"""A folder with one of these is an installed Python: the copy has a link to it."""


class Copy(Record):
    """A repository's copy, as long as its block lasts."""

    root: Path
    scratch: Path
    """Beside it, for what else a program writes."""
    num_files: int
    size_bytes: int
    left_out: tuple[str, ...]
    """Files that are not in it, the largest first."""


class _Found(Record):
    """What a repository holds; its lists grow while it is looked through."""

    files: list[tuple[int, str]] = field(default_factory=list)
    """(size, path from the top)."""
    links: list[str] = field(default_factory=list)
    environments: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A fresh folder among temporary files, removed however the block ends."""
    _remove_stale()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
    held = FileLock(folder / _LOCK)
    held.acquire()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        held.release()


def _remove_stale() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        lock = folder / _LOCK
        if posix.is_own_folder(folder) and lock.is_file() and not posix.is_locked(lock):
            shutil.rmtree(folder, ignore_errors=True)


def copy_into(folder: Path, root: Path, should_stop: Callable[[], bool]) -> Copy:
    """Copy a repository into `folder`.

    Not in the copy: packs, caches and what is past `MAX_BYTES` or half of the free disk. Raises
    UsageError for a repository of too many files, StoppedError when asked to stop.
    """
    root = root.resolve()
    found = _found(root)
    tree = folder / root.name if root.name else folder / "repository"
    _clone(root, tree)
    tree.mkdir(exist_ok=True)
    for name in found.folders:
        (tree / name).mkdir(parents=True, exist_ok=True)
    for name in found.environments:
        (tree / name).symlink_to(root / name)
    for name in found.links:
        _link(root, tree, name)
    room = min(MAX_BYTES, shutil.disk_usage(folder).free // 2)
    copied, left_out = [], []
    for size, name in sorted(found.files):
        if should_stop():
            raise StoppedError("stopped, as asked; nothing was run")
        if size > room or not _copied(root / name, tree / name):
            left_out.append(name)
            continue
        room -= size
        copied.append(size)
    return Copy(tree, folder, len(copied), sum(copied), tuple(reversed(left_out)))


def _found(root: Path) -> _Found:
    found = _Found()
    num = 0
    for above, folders, files in os.walk(root):
        place = Path(above)
        links = [name for name in folders if (place / name).is_symlink()]
        plain = [name for name in folders if name not in links and name not in _NOT_COPIED]
        inside = [name for name in plain if _is_environment(place / name)]
        folders[:] = [name for name in plain if name not in inside]
        num += len(folders) + len(files)
        if num > MAX_ENTRIES:
            raise UsageError(
                f"{root} holds more than {MAX_ENTRIES} files and folders; it was not copied",
                hint="With --in-place the program runs in the repository itself.",
            )
        found.environments.extend(_from(root, place / name) for name in inside)
        found.folders.extend(_from(root, place / name) for name in folders)
        for name in [*links, *files]:
            path = place / name
            if path.is_symlink():
                found.links.append(_from(root, path))
            elif path.is_file() and name not in _NOT_COPIED:
                with suppress(OSError):
                    found.files.append((path.lstat().st_size, _from(root, path)))
    return found


def _is_environment(folder: Path) -> bool:
    return any((folder / name).exists() for name in _ENVIRONMENT)


def _from(root: Path, path: Path) -> str:
    return os.path.relpath(path, root)


def _link(root: Path, tree: Path, name: str) -> None:
    """A link within the repository leads to the copy, any other to where it led."""
    to = root / Path(name).parent / (root / name).readlink()
    inside = Path(os.path.normpath(to))
    with suppress(OSError):
        target = tree / inside.relative_to(root) if inside.is_relative_to(root) else inside
        (tree / name).symlink_to(target)


def _copied(path: Path, to: Path) -> bool:
    try:
        shutil.copy2(path, to, follow_symlinks=False)
    except OSError:  # cannot be read, or went away
        return False
    return True


def _clone(root: Path, tree: Path) -> None:
    """A history of its own, for programs that ask git for their commit; without one, none."""
    if not (root / ".git").exists():
        return
    repository = open_repository(root)
    if isinstance(repository, Unavailable):
        return
    cloned = repository.attempt(
        "clone", "--quiet", "--shared", "--no-checkout", "--template=", "--", str(root), str(tree),
        timeout_s=CLONE_TIMEOUT_S,
    )  # fmt: skip
    repository.repo.close()
    inside = Unavailable("") if isinstance(cloned, Unavailable) else open_repository(tree)
    if isinstance(inside, Unavailable):
        shutil.rmtree(tree, ignore_errors=True)
        return
    inside.attempt("remote", "remove", "origin")
    inside.attempt("read-tree", "HEAD", timeout_s=CLONE_TIMEOUT_S)
    inside.repo.close()
