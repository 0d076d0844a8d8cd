"""The files that a program opened: their digests, and how far the fields of its data came.

Responsible for looking at each at most once, small ones while the program runs and large ones when
it is over, and for saying whether a file was still the one that was opened.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from evidence import limits
from evidence.encoding.digest import sha256_hex, sha256_stream
from evidence.errors import MalformedError
from evidence.recording import coverage, events, tables
from evidence.records.availability import Unavailable
from evidence.records.milestone import DataSpec
from evidence.records.program import DataReached, NotSeen, OpenedFile

SMALL_BYTES: Final = 4 * limits.MIB
MAX_DATA_FILES: Final = 50
_MODES: Final = ("read", "written", "source")


class OpenedFiles:
    """What is known of the files of one segment."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[tuple[str, str], OpenedFile] = {}

    def look(self, told: Mapping[tuple[str, str], events.Opened], *, all_of_them: bool) -> None:
        """Digest those that are new: small ones that were read, or all that are left."""
        for key, one in told.items():
            is_small = one.size_bytes is not None and one.size_bytes <= SMALL_BYTES
            if key not in self._found and (all_of_them or (one.mode != "written" and is_small)):
                self._found[key] = self._digested(one)

    @property
    def sources(self) -> dict[str, str]:
        """The program's own source files, by path, as text."""
        found = {}
        for one in self._found.values():
            if one.mode == "source" and (one.size_bytes or 0) <= SMALL_BYTES:
                try:
                    found[one.path] = (self._root / one.path).read_text("utf-8", "replace")
                except OSError:
                    continue
        return found

    @property
    def records(self) -> tuple[OpenedFile, ...]:
        """All of them, by mode and path."""
        return tuple(sorted(self._found.values(), key=lambda one: (one.mode, one.path)))

    def _digested(self, told: events.Opened) -> OpenedFile:
        path, mode = Path(told.path), _mode(told)
        size_bytes, is_same = told.size_bytes, None
        digest: str | Unavailable
        try:
            if not path.is_file():
                raise OSError("is gone, or no plain file")
            with path.open("rb", buffering=0) as stream:
                digest, size_bytes = sha256_stream(stream)
                status = os.fstat(stream.fileno())
            if mode != "written" and told.mtime_ns is not None:
                is_same = (status.st_size, status.st_mtime_ns) == (told.size_bytes, told.mtime_ns)
        except OSError as error:
            digest = Unavailable(error.strerror or str(error))
        return OpenedFile(
            path=shown(path, self._root),
            mode=mode,  # type: ignore[arg-type]
            how=told.how,
            size_bytes=size_bytes,
            sha256=digest,
            is_as_opened=is_same,
        )


def _mode(told: events.Opened) -> str:
    if told.how == "source":
        return "source"
    return told.mode if told.mode in _MODES else "read"


def shown(path: Path, root: Path) -> str:
    """A path from the project's root, or absolute where it lies elsewhere."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)


def reached(
    opened: Sequence[OpenedFile],
    root: Path,
    declared: Mapping[str, DataSpec],
    sequences: Sequence[coverage.Text],
    max_rows: int = coverage.MAX_ROWS,
) -> tuple[tuple[DataReached, ...], tuple[NotSeen, ...]]:
    """How far the fields of each data file came, and which files were not looked at."""
    answers = {spec.path: spec.answer for spec in declared.values() if spec.path is not None}
    paths = dict.fromkeys((*answers, *(one.path for one in opened if one.mode == "read")))
    found: list[DataReached] = []
    not_seen: list[NotSeen] = []
    for path in [one for one in paths if _is_looked_at(one, opened)]:
        try:
            one = _reached(root / path, path, answers.get(path, ()), sequences, max_rows)
        except (MalformedError, OSError) as error:
            why = error.message if isinstance(error, MalformedError) else str(error.strerror)
            not_seen.append(NotSeen(path, why, None, None))
            continue
        if one is not None and len(found) < MAX_DATA_FILES:
            found.append(one)
    return tuple(found), tuple(not_seen)


def _is_looked_at(path: str, opened: Sequence[OpenedFile]) -> bool:
    """Of a data set that a library made of the user's files and keeps, the user's are."""
    made = path.endswith(".arrow") and any(one.how == "data_files" for one in opened)
    return tables.is_data(path) and not made


def _reached(
    place: Path,
    path: str,
    answer: Sequence[str],
    sequences: Sequence[coverage.Text],
    max_rows: int,
) -> DataReached | None:
    if place.stat().st_size > tables.MAX_BYTES:
        raise MalformedError(f"is larger than {tables.MAX_BYTES} bytes")
    data = place.read_bytes()
    rows = tables.read_rows(place, data)
    if not rows:
        return None
    counted = coverage.fields_reached(rows, sequences, answer, max_rows)
    return DataReached(
        path=path,
        sha256=sha256_hex(data),
        num_rows=len(rows),
        num_rows_looked_at=counted.num_looked_at,
        num_rows_found=counted.num_found,
        fields=counted.fields,
    )
