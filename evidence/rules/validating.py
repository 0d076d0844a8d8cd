"""When a training is evaluated on its validation rows, and what follows from the losses. Pure.

Responsible for what recorder and verifier compute alike.
"""

from __future__ import annotations


def is_due(step: int, every: int, last: int) -> bool:
    """Whether it is evaluated after this step (from 1): every so many, and after the last one, so
    that the final weights have a loss. `every` 0: never."""
    return bool(every) and (step % every == 0 or step == last)


def steps_due(every: int, last: int) -> tuple[int, ...]:
    """All of these steps, ascending."""
    return tuple(step for step in range(1, last + 1) if is_due(step, every, last))
