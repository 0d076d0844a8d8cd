"""Foreign text made harmless for terminals and plain text files.

Responsible for characters that act instead of showing: controls, escapes, bidirectional
overrides, zero-width and line separators. Markdown and SVG need more; that is rendering's.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_RANGES: Final = (
    (0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x115F, 0x1160),
    (0x17B4, 0x17B5), (0x180E, 0x180E), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F),
    (0x3164, 0x3164), (0xD800, 0xDFFF), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB),
    (0xE0000, 0xE0FFF),
)  # fmt: skip
"""Code points of characters that act, first and last."""
_ACTING: Final = re.compile(f"[{''.join(f'{chr(a)}-{chr(b)}' for a, b in _RANGES)}]")


def visible(text: str) -> str:
    r"""`text` with every acting character written as `\x1b`, `\u202e` and the like.

    LF and tab stay. The result is stable: applying it again changes nothing.
    """
    return text if acts_at(text) is None else text.translate(_spellings())


def is_utf8(text: str) -> bool:
    """Whether a document can hold it: a path or an argument may be any bytes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def acts_at(text: str) -> int | None:
    """Where the first acting character is; None where there is none."""
    found = _ACTING.search(text)
    return None if found is None else found.start()


def one_line(text: str, limit: int) -> str:
    """`text` on one line, acting characters visible, cut to `limit` characters."""
    # What is shown is no shorter than what it stands for, so that no more is ever looked at.
    flat = visible(text[: limit + 1]).replace("\n", "\\n").replace("\t", " ")
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


@cache
def _spellings() -> dict[int, str]:
    # Only once something has to be spelled: few texts have anything. A table, since a call for
    # each of a million characters would take seconds.
    return {code: _spelled(code) for first, last in _RANGES for code in range(first, last + 1)}


def _spelled(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
