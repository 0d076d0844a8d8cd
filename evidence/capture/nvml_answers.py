"""What NVML answers, held against what can be true: a value, or why it is none. Pure.

Responsible for bytes that are no text, numbers that no card has, and errors of every kind: none
of them may end a run, and none may be recorded as if it had been measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

from evidence.records.availability import Unavailable
from evidence.text.escape import one_line, visible

T = TypeVar("T")

MAX_GPUS: Final = 1024
MAX_MEMORY_BYTES: Final = 1 << 50
MAX_MHZ: Final = 100_000
MAX_W: Final = 100_000
_MAX_MAJOR: Final = 99
_MAX_NAME_CHARS: Final = 200
_MAX_WORDS: Final = 80
_CUDA_VERSIONS: Final = (1000, 999_999)
_ARCHITECTURES: Final = {
    (12,): "Blackwell",
    (11,): "Blackwell",
    (10,): "Blackwell",
    (9,): "Hopper",
    (8, 9): "Ada Lovelace",
    (8,): "Ampere",
    (7, 5): "Turing",
    (7,): "Volta",
    (6,): "Pascal",
}


def ask(question: Callable[[], T | Unavailable]) -> T | Unavailable:
    """The answer to one question, or why there is none. Raises nothing."""
    try:
        return question()
    except UnicodeDecodeError:
        return Unavailable("NVML: what it says is not UTF-8 text")
    except Exception as error:  # pynvml raises what ctypes, an old library or a new one makes of it
        return Unavailable(f"NVML: {words_of(error)}")


def words_of(error: BaseException) -> str:
    """An error in a few words on one line. NVML's own may be no text either."""
    try:
        said = str(error)
    except Exception:  # the library gives the words, and may give any bytes
        said = ""
    return one_line(said, _MAX_WORDS) or type(error).__name__


def text(value: object) -> str | Unavailable:
    """A name, an id or a version. Raises UnicodeDecodeError for bytes that are none."""
    said = value.decode("utf-8") if isinstance(value, bytes) else value
    if not isinstance(said, str):
        return Unavailable(f"NVML: it gives no text but {type(value).__name__}")
    shown = one_line(said.strip(), _MAX_NAME_CHARS)
    return shown or Unavailable("NVML: it gives an empty text")


def whole(value: object, low: int, high: int, what: str) -> int | Unavailable:
    """A whole number that can be true of a card."""
    if isinstance(value, bool) or not isinstance(value, int):
        return Unavailable(f"NVML: it gives no number of {what}")
    return value if low <= value <= high else _absurd(value, what)


def watts(milliwatts: object, low: float) -> float | Unavailable:
    """Power in W, above `low` at least."""
    if isinstance(milliwatts, bool) or not isinstance(milliwatts, (int, float)):
        return Unavailable("NVML: it gives no number of mW")
    if not math.isfinite(milliwatts) or not low <= milliwatts / 1000 <= MAX_W:
        return _absurd(milliwatts, "mW")
    return milliwatts / 1000


def switch(value: object) -> bool | Unavailable:
    """A mode that is off or on."""
    return bool(value) if value in (0, 1) else _absurd(value, "mode")


def cuda_version(value: object) -> str | Unavailable:
    """13010 → 13.1"""
    found = whole(value, *_CUDA_VERSIONS, "CUDA version")
    return found if isinstance(found, Unavailable) else f"{found // 1000}.{found % 1000 // 10}"


def capability(value: Any) -> tuple[int, int] | Unavailable:
    """(9, 0) where both parts can be true."""
    major, minor = (
        whole(part, low, _MAX_MAJOR, "compute capability")
        for part, low in zip(value, (1, 0), strict=True)
    )
    if isinstance(major, Unavailable):
        return major
    return minor if isinstance(minor, Unavailable) else (major, minor)


def sm(found: tuple[int, int] | Unavailable) -> str | Unavailable:
    """(9, 0) → sm_90"""
    return found if isinstance(found, Unavailable) else f"sm_{found[0]}{found[1]}"


def architecture(found: tuple[int, int] | Unavailable) -> str | Unavailable:
    """(9, 0) → Hopper"""
    if isinstance(found, Unavailable):
        return found
    name = _ARCHITECTURES.get(found) or _ARCHITECTURES.get(found[:1])
    return name or Unavailable(f"no name is known for compute capability {found}")


def _absurd(value: object, what: str) -> Unavailable:
    return Unavailable(f"NVML: it gives {visible(str(value)[:40])} {what}, which cannot be")
