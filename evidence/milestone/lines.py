"""In which line of a milestone file a key stands.

Responsible for finding it without parsing, since a file that is no milestone has lines too. What is
wrong there is said by whoever finds it.
"""

from __future__ import annotations

import re
from typing import Final

# Linear in a stranger's text: nothing that is read once is read again another way. A string that
# never ends goes as far as it can; TOML ends there with an error.
_STRINGS: Final = re.compile(
    r'"""(?:\\.|(?!""")[^\\])*+(?:"{3,5})?+'
    r"|'''(?:(?!''').)*+(?:'{3,5})?+"
    r'|"(?:\\.|[^"\\\n])*+"?+'
    r"|'[^'\n]*+'?+|#[^\n]*+",
    re.DOTALL,
)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_HEADER: Final = re.compile(r"(\[\[?+)([^\[\]]++)\]\]?+")
_KEY: Final = re.compile(r"([A-Za-z0-9_.\- \t]++)=")


def skeleton(text: str) -> str:
    """The file with strings and comments blanked, line numbers kept; of a string that could be a
    bare key, since it may be one, only the quotes."""
    return _STRINGS.sub(_blank, text)


def lines_of_keys(blanked: str) -> dict[str, int]:
    """Line (from 1) of every key and table of a `skeleton`, by its JSON pointer."""
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table, depth = "", 0
    for number, line in enumerate(blanked.split("\n"), 1):
        if depth == 0 and (header := _HEADER.fullmatch(line.strip())):
            table = _pointer(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
            table = _indexed(table, counts)
            _add(lines, table, number)
            continue
        if depth == 0 and (key := _KEY.match(line.strip())):
            _add(lines, table + _pointer(key[1]), number)
        depth = max(0, depth + sum(map(line.count, "[{")) - sum(map(line.count, "]}")))
    return lines


def nearest_line(pointer: str, lines: dict[str, int]) -> int:
    """Of a key, or of the nearest one around it; 1, the file, where there is none."""
    while pointer not in lines and "/" in pointer:
        pointer = pointer.rsplit("/", 1)[0]
    return lines.get(pointer, 1)


def header_in(line: str) -> tuple[str, bool] | None:
    """Dotted name of the table that a line of a `skeleton` begins, and whether it is one of a
    list; None where it begins none."""
    found = _HEADER.fullmatch(line.strip())
    return None if found is None else (found[2].replace(" ", ""), found[1] == "[[")


def _blank(found: re.Match[str]) -> str:
    text = found[0]
    if text.startswith("#"):
        return ""
    if _BARE.fullmatch(text[1:-1]) and text[0] == text[-1]:
        return text[1:-1]
    return "q" + "\n" * text.count("\n")


def _pointer(dotted: str) -> str:
    return "/" + dotted.strip().replace(".", "/").replace(" ", "")


def _add(lines: dict[str, int], pointer: str, number: int) -> None:
    """What is around a key begins with it, unless it began before."""
    while pointer:
        lines.setdefault(pointer, number)
        pointer = pointer.rpartition("/")[0]


def _indexed(table: str, counts: dict[str, int]) -> str:
    parts, path, plain = table.split("/")[1:], "", ""
    for part in parts:
        plain += f"/{part}"
        path += f"/{part}"
        if plain in counts:
            path += f"/{counts[plain]}"
    return path
