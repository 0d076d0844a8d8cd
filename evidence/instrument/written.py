"""How a step is written: its counts, its rows, its sequences.

Responsible for the event `step` and for feeding the sequences. The values are all there.
"""

from __future__ import annotations

from typing import Any

from .arrival import Arrival
from .context import Context
from .forwards import Forward
from .losses import loss_of
from .rows import IGNORED, Fed, Row, num_targets, rows_of
from .sequences import Sequences, is_sampled
from .steps import Step


class Counts:
    """What one step was fed. A count that is not known of one batch is known of none."""

    def __init__(self) -> None:
        self.values: dict[str, int | None] = {}

    def add(self, name: str, count: int | None) -> None:
        """Add what one forward pass was fed."""
        if count is None or name not in self.values:
            self.values[name] = count
            return
        known = self.values[name]
        self.values[name] = None if known is None else known + count


class Writer:
    """Writes the steps of this process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.sequences = Sequences(context.spool)
        self.seen: set[str] = set()
        """Which of ids, labels and targets were ever seen in training."""
        self.agrees: dict[int, bool] = {}
        """By model: whether the number of targets was ever another than the labels told."""

    def write(self, step: Step) -> None:
        """Everything that is known of the step."""
        counts = Counts()
        for index, forward in enumerate(step.forwards):
            self._count(counts, step, index, forward)
        for forward in step.forwards:
            forward.fed = {} if step.shared_with is not None else forward.fed
        self._context.spool.write(
            "step",
            optimizer=step.optimizer,
            num=step.num,
            name=step.name,
            **loss_of(step.losses),
            learning_rates=[_value(rate) for rate in step.rates],
            grad_norm=_value(step.grad_norm),
            num_forwards=len(step.forwards),
            num_rows=counts.values.get("num_rows"),
            num_tokens=counts.values.get("num_tokens"),
            num_fed_tokens=counts.values.get("num_fed_tokens"),
            num_target_tokens=counts.values.get("num_target_tokens"),
            num_targets=counts.values.get("num_targets"),
            skipped=step.skipped,
            epoch=step.epoch,
            shared_with=step.shared_with,
        )

    def _count(self, counts: Counts, step: Step, index: int, forward: Forward) -> None:
        fed = {name: arrival.value() for name, arrival in forward.fed.items()}
        targets, num = _targets_of(forward)
        counts.add("num_rows", forward.num_rows)
        counts.add("num_fed_tokens", forward.num_fed)
        if "ids" not in fed:
            counts.add("num_tokens", None)
            counts.add("num_target_tokens", None)
            counts.add("num_targets", num)
            return
        mask, labels = fed.get("mask"), fed.get("labels")
        rows = rows_of(
            Fed(
                fed["ids"],
                mask,
                labels,
                fed.get("positions"),
                targets,
                forward.targets[1] if forward.targets is not None else IGNORED,
                forward.pad_id,
            )
        )
        unpadded = mask is not None or forward.pad_id is not None or "positions" in fed
        tokens = sum(len(row.ids) - row.num_never_fed for row in rows)
        counts.add("num_tokens", tokens if unpadded else None)
        told = _by_labels(forward, rows, labels)
        if num is None:
            num = told
        elif told is not None:
            self.agrees[forward.top] = self.agrees.get(forward.top, True) and num == told
        counts.add("num_target_tokens", num)
        counts.add("num_targets", num)
        self._keep(step, index, rows)

    def _keep(self, step: Step, index: int, rows: list[Row]) -> None:
        self.seen.add("ids")
        if any(row.labels is not None for row in rows):
            self.seen.add("labels")
        if step.shared_with is None:
            self.sequences.feed(step.num, rows)
            if is_sampled(step.num):
                self.sequences.show(step.optimizer, step.num, index, rows)


def _targets_of(forward: Forward) -> tuple[Any, int | None]:
    """The loss function's targets, flat, where they are kept; and how many carry loss."""
    if forward.targets is None:
        return None, None
    arrival, ignored = forward.targets
    value = arrival.value()
    if isinstance(value, list):
        return value, len(value) - value.count(ignored)
    return None, int(value)


def _by_labels(forward: Forward, rows: list[Row], labels: Any) -> int | None:
    """Where no loss function was seen: by the labels, if the model is known to predict the next."""
    if labels is None or not forward.shifts or any(row.labels is None for row in rows):
        return None
    return sum(num_targets(row.labels) for row in rows if row.labels is not None)


def _value(value: Any) -> Any:
    return value.value() if isinstance(value, Arrival) else value
