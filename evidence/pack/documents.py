"""The parsed evidence of one pack: bytes in, typed records out.

Responsible for turning the sealed JSON, JSON lines and TOML files into records, with no I/O of
its own, so that run, verify, render and compare compute from the very same object. Reading
bytes safely is `verification.reading`'s; schemas are applied by the callers before this.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, TypeAlias, TypeVar

from msgspec.structs import force_setattr, replace

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import MalformedError, RowsWithheldError
from evidence.milestone.effective import effective, overrides_in
from evidence.milestone.parse import parse_milestone
from evidence.pack import journal
from evidence.records.capture import (
    EnvironmentRecord,
    FrozenRecord,
    GitRecord,
    HardwareRecord,
    PackagesRecord,
    TelemetryRow,
    WorkerRecord,
)
from evidence.records.commitments import CommitmentsRecord
from evidence.records.imported import ImportedRow
from evidence.records.inputs import InputsRecord
from evidence.records.milestone import Milestone
from evidence.records.overrides import OverrideRecord
from evidence.records.parents import ParentPackRecord, ParentsRecord
from evidence.records.record import Record
from evidence.records.run import (
    JournalEvent,
    ManifestRecord,
    OutcomeRecord,
    ResultsRecord,
    ValueRecord,
    WithheldRecord,
)
from evidence.stages.kind import Document, Rows
from evidence.stages.registry import kinds, schema_for
from evidence.stages.stage import Stage, stages_of

T = TypeVar("T")
OF_ANOTHER: Final = "of-another-stage"
"""Name of the event that stands in a view where another stage's stood."""
RowsRead: TypeAlias = tuple[Any, ...]
_NONE_READ: Final[Mapping[str, RowsRead]] = {}
_ROWS: Final[Mapping[str, type[Any]]] = {
    layout.TELEMETRY: TelemetryRow,
    layout.LOGGED: ImportedRow,
}
"""Files of rows that are of no stage."""
_ALIKE: Final = ("stage", "attempt")
"""Fields of rows with few values. Those of which a record lists the values share them anyway."""
_ALIKE_TABLES: Final = ("groups", "scores")
"""The same of small tables, which take more room than all else in a short row."""
_MAX_ALIKE: Final = 64


