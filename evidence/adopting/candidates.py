"""Commands by which a repository trains, found by the names of its files and targets.

Responsible for looking: nothing of the repository is run or imported. Whether a command needs
arguments cannot be told by a name; who reads the list can.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evidence import limits
from evidence.records.record import Record
from evidence.system.entries import open_regular
from evidence.text.escape import is_utf8

FOLDERS: Final = ("", "scripts", "src", "training", "bin", "examples")
"""Looked into, in this order; not what lies below them."""
MAX_CANDIDATES: Final = 20
_MAX_ENTRIES: Final = 10_000
_VERB: Final = r"(?:pre|re)?-?(?:train(?:ing|er)?|fine-?_?tun(?:e|ing)|sft)"
_PROGRAM: Final = re.compile(rf"(?:run_)?{_VERB}(?:[_-][A-Za-z0-9_-]*)?\.(?P<kind>py|sh)")
_TARGET: Final = re.compile(rf"(?P<name>{_VERB}(?:[_-][A-Za-z0-9_.-]*)?)[ \t]*:(?![=:])")
_SCRIPT: Final = re.compile(r"(?:pre|re)?train(?:ing|er)?|finetun(?:e|ing)|tun(?:e|ing)|sft")
"""A word of the name of a script."""


class Candidate(Record):
    """A command that may train, and where it was found."""

    command: tuple[str, ...]
    found_in: str
    """The file, from the repository's top."""
    line: int | None = None


def candidates_in(root: Path) -> tuple[Candidate, ...]:
    """The likeliest first: programs in Python, scripts, targets of make, scripts of pyproject."""
    programs = list(_programs(root))
    python = [one for one in programs if one.command[0] == "python"]
    others = [one for one in programs if one.command[0] != "python"]
    found = [*python, *others, *_targets(root), *_scripts(root)]
    return tuple(dict.fromkeys(found))[:MAX_CANDIDATES]


def _programs(root: Path) -> Iterator[Candidate]:
    for folder in FOLDERS:
        for name in _names(root / folder):
            match = _PROGRAM.fullmatch(name)
            if match is not None:
                path = f"{folder}/{name}" if folder else name
                yield Candidate(("python" if match["kind"] == "py" else "bash", path), path)


def _names(folder: Path) -> list[str]:
    """Plain files of a folder; a link may lead out of the repository."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    try:
        entries = list(folder.iterdir())[:_MAX_ENTRIES]
    except OSError:
        return []
    files = (one.name for one in entries if one.is_file() and not one.is_symlink())
    # `train.py` before `train_all.py`: the shorter name is the more general one.
    return sorted(filter(is_utf8, files), key=lambda name: (len(name), name))


def _targets(root: Path) -> Iterator[Candidate]:
    for name in ("Makefile", "makefile", "GNUmakefile"):
        for number, line in enumerate(text_of(root / name).splitlines(), 1):
            match = _TARGET.match(line)
            if match is not None:
                yield Candidate(("make", match["name"]), name, number)


def _scripts(root: Path) -> Iterator[Candidate]:
    text = text_of(root / "pyproject.toml")
    try:
        document = tomllib.loads(text) if text.count(".") < _MAX_ENTRIES else {}
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    project = document.get("project")
    scripts = project.get("scripts") if isinstance(project, dict) else None
    for name in scripts if isinstance(scripts, dict) else ():
        if any(map(_SCRIPT.fullmatch, re.split("[_-]", name))):
            yield Candidate((name,), "pyproject.toml")


def text_of(path: Path, *, follow: bool = False) -> str:
    """The beginning of a file of words, whatever in it is no UTF-8; empty where it is no file."""
    try:
        with open_regular(path, follow=follow) as stream:
            return stream.read(limits.MIB).decode("utf-8", "replace")
    except OSError:
        return ""
