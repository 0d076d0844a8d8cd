"""Claims of a table: each cell under the name of its column and of its row.

Responsible for which column is the key of a row (step, epoch, seed), which columns name it, and
which hold values. A table of two columns is `name | value`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from evidence.audit.claims import Claim
from evidence.audit.meaning import meaning_of, words_of
from evidence.audit.pages import Table
from evidence.audit.quantities import quantities
from evidence.audit.spans import Lines
from evidence.audit.values import MAX_VALUE_CHARS, PATH, SHOTS, Named, claims_of
from evidence.audit.vocabulary import AGGREGATES
from evidence.records.record import Record

KEYS: Final = ("step", "steps", "epoch", "epochs", "seed")
MAX_ROWS: Final = 10_000
_GENERIC: Final = re.compile(
    r"(?:value|values|result|results|metric|metrics|name|description|component|parameter|field|item|"
    r"setting|property|package|library|hyperparameter|details?|notes?|comment|measure|key|what|score|file|#|\s)*\Z",
    re.IGNORECASE,
)
_NAMING: Final = re.compile(
    r"(?:tasks?|filter|metrics?|splits?|models?|datasets?|methods?|runs?|names?|groups?|subsets?|config|"
    r"benchmarks?|variant|experiment|system|stage|condition)\Z",
    re.IGNORECASE,
)
_CHANGES: Final = re.compile(r"\b(?:change|diff|delta|improvement|reduction|gain)|Δ", re.IGNORECASE)
_DESCRIBES: Final = ("description", "notes", "note", "comment", "comments", "remark", "remarks")


class _Columns(Record):
    """What the columns of a table are."""

    key: int | None
    """The number in it tells the rows apart: step, epoch, seed."""
    names: tuple[int, ...]
    """These name what a row is of."""
    is_sweep: bool
    """Whether each row is another run: of layers, of learning rates."""


class _Row(Record):
    """One row, ready for its cells."""

    line: int
    cells: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]
    subject: str
    first: str
    """The first cell of the subject, which is of every cell; the others are of its value."""
    is_sure: bool


def of_table(table: Table, document: str, lines: Lines) -> Iterator[Claim]:
    """Every claim of a table."""
    columns = _columns(table)
    if len(table.rows) > MAX_ROWS:
        line = table.rows[MAX_ROWS][0]
        lines.left_out.append(f"the rows of a table from line {line} on are not read")
    for row in _rows(table, columns):
        after = 0
        for index, cell in enumerate(row.cells):
            column = lines.column(row.line, cell, after)
            after = max(after, column - 1 + len(cell))
            if index == columns.key or not cell.strip():
                continue
            if index in columns.names:
                yield from _paths_in(cell, document, row.line, column)
            else:
                if len(cell) > MAX_VALUE_CHARS:
                    lines.left_out.append(
                        f"of a cell in line {row.line} only the beginning is read"
                    )
                header = table.header[index] if index < len(table.header) else ""
                named = _named(table, row, header, Named(document, row.line, column, ""))
                yield from _of_cell(named, header, cell)


def _columns(table: Table) -> _Columns:
    key = _key_column(table)
    words = [at for at in range(len(table.header)) if at != key and _is_words(table, at)]
    is_sweep = key is None and 0 not in words and _is_name(table, 0)
    return _Columns(
        key=key,
        names=tuple(at for at in words if at == 0 or _NAMING.match(table.header[at].strip())),
        is_sweep=is_sweep and (len(table.rows) > 1 or not table.header[0].strip()),
    )


def _rows(table: Table, columns: _Columns) -> Iterator[_Row]:
    above, before, key = "", "0", columns.key
    for line, given in table.rows[:MAX_ROWS]:
        cells = _continued(given, above)
        above = cells[0] if cells else ""
        keys = _keys(table, cells, key)
        is_sure = key is None or bool(keys) or _is_aggregate(cells, key)
        if keys and keys[0][0] == "step":
            keys, before = (*keys, ("since", before)), keys[0][1]
        own = [cells[at] for at in columns.names if at < len(cells)]
        if key is not None and not keys and key < len(cells):
            own.append(cells[key])  # `Mean` below the seeds, `2 (resumed)` below the epochs
        subject, first = (SHOTS.sub(" ", " ".join(words)) for words in (own, own[:1]))
        keys = (*keys, *_file_key(subject))
        yield _Row(line, cells, keys, subject, first, is_sure and not columns.is_sweep)


def _named(table: Table, row: _Row, header: str, at: Named) -> Named:
    label = "" if _GENERIC.match(header) else SHOTS.sub(" ", header)
    if not label and not row.subject:
        label = header
    return replace(
        at,
        label=label,
        keys=row.keys,
        context=" › ".join((*table.headings, table.lead, str(row.line)))[-1_000:],
        subject=(row.first if label else row.subject).replace("`", ""),
        is_certain=row.is_sure,
        lead=table.lead[-200:],
        headings=table.headings[-2:],
        header=" ".join(table.header),
        of_column=header,
        is_cell=len(table.header) == 2 or bool(_CHANGES.search(header)),
    )


def _of_cell(named: Named, header: str, cell: str) -> Iterator[Claim]:
    describes = header.strip().lower() in _DESCRIBES
    for one in claims_of(named, cell):
        if not describes or (one.quantity is not None and one.quantity.unit):
            yield one


def _continued(cells: tuple[str, ...], above: str) -> tuple[str, ...]:
    """A row whose first cell is empty goes on with the row above."""
    return (above, *cells[1:]) if cells and not cells[0].strip() and above else cells


def _is_name(table: Table, index: int) -> bool:
    """Whether a column of numbers is what the rows differ in: layers, learning rates."""
    header = table.header[index].strip()
    return len(table.header) > 1 and (not header or not _GENERIC.match(header))


def _is_aggregate(cells: tuple[str, ...], key: int) -> bool:
    """Whether a row says that it is the mean, the best, … of the others."""
    words = words_of(cells[key]) if key < len(cells) else ()
    return bool(words) and all(word in AGGREGATES or word in ("std", "sd") for word in words)


def _file_key(subject: str) -> tuple[tuple[str, str], ...]:
    """A row that is named by a file is of that file."""
    path = PATH.search(subject.replace("`", ""))
    return () if path is None else (("file", path.group().rstrip("/")),)


def _paths_in(cell: str, document: str, line: int, column: int) -> Iterator[Claim]:
    """Files that a table of files promises."""
    if "`" in cell or "/" in cell:
        named = Named(document, line, column, "")
        yield from (one for one in claims_of(named, cell) if one.kind == "file")


def _key_column(table: Table) -> int | None:
    """The column whose number tells the rows apart."""
    found = {
        meaning.measure: index
        for index in reversed(range(len(table.header)))
        if (meaning := meaning_of(table.header[index])).measure in KEYS and not meaning.rest
    }
    for key in KEYS:
        index = found.get(key)
        if index is None:
            continue
        if key in ("step", "epoch", "seed") or (index == 0 and _increases(table, index)):
            return index
    return None


def _increases(table: Table, index: int) -> bool:
    values = [next(quantities(cells[index]), None) for _, cells in table.rows if index < len(cells)]
    known = [one.value for one in values if one is not None]
    return len(known) == len(values) > 2 and known == sorted(set(known))


def _is_words(table: Table, index: int) -> bool:
    """Whether a column holds names rather than numbers."""
    cells = [row[index] for _, row in table.rows if index < len(row) and row[index].strip()]
    named = [cell for cell in cells if any(letter.isalpha() for letter in cell)]
    measured = [cell for cell in named if _starts_as_number(cell)]
    return len(named) - len(measured) > len(cells) / 2


def _starts_as_number(cell: str) -> bool:
    first = next(quantities(cell), None)
    return first is not None and first.start <= 2


def _keys(table: Table, cells: tuple[str, ...], key: int | None) -> tuple[tuple[str, str], ...]:
    if key is None or key >= len(cells):
        return ()
    name = meaning_of(table.header[key]).measure.removesuffix("s") if key is not None else ""
    value = cells[key].strip().replace(",", "")
    return ((name, value),) if re.fullmatch(r"\d{1,12}(?:\.\d{1,12})?", value) else ()
