"""A run as trackers of experiments show one: curves by step, single numbers, settings, reasons.

Responsible for what counts as which, at which moment, with which level and address, so that no
tracker is told more than another. How each writes it down is its own module's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.export.facts import LIMITS, Account
from evidence.pack.documents import Documents
from evidence.pack.imported import Imported
from evidence.records.program import ProgramStep
from evidence.records.record import Number, Record
from evidence.records.run import StepRow, ValueRecord
from evidence.stages.command import COMMAND, PROGRAM_STEPS
from evidence.stages.stage import Stage
from evidence.stages.train import STEPS, TRAIN
from evidence.text.escape import one_line

CURVES: Final = "curves"
RESULTS: Final = "results"
"""First parts of names in trackers that group by them."""
_BY_STEP: Final = ("loss", "learning_rate", "grad_norm")
_NO_TIME: Final = datetime.fromtimestamp(0, UTC)
_MAX_TAG_CHARS: Final = 200
_SUFFIX_CHARS: Final = 12
_NO_REASON: Final = "no reason is recorded"


class Point(Record):
    """One number of a curve."""

    moment: datetime
    step: int
    value: Number


class Curve(Record):
    """Numbers of one name by step."""

    name: str
    level: str
    address: str
    points: tuple[Point, ...]


def numbers(account: Account) -> dict[str, ValueRecord]:
    """What came out as a number: measured, and not what was set."""
    return {name: one for name, one in account.outcomes.items() if _is_number(one)}


def settings(account: Account) -> dict[str, ValueRecord]:
    """What was set, and what came out as a text."""
    return {name: one for name, one in account.outcomes.items() if not _is_number(one)}


def unmeasured(account: Account) -> dict[str, str]:
    """Why each value that was not measured has none."""
    values = account.values.items()
    return {name: one.unavailable or _NO_REASON for name, one in values if one.value is None}


def tag_of(name: str) -> str:
    """The name of a value on one harmless line; one that had to be changed is told apart."""
    shown = one_line(name, _MAX_TAG_CHARS)
    if shown == name:
        return name
    return f"{shown}-{sha256_hex(name.encode('utf-8', 'surrogatepass'))[:_SUFFIX_CHARS]}"


def about(account: Account) -> str:
    """What the pack is, and what it does not prove."""
    named = f"Evidence pack {account.milestone}, sha256:{account.root_sha256}."
    return " ".join((named, *account.standing, *LIMITS))


def began(account: Account) -> datetime:
    """When the run began; of an imported pack, when it was imported. 1970 where neither is known,
    since trackers take no run without a time."""
    return _moment(account.started_utc or account.manifest.imported_utc)


def ended(account: Account) -> datetime:
    """When the run ended, and its numbers were computed; of an imported pack as `began`."""
    return _moment(account.finished_utc or account.manifest.imported_utc)


def curves(account: Account) -> Iterator[Curve]:
    """Of each training its loss, rate and norm by step, from the rows of its steps; of a recorded
    program those of each optimizer in each process; of an imported pack as its files log them."""
    if isinstance(account.documents, Imported):
        yield from _logged(account, account.documents)
        return
    for stage in account.stages:
        view = account.view(stage)
        if view is None or not account.is_complete:
            continue
        if stage.kind is TRAIN:
            yield from _trained(stage, view)
        if stage.kind is COMMAND:
            yield from _recorded(stage, view)


def _trained(stage: Stage, view: Documents) -> Iterator[Curve]:
    starts = _starts(stage, view)
    rows: tuple[StepRow, ...] = view.rows(STEPS)
    for name in _BY_STEP:
        points = (_point(starts, row, row.step, getattr(row, name)) for row in rows)
        yield from _curve(
            stage.value(f"train.by_step.{name}"),
            stage.kind.level,
            f"{stage.path(STEPS.path)}#L1-L{len(rows)}/{name}",
            points,
        )


def _recorded(stage: Stage, view: Documents) -> Iterator[Curve]:
    starts = _starts(stage, view)
    rows: tuple[ProgramStep, ...] = view.rows(PROGRAM_STEPS)
    for segment, process, optimizer in sorted({_optimizer(row) for row in rows}):
        own = [row for row in rows if _optimizer(row) == (segment, process, optimizer)]
        head = f"program.by_step.{segment}.{process}.{optimizer}"
        address = f"{stage.path(PROGRAM_STEPS.path)}#L1-L{len(rows)}"
        for name in ("loss", "grad_norm"):
            points = (_point(starts, row, row.step, getattr(row, name)) for row in own)
            yield from _curve(
                stage.value(f"{head}.{name}"), stage.kind.level, f"{address}/{name}", points
            )
        for group in range(max(len(row.learning_rates) for row in own)):
            points = (
                _point(starts, row, row.step, row.learning_rates[group])
                for row in own
                if group < len(row.learning_rates)
            )
            yield from _curve(
                stage.value(f"{head}.learning_rate.{group}"),
                stage.kind.level,
                f"{address}/learning_rates/{group}",
                points,
            )


def _optimizer(row: ProgramStep) -> tuple[int, int, int]:
    return row.segment, row.process, row.optimizer


def _logged(account: Account, documents: Imported) -> Iterator[Curve]:
    moment, address = ended(account), f"{layout.LOGGED}#L1-L{len(documents.rows)}"
    for training in sorted({row.training for row in documents.rows}):
        for name in _BY_STEP:
            points = (
                Point(moment, int(row.step), getattr(row, name))
                for row in documents.rows
                if row.training == training
                and getattr(row, name) is not None
                and row.step is not None
                and row.step == int(row.step)
            )
            yield from _curve(f"logged.{training}.{name}", "parsed", f"{address}/{name}", points)


def _curve(name: str, level: str, address: str, points: Iterable[Point | None]) -> Iterator[Curve]:
    known = tuple(point for point in points if point is not None)
    if known:
        yield Curve(name, level, address, known)


def _point(
    starts: Mapping[int, datetime], row: StepRow | ProgramStep, step: int, value: object
) -> Point | None:
    """None where the row has no such number, or its segment no start."""
    if row.segment not in starts or not isinstance(value, int | float):
        return None
    return Point(starts[row.segment] + timedelta(seconds=row.elapsed_s), step, value)


def _starts(stage: Stage, view: Documents) -> dict[int, datetime]:
    return {
        event.data["segment"]: datetime.fromisoformat(event.utc)
        for event in view.journal
        if event.event == "stage-started" and event.data.get("stage") == stage.kind.name
        if isinstance(event.data.get("segment"), int)
    }


def _is_number(one: ValueRecord) -> bool:
    return isinstance(one.value, int | float) and one.level != "declared"


def _moment(utc: str | None) -> datetime:
    return _NO_TIME if utc is None else datetime.fromisoformat(utc)
