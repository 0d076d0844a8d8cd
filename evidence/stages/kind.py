"""What a kind of stage is: its documents, journal facts, checks, results, section of the summary.

Responsible for the form of a registration. What a kind checks, computes and shows stands in the
rooms above and is named here as `module:name`, so that reading a registration imports none of it.
Which kinds there are is `registry`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from msgspec import field

from evidence.records.record import Record
from evidence.records.run import Level

T = TypeVar("T")

Reference: TypeAlias = str
"""`module:name` of a function, imported when it is asked for."""


class Document(Record, Generic[T]):
    """A JSON document that the worker reports once, as the `record` of an event."""

    path: str
    """In the pack, and in the folder of an attempt."""
    schema: str
    record: type[T]
    event: str
    described: str
    """What it is, for the table of artifacts."""
    level: Level | None = None
    """How its values are known, where not as the kind's others."""
    cleaned: bool = False
    """Whether secrets and names are cut out of its texts: it says what somebody's program said."""
    exact: tuple[str, ...] = ()
    """Its fields that are not: the milestone, which is sealed too, has the very same words."""
    owed: bool = True
    """Whether a complete pack has it; else a backend may leave it out."""


class Rows(Record, Generic[T]):
    """A JSON lines file that grows while the stage runs: the `row` of each event is a line."""

    path: str
    schema: str
    record: type[T]
    event: str
    progress: Callable[[T, int], tuple[int, str]]
    """From a row and the number of rows so far: how much is done, and a short note on it."""
    counted_as: Literal["num_step_rows", "num_predictions"] | None = None
    """Under which name the journal counts rows that a resumed run takes away."""
    cleaned: bool = False
    """As of a document."""


class Fact(Record):
    """An event of the journal that belongs to this kind of stage alone."""

    event: str
    owed: bool
    """Whether a completed stage has at least one, and at most one a segment."""
    says: str = ""
    """What is wrong where that does not hold."""


class Section(Record):
    """A part of the summary."""

    template: str
    """A file of the template's version, below templates/."""
    view: Reference
    """(documents, sheet) → names for the template; everything in them is escaped already."""
    place: Literal["results", "details"]
    """Before or after what is said of the machine."""


class Kind(Record):
    """One kind of stage."""

    name: str
    """Also the table of the milestone that asks for such a stage."""
    unit: str
    """What its progress counts: step, example."""
    log: str
    """Where the output of its worker goes."""
    described: Mapping[str, str]
    """What its log and its rows are, by their paths, in the order in which a reader wants them."""
    stopping: str
    """What is said when it is asked to stop."""
    stopped: str
    """What an interrupted one leaves, where it does not go on from checkpoints."""
    resumes: bool = False
    """Whether it resumes from a checkpoint; else it begins anew."""
    level: Level = "observed"
    """How the values of its documents are known."""
    documents: tuple[Document[Any], ...] = ()
    rows: Rows[Any] | None = None
    needed_files: tuple[str, ...] = ()
    """Further sealed files that a complete pack has."""
    keeps_rows: bool = False
    """Whether the rows of a process that was lost stay when another begins: each row says of which
    segment it is."""
    folder: str = ""
    """A folder of files that the worker hands over whole; empty where there is none."""
    scheduled: bool = True
    """Whether its worker says at the beginning how much there is to do."""
    echoes: bool = False
    """Whether what the worker prints is shown to whoever watches the run."""
    stops_by_interrupt: bool = False
    """Whether Ctrl-C reaches its worker as Ctrl-C; else any request is SIGTERM."""
    weights_folder: str = ""
    """A folder that holds safetensors files in a complete pack; empty where there is none."""
    facts: tuple[Fact, ...] = ()
    checks: tuple[str, ...] = ()
    """Modules whose checks are asked of packs with such a stage."""
    results: tuple[Reference, ...] = ()
    """context → named values of results.json."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Rules of these values that `results.rules` does not have, each in a sentence."""
    outcome: Reference = ""
    """context → what of it the outcome digest is of, or why there is none."""
    sections: tuple[Section, ...] = ()
    settings_schema: str = ""
    """Schema of its table in a milestone, where milestone.v1 does not have it."""
    shipped: Path | None = None
    """Where its schemas/ and templates/ lie, where not with ours."""

    @property
    def needed_when_complete(self) -> tuple[str, ...]:
        """Paths of the files that a complete pack with such a stage has."""
        rows = () if self.rows is None else (self.rows.path,)
        owed = (one.path for one in self.documents if one.owed)
        return (*owed, self.log, *rows, *self.needed_files)

    @property
    def results_paths(self) -> tuple[str, ...]:
        """Paths of what the attempt that completed leaves at the top of a pack, and no other."""
        rows = () if self.rows is None else (self.rows.path,)
        return (*(one.path for one in self.documents), *rows)

    def level_of(self, path: str) -> Level:
        """How the values in a file of this kind are known."""
        own = (one.level for one in self.documents if one.path == path)
        return next(own, None) or self.level

    @property
    def schemas(self) -> dict[str, str]:
        """Schema of each document, and of each row, by its path."""
        found = {one.path: one.schema for one in self.documents}
        return found if self.rows is None else {**found, self.rows.path: self.rows.schema}


def resolve(reference: Reference) -> Any:
    """The function that a reference names."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
