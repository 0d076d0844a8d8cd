"""What must hold of several processes that trained together, of whichever attempt.

Responsible for their numbers, rows and tokens, given what is known of a training: all of it, or as
far as an attempt came that failed. Which training that is, `ranks` and `rank_attempts` say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from msgspec import field

from evidence import layout
from evidence.backends.row_order import MAX_ROWS, rows_of_step
from evidence.data.tokens import num_targets
from evidence.records.inputs import Lengths, SeenRecord
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, JournalEvent
from evidence.results.context import journal_at
from evidence.rules.ranks import START, add_step, share
from evidence.verification.consistency.registry import Problems, differs
from evidence.verification.problem import CannotCheckError, Problem

MAX_RECOMPUTED: Final = 200_000
"""Rows fed whose order is drawn anew: past it the time for it would be no longer short."""
_TRANSFORMERS: Final = "transformers"
TOKENS: Final = ("num_tokens", "num_fed_tokens", "num_target_tokens")


class FedStep(Record):
    """What a step is said to have been fed, by all processes together."""

    step: int
    num_rows: int
    num_tokens: int
    num_fed_tokens: int
    num_target_tokens: int


class Trained(Record):
    """One training by several processes, as far as it is recorded."""

    plan: AttemptPlan
    is_complete: bool = False
    began: tuple[JournalEvent, ...] = ()
    """Events `ranks`."""
    fed: tuple[JournalEvent, ...] = ()
    """Events `ranks-fed`."""
    executions: tuple[JournalEvent, ...] = ()
    finished: tuple[JournalEvent, ...] = ()
    steps: tuple[FedStep, ...] = ()
    num_rows: int = 0
    """Of the data set."""
    seen: SeenRecord | None = None
    lengths: Lengths | None = None
    """Of the texts of the data set, before they are cut."""


class Span(Record):
    """From what to what a count can be."""

    low: int = 0
    high: int = 0

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.high + other.high)


def numbered(trained: Trained) -> Problems:
    """Each event names every process once, in order; none where one alone was asked for."""
    world = trained.plan.processes
    for event in (*trained.began, *trained.fed):
        if world == 1:
            yield Problem(journal_at(event), "[launch] asks for no several processes")
            continue
        text = "not each process once, by number"
        found = [one["rank"] for one in event.data["ranks"]]
        yield from differs(journal_at(event, "data", "ranks"), text, [*range(world)], found)


def once(trained: Trained) -> Problems:
    """Named in each segment that trained, and their rows told by the one that ended the stage."""
    segments = [event.data["segment"] for event in trained.began]
    text = "the processes are not named once in each segment that trained"
    for event in trained.executions:
        count = segments.count(event.data["segment"])
        if count != 1:
            yield Problem(journal_at(event), text, 1, count)
    finished = [event.data["segment"] for event in trained.finished]
    told = [event.data["segment"] for event in trained.fed]
    if trained.finished or trained.is_complete:
        text = "what each process was fed is not said once, by the segment that ended the stage"
        yield from differs(layout.JOURNAL, text, finished, told)


def within_its_tokens(event: JournalEvent) -> Problems:
    """Target tokens ≤ tokens ≤ tokens fed, of each process."""
    for place, one in each(event):
        for part, whole in pairwise(("num_target_tokens", "num_tokens", "num_fed_tokens")):
            if one[part] > one[whole]:
                text = f"more than its {whole}"
                yield Problem(f"{place}/{part}", text, f"at most {one[whole]}", one[part])


def alike_weights(event: JournalEvent, expected: str | None = None) -> Problems:
    """All end with the same weights: those that were kept, where it is known which."""
    for place, one in each(event):
        kept = event.data["ranks"][0]["weights_sha256"] if expected is None else expected
        text = "this process ends with other weights than those that were kept"
        yield from differs(f"{place}/weights_sha256", text, kept, one["weights_sha256"])


def each(event: JournalEvent) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each process of an event, with its place."""
    for index, one in enumerate(event.data["ranks"]):
        yield f"{journal_at(event, 'data', 'ranks')}/{index}", one


def summed(trained: Trained, event: JournalEvent) -> Problems:
    """Rows and tokens of all processes are those of the step rows."""
    for key in ("num_rows", *TOKENS):
        total = sum(one[key] for one in event.data["ranks"])
        whole = sum(getattr(step, key) for step in trained.steps)
        text = f"{key} of all processes is not that of the steps"
        yield from differs(journal_at(event, "data", "ranks"), text, whole, total)


