"""The form that a text is in, by its first lines and its name.

Responsible for choosing a reader; the reader says what it could not read.
"""

from __future__ import annotations

import re
from typing import Final

from evidence.foreign import numbers
from evidence.foreign.lines import Line

NUM_SNIFFED: Final = 400
"""Lines that are looked at to tell the form of a text."""
SOURCES: Final = (
    *(".py", ".sh", ".ps1", ".bat", ".c", ".cc", ".cpp", ".h", ".cu", ".rs", ".js"),
    *(".ts", ".diff", ".patch", ".sql", ".r", ".jl", ".go", ".j2", ".jinja"),
)
"""Programs: what stands in them was typed, and is evidence of nothing that was measured."""
PAGES: Final = (".md", ".markdown", ".rst", ".html", ".htm", ".tex", ".adoc")
"""Written for readers: what they say is to be held against evidence, and is none."""
_PINNED: Final = re.compile(r"(?:-e |[A-Za-z0-9][\w.-]{0,80}(?:\[[\w,-]{1,80}\])?\s?(?:==|@ ))\S")


def of(head: list[Line], ending: str) -> str:
    """The form of a text that is no whole document."""
    shown = [line.text.strip() for line in head if line.text.strip()]
    if not shown:
        return "text"
    objects = sum(text.startswith("{") and text.endswith("}") and '"' in text for text in shown)
    if ending == ".jsonl" or objects >= max(1, len(shown) // 2):
        return "json-lines" if objects else "log"
    if ending in (".csv", ".tsv"):
        return ending[1:]
    is_smi = any("NVIDIA-SMI" in text and "Driver Version" in text for text in shown[:20])
    if is_smi and not any("step" in text.lower() or "loss" in text.lower() for text in shown):
        return "nvidia-smi"
    pinned = sum(_PINNED.match(text) is not None for text in shown)
    if pinned > len(shown) // 2:
        return "packages"
    if any(text.startswith(("PyTorch version:", "Collecting environment")) for text in shown[:10]):
        return "environment"
    return _table(shown) or "log"


def _table(shown: list[str]) -> str:
    """Whether a text under another name is a table: a line of names, then numbers below each."""
    for form, delimiter in (("csv", ","), ("tsv", "\t")):
        names, rows = shown[0].split(delimiter), [one.split(delimiter) for one in shown[1:5]]
        if len(names) < 2 or not rows or any(len(row) != len(names) for row in rows):
            continue
        if any(isinstance(numbers.read(name), (int, float)) for name in names):
            continue
        cells = [cell for row in rows for cell in row]
        if sum(isinstance(numbers.read(cell), (int, float)) for cell in cells) * 2 >= len(cells):
            return form
    return ""