class Documents(Record, dict=True):
    """Everything a summary, a check or a comparison may look at. Absent files are None or ()."""

    sizes: Mapping[str, int]
    """Size in bytes of every sealed file present or withheld, by path."""
    digests: Mapping[str, str]
    """SHA-256 of every file in SHA256SUMS; empty while a run is not sealed yet."""
    milestone: Milestone
    """With what was set on the command line."""
    milestone_text: str
    """The file as it is."""
    journal: tuple[JournalEvent, ...]
    environment: EnvironmentRecord
    hardware: HardwareRecord
    git: GitRecord
    packages: PackagesRecord
    frozen: FrozenRecord
    inputs: InputsRecord
    withheld: WithheldRecord
    manifest: ManifestRecord | None
    results: ResultsRecord | None
    of_stages: Mapping[str, Any]
    """By path what the stages of the completed attempt left: a record, or a tuple of rows."""
    telemetry: tuple[TelemetryRow, ...]
    outcomes: tuple[OutcomeRecord, ...]
    """Attempts that did not complete, in order."""
    notes: str
    """The author's words known when it ran (notes.md), or empty."""
    stage: Stage | None = None
    """The stage whose view these are (`stage_view`); None: those of a pack as a whole."""
    worker: WorkerRecord | None = None
    """The Python that the completed attempt ran under; None: that of the supervisor."""
    overrides: tuple[OverrideRecord, ...] = ()
    """What was set on the command line."""
    parents: tuple[ParentPackRecord, ...] = ()
    """Checkpoints of other packs that it begins from."""
    commitments: CommitmentsRecord | None = None
    """Roots over rows that are withheld; None where none are."""

    @cached_property
    def views(self) -> dict[str, Documents]:
        """The views of its stages that were asked for so far, by name (`stage_view` makes them)."""
        return {}

    @cached_property
    def events_of_others(self) -> tuple[JournalEvent, ...]:
        """What stands in a view in the place of each event, where that is another stage's: it says
        nothing, and keeps its number, which is its line, and its clock."""
        return tuple(replace(event, event=OF_ANOTHER, data={}) for event in self.journal)

    @cached_property
    def values_of_stages(self) -> dict[str, dict[str, ValueRecord]]:
        """The values of results.json by the stage that their names begin with, under what follows;
        by an empty name those of the run as a whole."""
        names = {one.name for one in stages_of(self.milestone) if one.is_named}
        found: dict[str, dict[str, ValueRecord]] = {name: {} for name in ("", *names)}
        for name, value in (self.results.values if self.results else {}).items():
            head, _, rest = name.partition(".")
            if head in names:
                found[head][rest] = value
            else:
                found[""][name] = value
        return found

    @property
    def begins_at_stand_in(self) -> bool:
        """Whether a pack that it begins from was made on a stand-in model."""
        return any(one.stand_in for one in self.parents)

    @property
    def packages_used(self) -> tuple[str, PackagesRecord]:
        """Where the packages of the workers are told, and those packages."""
        if self.worker is None:
            return layout.PACKAGES, self.packages
        return layout.WORKER, self.worker.as_packages

    def document(self, one: Document[T]) -> T | None:
        """A document of a stage; None where it is not there. Raises as `rows` does."""
        self._refuse_withheld(one.path)
        found: T | None = self.of_stages.get(one.path)
        return found

    def rows(self, one: Rows[T]) -> tuple[T, ...]:
        """The rows of a stage; none where they are not there.

        Raises RowsWithheldError where this copy lacks them, as it may: what needs them cannot be
        had then, and never is as if there were none.
        """
        self._refuse_withheld(one.path)
        found: tuple[T, ...] = self.of_stages.get(one.path, ())
        return found

    def lacks(self, path: str) -> bool:
        """Whether what a stage left at this path is withheld, and not in this copy."""
        return path not in self.of_stages and any(one.path == path for one in self.withheld.files)

    def _refuse_withheld(self, path: str) -> None:
        if self.lacks(path):
            raise RowsWithheldError(
                f"{path} is withheld from this copy of the pack of {self.milestone.id}",
                hint="Its author has it; `evidence disclose` shows single rows of it.",
            )


def parse_documents(
    contents: Mapping[str, bytes],
    sizes: Mapping[str, int],
    digests: Mapping[str, str],
    rows: Mapping[str, RowsRead] = _NONE_READ,
) -> Documents:
    """Records of a pack from the bytes of its evidence files (`stages.registry` says which).

    `rows` are the records of JSON lines files that were read already: their bytes are not asked
    for. Raises MalformedError (message starts with the path) for the first file that does not parse
    or does not fit its record, and for a missing file that every pack has.
    """
    return Documents(
        sizes=dict(sizes),
        digests=dict(digests),
        milestone=_milestone(contents),
        milestone_text=contents[layout.MILESTONE].decode("utf-8"),
        journal=rows.get(layout.JOURNAL) or parsed_at(layout.JOURNAL, contents, _events),
        environment=required(EnvironmentRecord, layout.ENVIRONMENT, contents),
        hardware=required(HardwareRecord, layout.HARDWARE, contents),
        git=required(GitRecord, layout.GIT, contents),
        packages=required(PackagesRecord, layout.PACKAGES, contents),
        frozen=required(FrozenRecord, layout.FROZEN, contents),
        inputs=required(InputsRecord, layout.INPUTS, contents),
        withheld=required(WithheldRecord, layout.WITHHELD, contents),
        manifest=_maybe(ManifestRecord, layout.MANIFEST, contents),
        results=_maybe(ResultsRecord, layout.RESULTS, contents),
        of_stages=_of_stages(contents, rows),
        telemetry=_rows(TelemetryRow, layout.TELEMETRY, contents, rows),
        outcomes=tuple(
            required(OutcomeRecord, path, contents)
            for path in sorted(contents)
            if schema_for(path) == layout.OUTCOME_SCHEMA
        ),
        notes=contents.get(layout.NOTES, b"").decode("utf-8"),
        worker=_maybe(WorkerRecord, layout.WORKER, contents),
        overrides=parsed_at(layout.OVERRIDES, contents, overrides_in)
        if layout.OVERRIDES in contents
        else (),
        parents=required(ParentsRecord, layout.PARENTS, contents).parents
        if layout.PARENTS in contents
        else (),
        commitments=_maybe(CommitmentsRecord, layout.COMMITMENTS, contents),
    )


