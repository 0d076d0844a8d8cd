"""Foreign text made harmless for terminals and plain text files.

Responsible for characters that act instead of showing: controls, escapes, bidirectional
overrides, zero-width and line separators. Markdown and SVG need more; that is rendering's.
"""

from __future__ import annotations

import re
from typing import Final

_ACTING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    r"""`text` with every acting character written as `\x1b`, `\u202e` and the like.

    LF and tab stay. The result is stable: applying it again changes nothing.
    """
    return _ACTING.sub(_spelled, text)


def one_line(text: str, limit: int) -> str:
    """`text` on one line, acting characters visible, cut to `limit` characters."""
    flat = visible(text).replace("\n", "\\n").replace("\t", " ")
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _spelled(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
