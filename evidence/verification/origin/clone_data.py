"""The rows that a run read, from the verifier's clone: each file looked up and parsed once.

Responsible for giving every stage its rows of a set, and for the templates that are rendered over
them here. Whether the clone has the bytes of the run is `clone_inputs`'s to judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Final

from msgspec.structs import replace

from evidence.capture.git import PatchedTree
from evidence.capture.repository import Repository
from evidence.data.facts import DataSet, Row
from evidence.data.read import read_files, taken
from evidence.data.template_text import MarkedText, render_row
from evidence.encoding import jsonio
from evidence.errors import MalformedError, MilestoneError
from evidence.limits import MIB
from evidence.records.milestone import DataSpec
from evidence.text import templating
from evidence.text.templating import Template
from evidence.verification.consistency.registry import Evidence
from evidence.verification.origin.clone_inputs import (
    Sought,
    content_of,
    files_of,
    has_milestone,
)
from evidence.verification.origin.recorded import tree_that_ran
from evidence.verification.problem import CannotCheckError, shown

MAX_UNPACKED_BYTES: Final = 128 * MIB
"""Of a stranger's compressed file; the rows of a larger one are not counted again."""
ANOTHER_MILESTONE: Final = "the clone has another milestone, see repo-milestone"


class ClonedData:
    """The data sets of a pack's milestone, as the clone has them."""

    def __init__(self, tree: PatchedTree, evidence: Evidence) -> None:
        self._tree = tree
        self._evidence = evidence
        self._whole: dict[str, DataSet | None] = {}
        self._contents: dict[tuple[str, str], bytes | None] = {}
        self._texts: dict[tuple[str, int], MarkedText] = {}

    @cached_property
    def has_milestone(self) -> bool:
        """Whether the clone has the milestone's very bytes: else its templates are a stranger's,
        and are not rendered here."""
        return has_milestone(self._tree, self._evidence)

    def rows(self, name: str, spec: DataSpec) -> DataSet | None:
        """The very rows that `spec` takes of a set; None where the clone lacks the bytes.

        Raises CannotCheckError where they cannot be read so.
        """
        try:
            whole = self._read(name)
            return None if whole is None else taken(whole, spec.path or name, spec.where)
        except MilestoneError as error:
            said = error.message.partition("\n")[0]
            raise CannotCheckError(f"the data cannot be read: {shown(said)}") from error

    def of_trusted(self, name: str, spec: DataSpec) -> DataSet:
        """The same, to fill the templates of the clone's own milestone with. Raises
        CannotCheckError where the clone lacks either."""
        if not self.has_milestone:
            raise CannotCheckError(ANOTHER_MILESTONE)
        rows = self.rows(name, spec)
        if rows is None:
            raise CannotCheckError(f"the clone lacks the bytes of {shown(name)}, see repo-data")
        return rows

    def content(self, one: Sought) -> bytes | None:
        """Bytes of a file that another pack read, looked up once; None where the clone has
        others."""
        key = (one.path, one.sha256)
        if key not in self._contents:
            self._contents[key] = content_of(self._tree, self._evidence, one)
        return self._contents[key]

    def text(self, source: str, template: Template, row: Row, index: int) -> MarkedText:
        """A template over a row that `rows` gave, filled once for all stages. Raises
        CannotCheckError where that fails."""
        key = (source, id(row))  # rows live as long as this, and every stage gets the same ones
        if key not in self._texts:
            try:
                self._texts[key] = render_row(template, row)
            except MalformedError as error:
                raise CannotCheckError(f"row {index}: {error.message}") from error
        return self._texts[key]

    def _read(self, name: str) -> DataSet | None:
        """All rows of a set, whatever a stage takes of them."""
        if name not in self._whole:
            spec = self._evidence.documents.milestone.data[name]
            files = files_of(self._tree, name, self._evidence)
            every = replace(spec, where={})
            self._whole[name] = (
                None
                if files is None
                else read_files(name, files, every, MAX_UNPACKED_BYTES, apart=True)
            )
        return self._whole[name]


@contextmanager
def cloned_data(found: Repository, evidence: Evidence) -> Iterator[ClonedData]:
    """The data of the whole pack. Raises CannotCheckError where the clone lacks what ran."""
    with tree_that_ran(found, evidence) as tree:
        yield ClonedData(tree, evidence)


def longest_row(rows: DataSet) -> int:
    """Bytes of the longest one as JSON, by which templates are bounded."""
    return max(len(jsonio.dump_row(row)) for row in rows.rows)


def compiled(source: str, rows: DataSet) -> Template:
    """A template to fill with these rows. Raises CannotCheckError where it could take long."""
    try:
        return templating.compile_bounded(source, longest_row=longest_row(rows))
    except MalformedError as error:
        raise CannotCheckError(f"the template is not rendered here: {error.message}") from error
