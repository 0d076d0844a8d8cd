"""When a training is evaluated on its validation rows, and what follows from the losses. Pure.

Responsible for what recorder and verifier compute alike.
"""

from __future__ import annotations

from collections.abc import Iterable


def is_due(step: int, every: int, last: int) -> bool:
    """Whether it is evaluated after this step (from 1): every so many, and after the last one, so
    that the final weights have a loss. `every` 0: never."""
    return bool(every) and (step % every == 0 or step == last)


def steps_due(every: int, last: int) -> tuple[int, ...]:
    """All of these steps, ascending."""
    return tuple(step for step in range(1, last + 1) if is_due(step, every, last))


class Patience:
    """What follows from one loss after the other.

    A loss is better where it is smaller than the smallest before it by more than `threshold`; after
    `patience` in a row that are not, a training ends. 0: it never ends early. That is the rule of
    transformers' EarlyStoppingCallback. Which loss is the smallest knows no threshold.
    """

    def __init__(self, patience: int = 0, threshold: float = 0.0) -> None:
        self._patience, self._threshold = patience, threshold
        self._waited = 0
        self.smallest: float | None = None

    def take(self, loss: float) -> bool:
        """The next loss. Whether it is the smallest so far."""
        before = self.smallest
        is_better = before is None or before - loss > self._threshold
        self._waited = 0 if is_better else self._waited + 1
        is_smallest = before is None or loss < before
        if is_smallest:
            self.smallest = loss
        return is_smallest

    @property
    def is_over(self) -> bool:
        """Whether the training ends here."""
        return 0 < self._patience <= self._waited


def ends_after(losses: Iterable[tuple[int, float]], patience: int, threshold: float) -> int | None:
    """The step whose loss ends the training early, of (step, loss) in order; None where none
    does."""
    judge = Patience(patience, threshold)
    for step, loss in losses:
        judge.take(loss)
        if judge.is_over:
            return step
    return None
