"""Outputs of a notebook's cells: what programs printed there, read as a log.

Responsible for text of streams and results, and for tables that Trainer shows step by step. What
stands in the cells themselves was typed, and is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any, Final

from msgspec.structs import replace

from evidence.foreign import numbers
from evidence.foreign.facts import MAX_NAME_CHARS, MAX_TEXT_CHARS, Fact, Place
from evidence.foreign.lines import Line
from evidence.foreign.logs import Log
from evidence.foreign.tables import STEPS, whole

MAX_HTML_CHARS: Final = 1 << 20
MAX_ROWS: Final = 20_000
NOTE: Final = "is a notebook: what its cells printed is read, what is typed in them is not"
_ROW_TAG: Final = re.compile(r"</?tr\b[^>]{0,200}>", re.IGNORECASE)
_CELL: Final = re.compile(r"<t[hd][^>]{0,200}>([^<]{0,400})</t[hd]>", re.IGNORECASE)


def is_notebook(value: Any) -> bool:
    """Whether a document is one."""
    return isinstance(value, dict) and isinstance(value.get("cells"), list) and "nbformat" in value


def facts(value: Any, file: str) -> Iterator[Fact]:
    """Of each output, in order; rows are numbered through the whole notebook."""
    first_row = 0
    for pointer, kind, text in _outputs(value):
        last = first_row
        read = _of_table if kind == "text/html" else _of_text
        for one in read(text, file, pointer):
            row = None if one.row is None else first_row + one.row
            last = last if row is None else max(last, row + 1)
            yield replace(one, row=row)
        first_row = last


def _outputs(value: Any) -> Iterator[tuple[str, str, str]]:
    for position, cell in enumerate(value["cells"]):
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for number, output in enumerate(outputs if isinstance(outputs, list) else ()):
            if not isinstance(output, dict):
                continue
            at = f"/cells/{position}/outputs/{number}"
            yield f"{at}/text", "text/plain", _joined(output.get("text"))
            data = output.get("data")
            data = data if isinstance(data, dict) else {}
            for kind in ("text/plain", "text/html"):
                if kind in data:
                    yield f"{at}/data/{kind.replace('/', '~1')}", kind, _joined(data[kind])


def _joined(text: object) -> str:
    if isinstance(text, list):
        return "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""


def _of_text(text: str, file: str, pointer: str) -> Iterator[Fact]:
    parts = re.split(r"[\r\n]", whole(text)) if text else []
    numbered = [Line(number, part) for number, part in enumerate(parts, 1)]
    for one in Log(numbered, file).facts():
        yield replace(one, place=Place(file, None, pointer))


def _of_table(text: str, file: str, pointer: str) -> Iterator[Fact]:
    """Rows below the names of the first one."""
    names: list[str] = []
    rows = (_CELL.findall(between) for between in _ROW_TAG.split(text[:MAX_HTML_CHARS]))
    for row, found in enumerate(cells for cells in rows if cells):
        cells = [unescape(cell).strip() for cell in found]
        if not names:
            names = [name[:MAX_NAME_CHARS] for name in cells]
            continue
        if row > MAX_ROWS or len(cells) != len(names):
            continue
        said = dict(zip(names, cells, strict=True))
        step = next((numbers.read(v) for k, v in said.items() if k.lower() in STEPS), None)
        known = step if isinstance(step, int) and not isinstance(step, bool) else None
        for name, cell in said.items():
            if name and cell:
                place, shown = Place(file, None, pointer), whole(cell[:MAX_TEXT_CHARS])
                yield Fact(whole(name), numbers.with_unit(cell), shown, place, row, known)
