"""The registry of consistency checks, and what each of them may look at.

Responsible for the decorator, the order, and the evidence handed to a check. What the checks
say is in the theme modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, TypeAlias, TypeVar

from msgspec import field

from evidence.encoding import jsonio
from evidence.errors import MalformedError
from evidence.milestone.plan import plan_attempts
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, JournalEvent
from evidence.results.context import Context
from evidence.stages.registry import kinds
from evidence.verification.ledger import Rule
from evidence.verification.problem import CannotCheckError, Problem
from evidence.verification.reading.safetensors_header import Header, read_header

T = TypeVar("T")
Problems: TypeAlias = Iterator[Problem]
CheckFunction: TypeAlias = Callable[["Evidence"], Problems]


class Evidence(Record, dict=True):
    """One pack, as read: the same bytes that were hashed."""

    documents: Documents
    contents: Mapping[str, bytes]
    """Bytes of the documents, logs and small model files, by path."""
    headers: Mapping[str, bytes]
    """First bytes of each safetensors file: header length and header."""
    present: frozenset[str]
    """Sealed files that are in the directory."""
    directory: str
    """Name of the pack's directory."""
    _safetensors: dict[str, Header] = field(default_factory=dict)

    @cached_property
    def context(self) -> Context:
        """The lookups that results are computed with."""
        return Context(self.documents)

    @property
    def plan(self) -> AttemptPlan:
        """Plan of the completed attempt. Raises CannotCheckError when none completed."""
        if self.context.plan is None:
            raise CannotCheckError(self.context.why_not)
        return self.context.plan

    @cached_property
    def plans(self) -> tuple[AttemptPlan, ...]:
        """Every attempt of the milestone, resolved."""
        return plan_attempts(self.documents.milestone)

    def safetensors(self, path: str) -> Header:
        """A header of the final model, read once. Raises UnsafePackError as `read_header` does."""
        if path not in self._safetensors:
            head, size_bytes = self.headers[path], self.documents.sizes[path]
            self._safetensors[path] = read_header(path, head, size_bytes)
        return self._safetensors[path]

    def json(self, path: str) -> Any:
        """A JSON document of the final model. Raises CannotCheckError where none can be read."""
        data = self.contents.get(path)
        if data is None:
            raise CannotCheckError(f"{path} is not there")
        try:
            return jsonio.load_document(data)
        except MalformedError as error:
            raise CannotCheckError(f"{path}: {error.message}") from error

    def events(self, name: str, stage: str | None = None) -> tuple[JournalEvent, ...]:
        """Events of the completed attempt."""
        if stage is None:
            return self.context.events(name)
        return self.context.stage_events(name, stage)

    def rows_of(self, data: str) -> int:
        """Rows of a data set as inputs.json counts them. Raises CannotCheckError."""
        record = self.documents.inputs.data.get(data)
        if record is None:
            raise CannotCheckError(f"inputs.json has no data set {data!r}")
        return record.num_rows


class Check(Record):
    """A rule with the function that checks it."""

    rule: Rule
    run: CheckFunction
    kind: str = ""
    """The kind of stage that it is about; empty for every pack."""
    by_author: bool = False
    """What it finds was written or asked for by the author: the files are as the run left them."""


_CHECKS: Final[dict[str, Check]] = {}


def check(
    id: str,  # noqa: A002 - it is the id
    title: str,
    *,
    since: int = 1,
    kind: str = "",
    by_author: bool = False,
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a check. Its docstring states formula, source and tolerance.

    `since` is the rule set that brought it: older packs are not asked for it. `kind`: it is asked
    of packs with a stage of this kind only.
    """

    def register(function: CheckFunction) -> CheckFunction:
        if id in _CHECKS:
            raise ValueError(f"two checks are called {id!r}")
        _CHECKS[id] = Check(Rule(id, title, since), function, kind, by_author)
        return function

    return register


def registered() -> tuple[Check, ...]:
    """Every check, in the order in which the theme modules are imported."""
    names = {"", *(kind.name for kind in kinds())}
    return tuple(one for one in _CHECKS.values() if one.kind in names)


def need(value: T | Unavailable | None, reason: str) -> T:
    """A value that a check cannot do without. Raises CannotCheckError with the reason."""
    if value is None:
        raise CannotCheckError(reason)
    if isinstance(value, Unavailable):
        raise CannotCheckError(f"{reason}: {value.reason}")
    return value


def differs(
    address: str, message: str, expected: object, actual: object, code: str = ""
) -> Problems:
    """A problem when two values that must be equal are not."""
    if expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        yield Problem(address, message, _text(expected), _text(actual), code=code)


def close(expected: float, actual: float, relative: float) -> bool:
    """|expected − actual| ≤ relative·max(|expected|, |actual|), with 1e-300 for zeros."""
    return abs(expected - actual) <= max(relative * max(abs(expected), abs(actual)), 1e-300)


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)
