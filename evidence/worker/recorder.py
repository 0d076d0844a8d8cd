"""Records what enters the model: counts, the row stream, and a few whole batches.

Responsible for seen.json and for the counts of each step. Fed with plain lists where batches
enter the model, after collation, whatever the backend; imports no ML framework.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from msgspec.structs import replace

from evidence import limits
from evidence.data.chat_seen import turns_fed
from evidence.data.tokens import Example, coverage, num_targets
from evidence.encoding.codec import decode, encode
from evidence.records.availability import Unavailable
from evidence.records.inputs import SeenBatch, SeenChat, SeenRecord, SeenRow
from evidence.records.milestone import DataSpec
from evidence.records.record import Record
from evidence.records.run import PackedSequence
from evidence.rules.row_stream import START, add_row, end_step
from evidence.rules.sampling import steps_to_record, tokens_to_record

STATE_FILE: Final = "evidence_state.json"

Pieces = Callable[[Sequence[int]], tuple[str, ...]]
"""Ids → the text of each."""


class FedRow(Record):
    """One unpadded row of a batch."""

    source_row: int
    ids: Sequence[int]
    labels: Sequence[int]
    sequence: int | None = None
    """Of the sequences of its forward pass, where rows are packed."""


class StepCounts(Record):
    """What one optimizer step was fed."""

    num_rows: int
    num_tokens: int
    num_fed_tokens: int
    num_target_tokens: int
    stream: str
    packed: tuple[tuple[PackedSequence, ...], ...] | None = None


class Recorder:
    """Counts over one training stage, across its segments."""

    def __init__(self, num_steps: int, seed: int, max_length: int, pieces: Pieces) -> None:
        self._pieces = pieces
        self._recorded_steps = steps_to_record(num_steps, seed, max_length)
        self._tokens_a_step = tokens_to_record(max_length)
        self._stream = START
        self._step = 1
        self._totals = [0, 0, 0, 0]
        self._times: Counter[int] = Counter()
        self._batches: list[SeenBatch] = []
        self._begin_step()

    def _begin_step(self) -> None:
        self._counts = [0, 0, 0, 0]
        self._rows: deque[tuple[str, FedRow]] = deque()
        """The last rows of a step that is recorded, each with the stream before it."""
        self._rows_tokens = 0
        self._packed: list[tuple[PackedSequence, ...]] = []

    def feed(self, rows: Iterable[FedRow], num_fed_tokens: int) -> None:
        """A micro-batch enters the model. `num_fed_tokens` counts its padding too."""
        rows = list(rows)
        self._packed += _sequences(rows)
        for row in rows:
            before = self._stream
            self._stream = add_row(self._stream, row.source_row, row.ids, row.labels)
            self._times[row.source_row] += 1
            targets = num_targets(row.labels)
            for index, count in enumerate((1, len(row.ids), 0, targets)):
                self._counts[index] += count
            if self._step in self._recorded_steps:
                self._record_row(before, row)
        self._counts[2] += num_fed_tokens

    def end_step(self) -> StepCounts:
        """The optimizer stepped: close the step and give its counts."""
        if self._step in self._recorded_steps:
            self._batches.append(self._batch())
        self._stream = end_step(self._stream, self._step)
        for index, count in enumerate(self._counts):
            self._totals[index] += count
        rows, tokens, fed, targets = self._counts
        counts = StepCounts(rows, tokens, fed, targets, self._stream, tuple(self._packed) or None)
        self._step += 1
        self._begin_step()
        return counts

    def _record_row(self, before: str, row: FedRow) -> None:
        self._rows.append((before, row))
        self._rows_tokens += len(row.ids)
        while self._rows_tokens > self._tokens_a_step:
            self._rows_tokens -= len(self._rows.popleft()[1].ids)

    def _batch(self) -> SeenBatch:
        """What is kept of the step that ends now."""
        before = None
        if len(self._rows) < self._counts[0]:
            before = self._rows[0][0] if self._rows else self._stream
        return SeenBatch(self._step, tuple(self._shown(row) for _, row in self._rows), before)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on after a kill, as JSON values."""
        return {
            "stream": self._stream,
            "step": self._step,
            "totals": list(self._totals),
            "times": sorted(self._times.items()),
            "batches": encode(self._batches),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self._stream = state["stream"]
        self._step = state["step"]
        self._totals = list(state["totals"])
        self._times = Counter(dict(state["times"]))
        self._batches = [decode(SeenBatch, batch) for batch in state["batches"]]
        self._begin_step()

    def record(
        self,
        stage: str,
        spec: DataSpec,
        fields: Sequence[str],
        examples: Sequence[Example],
        chat: SeenChat | None = None,
    ) -> SeenRecord:
        """seen.json of the stage. `chat`: what of its conversations the model got."""
        times = tuple(self._times[example.source_row] for example in examples)
        cut = [(row.source_row, row.num_cut) for row in examples if row.num_cut]
        return SeenRecord(
            schema="seen.v1",
            stage=stage,
            text_template=spec.text or "",
            num_rows=len(examples),
            num_rows_fed=self._totals[0],
            times_seen_min=min(times),
            times_seen_max=max(times),
            times_seen=times
            if len(times) <= limits.MAX_ROWS_LISTED
            else Unavailable(f"more than {limits.MAX_ROWS_LISTED} rows: the extremes are of all"),
            num_tokens=self._totals[1],
            num_fed_tokens=self._totals[2],
            num_target_tokens=self._totals[3],
            rows_truncated=tuple(row for row, _ in cut),
            tokens_cut=tuple(num_cut for _, num_cut in cut),
            num_tokens_cut=sum(num_cut for _, num_cut in cut),
            coverage=coverage(fields, spec.answer, examples),
            stream_sha256=self._stream,
            batches=tuple(self._batches if chat is None else _with_turns(self._batches, examples)),
            chat=chat,
        )

    def _shown(self, row: FedRow) -> SeenRow:
        ids, labels = tuple(row.ids), tuple(row.labels)
        return SeenRow(row.source_row, ids, labels, pieces=self._pieces(ids))


def _sequences(rows: Sequence[FedRow]) -> Iterator[tuple[PackedSequence, ...]]:
    """The sequences of a forward pass; none where its rows are not packed."""
    if any(row.sequence is None for row in rows) or not rows:
        return
    numbers = dict.fromkeys(row.sequence for row in rows)
    inside = [[row for row in rows if row.sequence == number] for number in numbers]
    yield tuple(
        PackedSequence(tuple(row.source_row for row in one), tuple(len(row.ids) for row in one))
        for one in inside
    )


def _with_turns(batches: Iterable[SeenBatch], examples: Sequence[Example]) -> list[SeenBatch]:
    """The batches with who speaks where in each row."""
    batches = tuple(batches)
    shown = {row.source_row for one in batches for row in one.rows}
    by_row = {one.source_row: one for one in examples if one.source_row in shown}

    def told(row: SeenRow) -> SeenRow:
        return replace(row, turns=turns_fed(by_row[row.source_row], len(row.ids)))

    return [replace(one, rows=tuple(map(told, one.rows))) for one in batches]
