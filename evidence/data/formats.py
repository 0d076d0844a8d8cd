"""In which format a data file is, by its ending or as the milestone says; unpacked within bounds.

Responsible for choosing the format, for undoing gzip, and for saying once which format a file looks
like where it is read as another one. How each is parsed is `text_rows`' and `columns`'.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from evidence.encoding.digest import CHUNK_BYTES
from evidence.errors import MalformedError, PastLimitError
from evidence.limits import MIB
from evidence.records.milestone import DataSpec, FileFormat

MAX_UNPACKED_BYTES: Final = 1024 * MIB
"""Of one compressed file whose text is held in memory: a few kilobytes can unpack to terabytes."""
MAX_ROWS_BYTES: Final = 1024 * 1024 * MIB
"""Of a file that is read row by row."""

GZIP: Final = b"\x1f\x8b"
PARQUET: Final = b"PAR1"
ARROW: Final = b"ARROW1"
_BINARY: Final = (GZIP, PARQUET, ARROW)
_ENDINGS: Final[Mapping[str, FileFormat]] = {
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
"""Every other ending is of JSON lines."""
_CALLED: Final[Mapping[FileFormat, str]] = {
    "jsonl": "JSON lines",
    "json": "a JSON array",
    "csv": "CSV",
    "tsv": "TSV",
    "parquet": "Parquet",
    "arrow": "Arrow",
}
_OBJECT: Final = re.compile(rb'\s*+\{\s*+["}]')
_ARRAY: Final = re.compile(rb"\s*+\[\s*+[{\]]")
_NO_HEADER: Final = re.compile(rb"[{}\[\]\0]")
SNIFFED_BYTES: Final = 1 << 16
"""Bytes at the beginning that say what a file looks like."""


def format_of(label: str, spec: DataSpec) -> FileFormat:
    """The format that a file is read in: what the milestone says, else what its ending does."""
    if spec.file_format is not None:
        return spec.file_format
    name = label.lower().removesuffix(".gz")
    return next((kind for end, kind in _ENDINGS.items() if name.endswith(end)), "jsonl")


def has_data_ending(name: str) -> bool:
    """Whether a file is called as data are."""
    return name.lower().removesuffix(".gz").endswith((".jsonl", *_ENDINGS))


def is_binary(raw: bytes) -> bool:
    """Whether these are no lines of text, so that their line ends mean nothing."""
    return raw.startswith(_BINARY)


def is_zipped(file: BinaryIO) -> bool:
    """Whether gzip compressed a file; it is at its beginning afterwards."""
    file.seek(0)
    magic = file.read(len(GZIP))
    file.seek(0)
    return magic == GZIP


def unpacked(file: BinaryIO, label: str, most_bytes: int) -> Iterator[bytes]:
    """The text of a file from its beginning, piece by piece, whether gzip compressed it or not.

    Raises MalformedError where it is cut off or none, PastLimitError past `most_bytes`.
    """
    if is_zipped(file):
        return _unzipped(file, most_bytes)
    if label.lower().endswith(".gz") and file.read(1):
        raise MalformedError("is not what gzip writes, and its name ends in .gz")
    return iter(lambda: file.read(CHUNK_BYTES), b"")


def _unzipped(file: BinaryIO, most_bytes: int) -> Iterator[bytes]:
    size_bytes = 0
    try:
        with gzip.GzipFile(fileobj=file) as whole:
            while piece := whole.read(CHUNK_BYTES):
                size_bytes += len(piece)
                if size_bytes > most_bytes:
                    raise PastLimitError(f"unpacks to more than {most_bytes // MIB} MiB")
                yield piece
    except EOFError as error:
        raise MalformedError("is cut off: gzip's data do not end") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise MalformedError(f"cannot be unpacked by gzip: {error}") from error


def wrong_format(head: bytes, read_as: FileFormat, name: str) -> str:
    """Which format a file looks like, where it is surely not the one it is read as; else nothing.

    `head`: its first SNIFFED_BYTES, unpacked; `name`: that of the data set.
    """
    looks = _looks_like(head, read_as)
    if looks is None or looks == read_as:
        return ""
    return (
        f"looks like {_CALLED[looks]}, and is read as {_CALLED[read_as]}: "
        f'write file_format = "{looks}" in [data.{name}]'
    )


def _looks_like(head: bytes, read_as: FileFormat) -> FileFormat | None:
    """The format of these bytes; None where nothing is sure."""
    if head.startswith(PARQUET):
        return "parquet"
    if head.startswith(ARROW):
        return "arrow"
    if _ARRAY.match(head):
        return "json"
    if read_as == "jsonl":
        return _separated(head)
    if _OBJECT.match(head):
        is_rows = read_as != "json" or any(map(_OBJECT.match, head.split(b"\n")[1:]))
        return "jsonl" if is_rows else None
    return _separated(head) if read_as == "json" else None


def _separated(head: bytes) -> FileFormat | None:
    """Whether this begins as a table does: a header, and a row that has a separator too.

    A header with braces or zero bytes is none: rows of JSON behind a byte order mark or a stray
    sign, or UTF-16, are told as what they are by the reader.
    """
    header, _, rows = head.partition(b"\n")
    if not rows or _NO_HEADER.search(header):
        return None
    row = rows.partition(b"\n")[0]
    if b"\t" in header and b"\t" in row:
        return "tsv"
    return "csv" if b"," in header and b"," in row else None