def _milestone(contents: Mapping[str, bytes]) -> Milestone:
    found: Milestone = parsed_at(layout.MILESTONE, contents, parse_milestone)
    if layout.OVERRIDES in contents:
        source = contents[layout.MILESTONE]
        found = parsed_at(layout.OVERRIDES, contents, lambda data: effective(source, data))
    return found


class RowsOf:
    """Rows of one file, taken one by one. What all of them say alike is kept once."""

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind
        self._alike = [name for name in _ALIKE if name in kind.__struct_fields__]
        self._tables = [name for name in _ALIKE_TABLES if name in kind.__struct_fields__]
        self._known: dict[object, object] = {}
        self._taken: list[Any] = []

    def take(self, value: Any) -> None:
        """The JSON value of the next row. Raises MalformedError where it does not fit."""
        row = decode(self._kind, value)
        for name in self._alike:
            said = getattr(row, name)
            self._share(row, name, said, said)
        for name in self._tables:
            table = getattr(row, name)
            self._share(row, name, table, tuple(table.items()))
        self._taken.append(row)

    def _share(self, row: Any, name: str, said: object, key: object) -> None:
        known = self._known.get(key)
        if known is not None:
            force_setattr(row, name, known)
        elif len(self._known) < _MAX_ALIKE:
            self._known[key] = said

    def taken(self) -> tuple[Any, ...]:
        """All of them."""
        return tuple(self._taken)


def has_rows(path: str) -> bool:
    """Whether each line of this file of a pack becomes a row: so it is of no journal."""
    return _record_of_rows(path) is not None


def rows_of(path: str) -> RowsOf:
    """For the rows of such a file. Raises TypeError for another one."""
    kind = _record_of_rows(path)
    if kind is None:
        raise TypeError(f"{path} has no rows")
    return RowsOf(kind)


def _record_of_rows(path: str) -> type[Any] | None:
    if path in _ROWS:
        return _ROWS[path]
    plain = layout.without_stage(path)
    of_kinds = (kind.rows.record for kind in kinds() if kind.rows and kind.rows.path == plain)
    return next(of_kinds, None)


def _events(data: bytes) -> tuple[JournalEvent, ...]:
    return tuple(journal.read(data))


def _of_stages(contents: Mapping[str, bytes], rows: Mapping[str, RowsRead]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    records = {one.path: one.record for kind in kinds() for one in kind.documents}
    of_rows = {kind.rows.path: kind.rows.record for kind in kinds() if kind.rows is not None}
    for path in sorted({*contents, *rows}):
        plain = layout.without_stage(path)
        if plain in records:
            found[path] = required(records[plain], path, contents)
        elif plain in of_rows:
            found[path] = _rows(of_rows[plain], path, contents, rows)
        elif plain == layout.INPUTS and plain != path:
            found[path] = required(InputsRecord, path, contents)
    return found


def parsed_at(path: str, contents: Mapping[str, bytes], parse: Any) -> Any:
    """What `parse` makes of a file. Raises MalformedError, with its place, where it is missing or
    cannot be parsed."""
    if path not in contents:
        raise MalformedError(f"{path}: missing")
    try:
        return parse(contents[path])
    except MalformedError as error:
        where = f"{path}:{error.line}" if error.line else path
        raise MalformedError(f"{where}: {error.message}", line=error.line) from error


def required(kind: type[T], path: str, contents: Mapping[str, bytes]) -> T:
    """A document that must be there. Raises as `parsed_at` does."""
    parsed: T = parsed_at(path, contents, lambda data: decode(kind, jsonio.load_document(data)))
    return parsed


def _maybe(kind: type[T], path: str, contents: Mapping[str, bytes]) -> T | None:
    return required(kind, path, contents) if path in contents else None


def _rows(
    kind: type[T], path: str, contents: Mapping[str, bytes], read: Mapping[str, RowsRead]
) -> tuple[T, ...]:
    if path in read:
        return read[path]
    if path not in contents:
        return ()

    def parse(data: bytes) -> tuple[T, ...]:
        return tuple(decode(kind, row) for _, row in jsonio.iter_rows(data))

    rows: tuple[T, ...] = parsed_at(path, contents, parse)
    return rows