def shared(trained: Trained, event: JournalEvent) -> Problems:
    """Rows and rows_sha256 of each process are those that fall to it, its tokens such as those rows
    can have. Raises CannotCheckError where the order is not drawn."""
    train, world = trained.plan.train, trained.plan.processes
    if not trained.executions or not trained.steps:
        raise CannotCheckError("how rows went through the model is not recorded")
    num_fed = sum(step.num_rows for step in trained.steps)
    if num_fed > MAX_RECOMPUTED or trained.num_rows >= MAX_ROWS:
        reason = f"more than {MAX_RECOMPUTED} rows were fed: their order is not drawn anew"
        raise CannotCheckError(reason)
    at_once = trained.executions[-1].data["rows_per_forward"]
    digests, counts = [START] * world, [0] * world
    rows_of = _Rows.of(trained)
    spans = [dict.fromkeys(TOKENS, Span()) for _ in range(world)]
    for step in trained.steps:
        per_step = train.batch_size * train.gradient_accumulation
        rows = rows_of_step(step.step, trained.num_rows, per_step, train.seed)
        passes = [share(rows, rank, world, at_once) for rank in range(world)]
        for rank, own in enumerate(passes):
            fed = [one for some in own for one in some]
            counts[rank] += len(fed)
            digests[rank] = add_step(digests[rank], step.step, fed)
        for rank, found in enumerate(_spans(step, [rows_of.spans(one) for one in passes])):
            spans[rank] = {key: spans[rank][key] + found[key] for key in TOKENS}
    for rank, (place, one) in enumerate(each(event)):
        text = "not the rows that fall to this process"
        yield from differs(f"{place}/rows_sha256", text, digests[rank], one["rows_sha256"])
        text = "not as many rows as fall to this process"
        yield from differs(f"{place}/num_rows", text, counts[rank], one["num_rows"])
        for key in TOKENS:
            yield from _possible(f"{place}/{key}", spans[rank][key], one[key])


def _possible(place: str, span: Span, found: int) -> Problems:
    if span.low > span.high:
        return  # steps and rows contradict each other: `seen-batches` and `training-tokens`
    if not span.low <= found <= span.high:
        said = f"{span.low}" if span.low == span.high else f"{span.low} to {span.high}"
        yield Problem(place, "not what the rows of this process can have", said, found)


def _spans(step: FedStep, own: Sequence[Mapping[str, Span]]) -> Iterator[dict[str, Span]]:
    """Of each process in a step: what its rows can have, and what those of the others leave."""
    for rank in range(len(own)):
        found = {}
        for key in TOKENS:
            whole = getattr(step, key)
            others = sum((one[key] for at, one in enumerate(own) if at != rank), Span())
            low, high = whole - others.high, whole - others.low
            found[key] = Span(max(low, own[rank][key].low), min(high, own[rank][key].high))
        yield found


class _Rows(Record):
    """What is known of the rows of a data set: of those of recorded steps, all."""

    tokens: Mapping[int, int]
    targets: Mapping[int, int]
    any_row: Span
    is_packed: bool
    is_padded: bool
    """Whether each pass is known to be padded to its longest row."""
    longest: int
    cut: frozenset[int] = field(default_factory=frozenset)

    @staticmethod
    def of(trained: Trained) -> _Rows:
        longest, lengths = trained.plan.train.max_length, trained.lengths
        shortest = 1 if lengths is None else max(1, min(lengths.min, longest) - 1)
        most = longest if lengths is None else min(longest, lengths.max)
        batches = () if trained.seen is None else trained.seen.batches
        rows = [row for batch in batches for row in batch.rows]
        return _Rows(
            tokens={row.source_row: len(row.ids) for row in rows},
            targets={row.source_row: num_targets(row.labels) for row in rows},
            any_row=Span(shortest, most),
            is_packed=trained.plan.train.packing,
            is_padded=trained.plan.backend == _TRANSFORMERS,
            longest=longest,
            cut=frozenset(() if trained.seen is None else trained.seen.rows_truncated),
        )

    def spans(self, passes: Sequence[Sequence[int]]) -> dict[str, Span]:
        """Of the passes of one process in a step."""
        rows = [row for one in passes for row in one]
        return {
            "num_tokens": sum(map(self._length, rows), Span()),
            "num_fed_tokens": sum(map(self._fed, passes), Span()),
            "num_target_tokens": sum(map(self._targets, rows), Span()),
        }

    def _length(self, row: int) -> Span:
        known = self.longest if row in self.cut else self.tokens.get(row)
        return self.any_row if known is None else Span(known, known)

    def _targets(self, row: int) -> Span:
        known = self.targets.get(row)
        return Span(0, self._length(row).high) if known is None else Span(known, known)

    def _fed(self, rows: Sequence[int]) -> Span:
        """Each row of a pass is padded to the longest of it; who has none left is fed a filler."""
        lengths = [self._length(row) for row in rows]
        if not lengths:
            return Span(0, self.longest)
        if self.is_packed:
            return sum(lengths, Span())
        if not self.is_padded:
            return Span(sum(one.low for one in lengths), len(rows) * self.longest)
        widest = Span(max(one.low for one in lengths), max(one.high for one in lengths))
        return Span(widest.low * len(rows), widest.high * len(rows))
