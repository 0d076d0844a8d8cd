"""Glob patterns of a milestone, meaning the same on disk, at a git ref, and in every Python.

Responsible for which project-relative paths a pattern names. pathlib's own globbing differs
between Python 3.11 and 3.13 (`dir/**`), cannot be asked about a path that is only in git, and
follows links.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from evidence import layout

_MAGIC: Final = re.compile(r"[*?[]")
_NEVER: Final = frozenset({".git", "__pycache__"})
_NOT_AT_TOP: Final = frozenset({layout.RUNS, ".venv", ".venv-jax"})
"""Where the run itself writes, and what is installed: only a pattern that names them means them."""


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern names a path. `*`, `?` and `[…]` stay inside a name; `**` crosses folders.

    Wildcards reach into no `.git` or `__pycache__`, and not from the top into `runs` or `.venv`.
    """
    if _regex(pattern).fullmatch(path) is None:
        return False
    named = _named(pattern)
    parts = path.split("/")
    by_wildcard = parts[len(named) :]
    at_top = not named and len(parts) > 1 and parts[0] in _NOT_AT_TOP
    return not at_top and _NEVER.isdisjoint(by_wildcard)


def is_plain(pattern: str) -> bool:
    """Whether a pattern has no wildcard, and so names one path."""
    return _MAGIC.search(pattern) is None


def any_of(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether one of many patterns names a path; those without a wildcard are only looked up."""
    plain = {"/".join(_named(pattern)) for pattern in patterns if is_plain(pattern)}
    others = [pattern for pattern in patterns if not is_plain(pattern)]

    def named(path: str) -> bool:
        return path in plain or any(matches(pattern, path) for pattern in others)

    return named


def files_matching(root: Path, pattern: str) -> Iterator[str]:
    """Regular files below `root` that a pattern names. Neither links nor what is behind them."""
    named = _named(pattern)
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        return
    base = root
    for part in named:
        base = base / part
        if base.is_symlink():
            return
    if base.is_file():
        yield "/".join(named)
    for folder, folders, files in os.walk(base):
        relative = Path(folder).relative_to(root)
        skipped = _NEVER if named or relative.parts else _NEVER | _NOT_AT_TOP
        folders[:] = [name for name in folders if name not in skipped]
        for name in files:
            path = (relative / name).as_posix()
            full = Path(folder, name)
            if matches(pattern, path) and full.is_file() and not full.is_symlink():
                yield path


def _named(pattern: str) -> tuple[str, ...]:
    """The parts of a pattern before its first wildcard."""
    parts = pattern.split("/")
    first = next((i for i, part in enumerate(parts) if _MAGIC.search(part)), len(parts))
    return tuple(part for part in parts[:first] if part not in ("", "."))


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if not parts:
        return re.compile(r"(?!)")  # nothing
    *folders, last = parts
    between = _apart(folders, lambda part: part == "**")
    above = _earliest([[_of_name(part) + "/" for part in run] for run in between], "(?:[^/]+/)*")
    return re.compile(above + (".+" if last == "**" else _of_name(last)), re.DOTALL)


def _of_name(part: str) -> str:
    pieces = re.findall(r"\[!?\]?[^]]*\]|.", part, re.DOTALL)
    between = _apart(pieces, lambda piece: piece == "*")
    return _earliest([[_of_piece(piece) for piece in run] for run in between], "[^/]*")


def _of_piece(piece: str) -> str:
    if piece == "?":
        return "[^/]"
    if len(piece) == 1:
        return re.escape(piece)
    return _of_class(piece[1:-1])


def _of_class(inner: str) -> str:
    """`[…]` as a shell reads it: any text is one, and a range that runs backwards has nothing."""
    negated = inner.startswith("!")
    chars = inner[negated:]
    items: list[str] = []
    place = 0
    while place < len(chars):
        first, last = chars[place], chars[place + 2 : place + 3]
        if last and chars[place + 1] == "-":
            items += [f"{re.escape(first)}-{re.escape(last)}"] if first <= last else []
            place += 3
        else:
            items.append(re.escape(first))
            place += 1
    if not chars:
        return re.escape(f"[{inner}]")  # nothing to choose from: these very characters
    if not items:
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[{'^' * negated}{''.join(items)}]"


def _apart(parts: Sequence[str], is_wildcard: Callable[[str], bool]) -> list[list[str]]:
    """What stands between the wildcards: a list more than there are of those."""
    found: list[list[str]] = [[]]
    for part in parts:
        if is_wildcard(part):
            found.append([])
        else:
            found[-1].append(part)
    return found


def _earliest(between: list[list[str]], wildcard: str) -> str:
    """A pattern of these runs with a wildcard before each but the first.

    What follows a wildcard is taken where it first comes, for good, but for the last: another
    place for it is never better, and to try them all takes time beyond bounds (`*a*a*a*a*a`).
    """
    first, *others = ["".join(run) for run in between]
    *inner, last = others or [""]
    taken = "".join(f"(?>{wildcard}?{run})" for run in inner if run)
    return first + taken + (f"{wildcard}{last}" if others else "")
