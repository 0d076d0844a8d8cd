"""Values of the one training that the files log: as they show it, and what follows by counting.

Responsible for `train.*`, the loss table and the rows of logged.jsonl. Counts are `counting`'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from evidence import layout
from evidence.foreign import names
from evidence.foreign.facts import Fact
from evidence.foreign.trainings import LoggedRow, Training
from evidence.records.imported import ImportedRow
from evidence.records.record import Number
from evidence.records.run import IntervalRow, ValueRecord
from evidence.results.context import Named, Values, join, known
from evidence.results.imported.counting import (
    RUNTIME,
    SAMPLES_PER_S,
    STEPS_PER_S,
    Counted,
    Counts,
)
from evidence.results.imported.main import Main
from evidence.results.imported.places import (
    address_of,
    addresses_of,
    clean,
    not_said,
    value_of,
)
from evidence.results.imported.recipe import Setting, Stated

FLOS: Final = ("total_flos",)
PARTIAL: Final = "its file holds more values than are read"
MAX_TABLE_ROWS: Final = 20_000
"""Of the loss table: of more, one in n and the last."""
MAX_LOGGED_ROWS: Final = 150_000
MAX_INTEGER: Final = 2**63
MAX_SHOWN: Final = 100
"""Of what one row says."""


def values(main: Main, told: dict[Setting, Stated], known_counts: Counts) -> Values:
    """Every `train.*` value, known or not, and the rows of the data."""
    steps, rows = known_counts.done, () if main.training is None else main.training.rows
    no_error = not_said("no log of it ends in an error")
    yield "run.error", no_error if main.error is None else value_of(main.error)
    yield "train.num_steps", steps.record("steps")
    yield "train.num_steps_planned", known_counts.planned.record("steps")
    yield "train.epochs", _total(main, names.EPOCH, "epochs")
    yield "train.runtime_s", _total(main, RUNTIME, "s")
    yield "train.samples_per_s", _total(main, SAMPLES_PER_S, "samples/s")
    yield "train.steps_per_s", _total(main, STEPS_PER_S, "steps/s")
    yield "train.loss_mean", _total(main, ("train_loss", "training_loss"), "nats")
    yield "train.total_flos", _total(main, FLOS, "FLOP")
    yield from _ends(main, rows)
    yield "train.num_steps_after_last_log", _after_last(steps, rows)
    yield "data.train.num_rows", known_counts.rows.record("rows")
    for name, stated in told.items():
        target = "train.epochs_asked" if name == "epochs" else f"train.{name}"
        yield target, stated.record


def _total(main: Main, wanted: Sequence[str], unit: str) -> ValueRecord:
    fact = main.total(wanted)
    if fact is None:
        return not_said(main.why_not or "no file says it", unit)
    return value_of(fact, unit)


def _ends(main: Main, rows: Sequence[LoggedRow]) -> Iterator[Named]:
    losses = [row.loss for row in rows if row.loss is not None]
    why = main.why_not or "no row of losses was logged"
    for name, index in (("train.loss_start", 0), ("train.loss_end", -1)):
        endless = _endless(main.training, index)
        if endless is not None:
            text = f"{address_of(endless)} has {endless.text.strip()[:20]}, no finite number"
            yield name, not_said(clean(text), "nats")
        else:
            yield name, value_of(losses[index], "nats") if losses else not_said(why, "nats")
    if main.is_partial:
        yield "train.num_logged_rows", not_said(PARTIAL, "rows")
    else:
        yield "train.num_logged_rows", known(len(rows), "rows", f"{layout.LOGGED}#", "count")


def _endless(training: Training | None, index: int) -> Fact | None:
    """The loss that is logged first or last (0, -1), where it is no finite number."""
    if training is None or not training.endless or not training.rows:
        return None
    one, other = training.endless[index], training.rows[index]
    if one.step is not None and other.step is not None:
        before = one.step < other.step
    else:
        before = (one.place.line or 0) < (other.place.line or 0)
    return one.endless if before == (index == 0) else None


def _after_last(steps: Counted, rows: Sequence[LoggedRow]) -> ValueRecord:
    last = rows[-1] if rows else None
    if steps.number is None or last is None or not isinstance(last.step, int):
        return not_said("the number of steps, or the step of the last row, is not known", "steps")
    address = join(addresses_of(steps.facts), address_of(last.facts[0]))
    return known(steps.number - last.step, "steps", address, "steps-after-last-log")


def loss_table(training: Training | None) -> tuple[IntervalRow, ...]:
    """Rows with everything that a loss table shows."""
    rows = () if training is None else training.rows
    table = [row for one in rows if (row := _interval(one)) is not None]
    every = max(1, -(-len(table) // MAX_TABLE_ROWS))
    kept = table[every - 1 :: every]
    return (*kept, *(table[-1:] if kept and kept[-1] is not table[-1] else ()))


def _interval(row: LoggedRow) -> IntervalRow | None:
    """A row with a step and a loss."""
    loss = row.loss
    value = _number(loss)
    if loss is None or value is None or not isinstance(row.step, int):
        return None
    if not 1 <= row.step < MAX_INTEGER:
        return None
    rate, epoch = _positive(row.get(names.RATE)), _positive(row.get(names.EPOCH))
    return IntervalRow(row.step, value, rate, epoch, address_of(loss), "parsed")


def _positive(fact: Fact | None) -> Number | None:
    value = _number(fact)
    return None if value is None or value < 0 else value


def logged(every: Sequence[Training]) -> tuple[ImportedRow, ...]:
    """Rows of logged.jsonl: those of all trainings, in order."""
    rows = ((number, row) for number, one in enumerate(every, 1) for row in one.rows)
    return tuple(_logged(number, row) for number, row in islice(rows, MAX_LOGGED_ROWS))


def num_left_out(every: Sequence[Training]) -> ValueRecord:
    """How many logged rows are in no line of logged.jsonl."""
    count = sum(len(one.rows) for one in every) - MAX_LOGGED_ROWS
    return known(max(0, count), "rows", f"{layout.LOGGED}#", "count")


def _logged(number: int, row: LoggedRow) -> ImportedRow:
    return ImportedRow(
        kind="interval",
        training=number,
        step=_plain(row.step),
        is_step_inferred=row.is_inferred,
        loss=_number(row.loss),
        learning_rate=_number(row.get(names.RATE)),
        epoch=_number(row.get(names.EPOCH)),
        grad_norm=_number(row.get(names.GRADIENT)),
        address=address_of(row.facts[0]),
        shown={clean(one.name): clean(one.text[:200]) for one in row.facts[:MAX_SHOWN]},
    )


def _number(fact: Fact | None) -> Number | None:
    if fact is None or isinstance(fact.value, bool) or not isinstance(fact.value, (int, float)):
        return None
    return _plain(fact.value)


def _plain(value: Number | None) -> Number | None:
    """A number as JSON of a pack can hold it; None for one that is not finite."""
    if isinstance(value, int) and abs(value) >= MAX_INTEGER:
        value = float(value) if abs(value) < 10**300 else math.inf
    return None if isinstance(value, float) and not math.isfinite(value) else value
