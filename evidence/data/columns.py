"""Rows of a Parquet or an Arrow file, as plain JSON values.

Responsible for naming a row by its row group, and for types: a value that JSON has is that value,
and one that it has not is refused by name, for no rule of ours would be the user's. pyarrow is
imported when such a file is read. Which bytes may be read here, and not in a process apart, is for
the caller to say.
"""

from __future__ import annotations

import io
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import accumulate
from typing import Any, BinaryIO, Final

from evidence import limits
from evidence.data.formats import ARROW
from evidence.data.text_rows import Lines, Unread
from evidence.encoding import jsonio
from evidence.errors import MalformedError, MilestoneError, PastLimitError

INSTALL: Final = 'pip install "evidence-pack[data]"'
_BATCH_ROWS: Final = 256
_MAX_INTEGER: Final = (1 << 63) - 1
_AS_TEXT: Final = 'write it as text, such as 2026-01-31, "1.10" or base64'

Place = Callable[[int], str]
"""From the number of a row, from 1, to where it stands: `row 5 (row group 0)`."""


def missing(kind: str) -> str:
    """What is said where pyarrow is not there."""
    return f"{kind} files are read by pyarrow, which is not installed: {INSTALL}"


def rows_of(file: BinaryIO, kind: str, most_bytes: int) -> tuple[Lines, Place]:
    """Rows with their numbers from 1, and how each is called. Raises MilestoneError without
    pyarrow, MalformedError where the file is none of its kind, or is past `most_bytes` as JSON."""
    if find_spec("pyarrow") is None:
        raise MilestoneError(missing(kind))
    source: Any = file
    if isinstance(file, io.BytesIO):  # pyarrow's threads call no Python for what is in memory
        source = import_module("pyarrow").BufferReader(file.getbuffer())
    try:
        batches, sizes = _parquet(source, most_bytes) if kind == "parquet" else _arrow(source)
    except MalformedError:
        raise
    except Exception as error:  # whatever pyarrow says of bytes that are no such file
        raise MalformedError(f"cannot be read as {kind}: {_short(error)}") from error
    ends = list(accumulate(sizes))
    unit = "row group" if kind == "parquet" else "record batch"

    def place(number: int) -> str:
        return f"row {number} ({unit} {bisect_right(ends, number - 1)})"

    return _rows(batches, kind, most_bytes), place


def _parquet(source: Any, most_bytes: int) -> tuple[Iterator[Any], list[int]]:
    file = import_module("pyarrow.parquet").ParquetFile(source)
    told = file.metadata
    groups = [told.row_group(index) for index in range(told.num_row_groups)]
    _refuse_many(sum(one.num_rows for one in groups))
    if sum(one.total_byte_size for one in groups) > most_bytes:
        raise PastLimitError(f"unpacks to more than {most_bytes // limits.MIB} MiB")
    return (
        file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False),
        [one.num_rows for one in groups],
    )


def _arrow(source: Any) -> tuple[Iterator[Any], list[int]]:
    ipc = import_module("pyarrow").ipc

    def batches() -> Iterator[Any]:
        source.seek(0)
        is_file = source.read(len(ARROW)) == ARROW
        source.seek(0)
        if not is_file:
            return iter(ipc.open_stream(source))
        file = ipc.open_file(source)
        return (file.get_batch(index) for index in range(file.num_record_batches))

    sizes = [one.num_rows for one in batches()]
    _refuse_many(sum(sizes))
    return (
        one.slice(start, _BATCH_ROWS)
        for one in batches()
        for start in range(0, one.num_rows, _BATCH_ROWS)
    ), sizes


def _refuse_many(num_rows: int) -> None:
    if num_rows > limits.MAX_DATA_ROWS:
        raise PastLimitError(f"more than {limits.MAX_DATA_ROWS} rows")


def _rows(batches: Iterator[Any], kind: str, most_bytes: int) -> Lines:
    number, size_bytes = 0, 0
    try:
        for batch in batches:
            batch.validate(full=True)  # a damaged one is read past its end otherwise
            names = batch.schema.names
            twice = next((one for one in names if names.count(one) > 1), None)
            if twice is not None:
                yield 1, Unread((f"the file has two columns called {twice!r}",))
                return
            for row in batch.to_pylist():
                number += 1
                wrong = tuple(_wrong(row, ""))
                size_bytes += 0 if wrong else len(jsonio.dump_row(row))
                if size_bytes > most_bytes:
                    said = f"more than {most_bytes // limits.MIB} MiB as JSON, with those before"
                    yield number, Unread((said,))
                    return
                yield number, Unread(wrong) if wrong else row
    except Exception as error:  # of damaged pages, and of types that have no value in Python
        said = f"cannot be read as {kind}: {_short(error)}"
        yield number + 1, Unread((said,))


def _wrong(value: Any, place: str) -> Iterator[str]:
    """Each value inside that JSON has not, with its place."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _wrong(part, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _wrong(part, f"{place}[{index}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"field {place!r} is {value}, which is no JSON number: leave it null"
    elif isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > _MAX_INTEGER:
            yield f"field {place!r} is an integer outside the 64-bit range"
    elif value is not None and not isinstance(value, (str, bool)):
        kind = type(value).__name__
        yield f"field {place!r} is a {kind}, which JSON has not: {_AS_TEXT}"


def _short(error: Exception) -> str:
    said = str(error).partition("\n")[0]
    return said[: limits.MAX_MESSAGE_CHARS] or type(error).__name__
