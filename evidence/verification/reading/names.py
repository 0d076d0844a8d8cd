"""Which names a pack may hold, and which make reading it unsafe.

Responsible for judging strings; nothing is opened here. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from evidence import layout, limits
from evidence.text.escape import visible
from evidence.verification.problem import Problem, shown

_RUNNABLE_SUFFIXES: Final = (
    "bin|pt|pt2|pth|ckpt|pkl|pickle|dill|joblib|npy|npz|h5|hdf5|keras|pb|mar|nemo"
    "|py|pyc|pyo|pyd|so|dll|dylib|exe"
)
_RUNNABLE: Final = re.compile(rf".*\.({_RUNNABLE_SUFFIXES})", re.IGNORECASE | re.DOTALL)
_ASCII_SUFFIXES: Final = frozenset(_RUNNABLE_SUFFIXES.split("|"))


def unsafe_on_disk(path: str) -> str | None:
    """Why a path found in the pack is unsafe even to print or to copy; None when it is not."""
    if visible(path) != path or "\n" in path or "\t" in path:
        return "a name with control, bidirectional or undecodable characters"
    if "\\" in path:
        return "a name with a backslash, which is a separator on other systems"
    return _too_long(path) or _runnable(path)


@lru_cache(maxsize=2 * limits.MAX_FILES)  # three lists and the directory name the same files
def unsafe_when_listed(path: str) -> str | None:
    """Why a path written in SHA256SUMS or manifest.json must not be opened; None when it may."""
    if not layout.SEALED_PATH.fullmatch(path):
        return "not a name that a pack can hold (letters, digits, '.', '_', '-', '/')"
    for part in path.split("/"):
        if part[-1] == "." or layout.is_reserved(part):
            return "a name that another system reads as something else"
    return _too_long(path) or _runnable(path)


def collisions(paths: Iterable[str]) -> Iterator[Problem]:
    """Names, or folders of names, that are one and the same where case or Unicode form is lost."""
    names = set(paths)
    folders = {name.rpartition("/")[0] for name in names} - {""}
    names.update(prefix for folder in folders for prefix in _prefixes(folder))
    if len({_folded(name) for name in names}) == len(names):
        return  # as nearly always
    first: dict[str, str] = {}
    for name in sorted(names):
        other = first.setdefault(_folded(name), name)
        if other != name:
            yield Problem(
                name,
                f"is the same name as {shown(other)} on systems that ignore case or Unicode "
                "form: one of the two would replace the other",
                severity="refused",
                code="name-collision",
            )


def _too_long(path: str) -> str | None:
    size_bytes = len(path) if path.isascii() else len(path.encode("utf-8", "surrogateescape"))
    if size_bytes > limits.MAX_PATH_BYTES:
        return f"a path longer than {limits.MAX_PATH_BYTES} bytes"
    if path.count("/") >= limits.MAX_DEPTH:
        return f"a path deeper than {limits.MAX_DEPTH} names"
    return None


def _runnable(path: str) -> str | None:
    # By suffix where that is enough: the pattern alone knows letters that fold to these.
    runnable = (
        path.rpartition(".")[2].lower() in _ASCII_SUFFIXES and "." in path
        if path.isascii()
        else _RUNNABLE.fullmatch(path) is not None
    )
    if runnable:
        return "a file of a kind that can run code when it is loaded; packs hold none"
    return None


def _prefixes(path: str) -> Iterator[str]:
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)
    yield path


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    composed = unicodedata.normalize("NFC", text).casefold()
    return unicodedata.normalize("NFC", composed)
