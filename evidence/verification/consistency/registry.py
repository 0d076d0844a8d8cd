"""The registry of consistency checks, and what each of them may look at.

Responsible for the decorator, the order, and the evidence handed to a check. What the checks
say is in the theme modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from msgspec import field
from msgspec.structs import replace

from evidence import layout
from evidence.encoding import jsonio
from evidence.errors import MalformedError, RowsWithheldError
from evidence.milestone.plan import plan_attempts
from evidence.pack.documents import Documents
from evidence.pack.stage_view import placed, view_of, within
from evidence.records.availability import Unavailable
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, JournalEvent
from evidence.records.training import saves_adapter
from evidence.results.context import Context
from evidence.rules.arguments import CHECKED, at_work, reaching
from evidence.stages.registry import kinds
from evidence.stages.stage import Stage
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
    parent_sha256: Mapping[str, str] = field(default_factory=dict)
    """Of the evidence of one stage: digests of the checkpoint of the stage that it begins from, by
    the names of its files."""
    path: Path | None = None
    """Where the pack lies or is about to: packs that it begins from lie next to it."""
    beside: tuple[Path, ...] = ()
    """Packs that the caller gave."""
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

    @cached_property
    def _views(self) -> dict[str, Evidence]:
        return {}

    def within(self, stage: Stage) -> Evidence:
        """The evidence of one stage as that of a pack with this stage alone, made once."""
        if stage.name not in self._views:
            self._views[stage.name] = self._within(stage)
        return self._views[stage.name]

    def _within(self, stage: Stage) -> Evidence:
        present = within(stage, dict.fromkeys(self.present))
        return Evidence(
            documents=view_of(self.documents, stage),
            contents={**self._of_parent(stage), **within(stage, self.contents)},
            headers=within(stage, self.headers),
            present=frozenset(present),
            directory=self.directory,
            parent_sha256=self._checkpoint(stage),
        )

    def _checkpoint(self, stage: Stage) -> dict[str, str]:
        start = f"{layout.STAGES}/{stage.parent}/{layout.FINAL_MODEL}/"
        return {
            path.removeprefix(start): sha256
            for path, sha256 in self.documents.digests.items()
            if stage.parent and path.startswith(start)
        }

    def _of_parent(self, stage: Stage) -> dict[str, bytes]:
        """Files of the checkpoint that an evaluation loaded, where it lies in this pack."""
        start = f"{layout.STAGES}/{stage.parent}/"
        return {
            path.removeprefix(start): data
            for path, data in self.contents.items()
            if stage.parent and path.startswith(f"{start}{layout.FINAL_MODEL}/")
        }

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
    of_stages: str = ""
    """The kind of stage that it is about, where stages have folders of their own and each is asked
    for itself; empty for what is about the run as a whole."""
    asked: Callable[[Evidence], bool] | None = None
    """Whether a pack is asked for it, by what that pack has; None: every one is."""


ANY: Final = "any"
_CHECKS: Final[dict[str, Check]] = {}


def check(
    id: str,  # noqa: A002 - it is the id
    title: str,
    *,
    since: int = 1,
    kind: str = "",
    by_author: bool = False,
    of_stages: str = "",
    asked: Callable[[Evidence], bool] | None = None,
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a check. Its docstring states formula, source and tolerance.

    `since` is the rule set that brought it: older packs are not asked for it. `kind`: it is asked
    of packs with a stage of this kind only. `of_stages`: of packs whose stages have folders of
    their own it is asked of each stage of this kind (ANY: of all), and else of the pack as a whole.
    `asked` says of which packs it is asked, where not of all.
    """

    def register(function: CheckFunction) -> CheckFunction:
        if id in _CHECKS:
            raise ValueError(f"two checks are called {id!r}")
        about = of_stages or kind or _kind_of_theme(function.__module__)
        run = unless_reached(id, function) if id in CHECKED else function
        _CHECKS[id] = Check(Rule(id, title, since), run, kind, by_author, about, asked)
        return function

    return register


def unless_reached(check_id: str, run: CheckFunction) -> CheckFunction:
    """A check that computes from settings of [train], and is not checked where an argument of
    [train.extra] could reach what it computes."""

    @wraps(run)
    def asked(evidence: Evidence) -> Problems:
        plan = evidence.context.plan
        train = None if plan is None else plan.given_train
        given = () if train is None else at_work(train.extra, train.schedule)
        if names := reaching(given, check_id):
            named = ", ".join(f"train.extra.{name}" for name in names)
            raise CannotCheckError(f"what {named} does to it is not known")
        yield from run(evidence)

    return asked


def _kind_of_theme(module: str) -> str:
    """The kind of stage that names a theme module as its own; empty where none does."""
    return next((kind.name for kind in kinds() if module in kind.checks), "")


def has_stages(evidence: Evidence) -> bool:
    """Whether its stages have folders of their own: what is about several of them is asked then."""
    return evidence.documents.milestone.is_staged


def config_path(evidence: Evidence) -> str:
    """Where the configuration of the final model lies; where an adapter was saved, of its base."""
    saved = evidence.documents.milestone.given_train
    return layout.BASE_CONFIG if saves_adapter(saved) else layout.CONFIG


def registered() -> tuple[Check, ...]:
    """Every check, in the order in which the theme modules are imported."""
    names = {"", *(kind.name for kind in kinds())}
    return tuple(one for one in _CHECKS.values() if one.kind in names)


def of_each_stage(run: CheckFunction, views: Iterable[tuple[Stage, Evidence]]) -> Problems:
    """What a check finds in each of these stages, where that lies. One stage that cannot be checked
    leaves the whole not checked, after the others have been looked at."""
    reasons: list[str] = []
    told: set[str] = set()  # what is wrong with the machine would be said once a stage
    for stage, view in views:
        try:
            for problem in run(view):
                found = replace(problem, address=placed(stage, problem.address))
                if repr(found) not in told:
                    told.add(repr(found))
                    yield found
        except (CannotCheckError, RowsWithheldError) as error:
            reasons.append(f"{stage.name}: {error}")
    if reasons:
        raise CannotCheckError("; ".join(reasons))


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
