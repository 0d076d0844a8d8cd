"""Forward passes that are no training: how much a model was asked between two steps.

Responsible for the event `evaluated`, one for each phase. Counts are by shape, padding included.
"""

from __future__ import annotations

from typing import Any

from .context import Context


class Evaluation:
    """The phase of evaluation that is going on, if one is."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._begin()

    def _begin(self) -> None:
        self._num_forwards = 0
        self._num_rows: int | None = 0
        self._num_tokens: int | None = 0

    def forward(self, ids: Any, first: Any) -> None:
        """A model was called without training."""
        batch = ids if ids is not None else first
        self._num_forwards += 1
        if batch is None or self._num_rows is None:
            self._num_rows = None
        else:
            self._num_rows += batch.shape[0] if batch.dim() > 1 or ids is None else 1
        if ids is None or self._num_tokens is None:
            self._num_tokens = None
        else:
            self._num_tokens += ids.numel()

    def training(self, step: int) -> None:
        """Training goes on, or all ends: a phase is over."""
        if self._num_forwards:
            self._context.spool.hold(
                "evaluated",
                after_step=step,
                num_forwards=self._num_forwards,
                num_rows=self._num_rows,
                num_tokens=self._num_tokens,
            )
            self._begin()
