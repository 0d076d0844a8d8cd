"""The author's own functions that score answers, as they were run: functions.json."""

from __future__ import annotations

from typing import Literal

from evidence.records.record import Record


class FunctionRecord(Record):
    """One function. Its code is kept to be read: nothing of a pack is ever run."""

    name: str
    file: str
    """Relative to the project."""
    sha256: str
    """Of the file's bytes, which are those that were run."""
    size_bytes: int
    source: str
    """The file as text: its bytes as UTF-8."""


class FunctionsRecord(Record):
    """functions.json"""

    schema: Literal["functions.v1"]
    functions: tuple[FunctionRecord, ...]
    """In the order in which the milestone names them."""
