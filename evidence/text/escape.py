"""Foreign text made harmless for terminals and plain text files.

Responsible for characters that act instead of showing: controls, escapes, bidirectional
overrides, zero-width, format and line separators, tags and variation selectors. Markdown and SVG
need more; that is rendering's.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_RANGES: Final = (
    (0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x600, 0x605),
    (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2),
    (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x2028, 0x202E),
    (0x2060, 0x206F), (0x3164, 0x3164), (0xD800, 0xDFFF), (0xFE00, 0xFE0D), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x110BD, 0x110BD), (0x110CD, 0x110CD),
    (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
"""Code points of characters that act, first and last: every format character of Unicode (Cf), and
whatever a font may leave out (Default_Ignorable_Code_Point)."""
_PRESENTATION: Final = ("\ufe0e", "\ufe0f")
"""They choose between a sign and its picture, and so act nowhere but behind one."""
_SIGNS: Final = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2900-\u2bff\u3030\u303d"
    "\u3297\u3299\U0001f000-\U0001faff"
)
_STRAY: Final = f"(?<![{_SIGNS}])[{''.join(_PRESENTATION)}]"
_ACTING_ASCII: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ACTING: Final = re.compile(f"[{''.join(f'{chr(a)}-{chr(b)}' for a, b in _RANGES)}]|{_STRAY}")

_LONG_CHARS: Final = 4096


def visible(text: str) -> str:
    r"""`text` with every acting character written as `\x1b`, `\u202e` and the like.

    LF and tab stay. The result is stable: applying it again changes nothing.
    """
    if acts_at(text) is None:
        return text
    spelled = _spellings()
    acting = _ACTING_ASCII if text.isascii() else _ACTING
    return acting.sub(lambda match: spelled[match[0]], text)


def is_utf8(text: str) -> bool:
    """Whether a document can hold it: a path or an argument may be any bytes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def acts_at(text: str) -> int | None:
    """Where the first acting character is; None where there is none."""
    if len(text) > _LONG_CHARS and not _may_act(text):
        return None
    found = (_ACTING_ASCII if text.isascii() else _ACTING).search(text)
    return None if found is None else found.start()


def _may_act(text: str) -> bool:
    """Whether any character begins as one that acts does. Some times faster than the pattern."""
    data = text.encode("utf-8", "surrogatepass")
    harmless, beginnings = _beginnings()
    left = set(data.translate(None, harmless))
    return any(beginning in data for beginning in beginnings if beginning[0] in left)


@cache
def _beginnings() -> tuple[bytes, tuple[bytes, ...]]:
    """Bytes that begin no acting character, and the first two bytes of those that do."""
    acting = (chr(code) for first, last in _RANGES for code in range(first, last + 1))
    found = dict.fromkeys(one.encode("utf-8", "surrogatepass")[:2] for one in acting)
    first_bytes = {beginning[0] for beginning in found}
    return bytes(byte for byte in range(256) if byte not in first_bytes), tuple(found)


def one_line(text: str, limit: int) -> str:
    """`text` on one line, acting characters visible, cut to `limit` characters."""
    # What is shown is no shorter than what it stands for, so that no more is ever looked at.
    flat = visible(text[: limit + 1]).replace("\n", "\\n").replace("\t", " ")
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


@cache
def _spellings() -> dict[str, str]:
    # Only once something has to be spelled: few texts have anything.
    codes = [code for first, last in _RANGES for code in range(first, last + 1)]
    return {chr(code): _spelled(code) for code in [*codes, *map(ord, _PRESENTATION)]}


def _spelled(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
