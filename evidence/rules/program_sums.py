"""What must agree within one step, and within one model, of a recorded program. Pure.

Responsible for sentences about numbers that cannot all be true. Whoever records keeps no such
numbers, and verify finds those that somebody wrote. Rules of losses that nobody can compute again
from what is kept are not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from evidence.records.availability import Unavailable
from evidence.records.program import ProgramModel

MEANS: Final = (
    "as given to backward",
    "mean of what was given to backward",
    "mean of what training_step returned, before Lightning divides it",
    "mean of what was given to Accelerator.backward, before it divides",
)
"""Rules by which a step's loss is the mean of the losses that are kept."""
SUM: Final = "sum of what was given to backward, in float32 as Trainer adds: it divided each"
_RELATIVE_OF_FLOAT32: Final = 1e-5
Loss = float | int | str


def loss_problem(loss: Loss | None, rule: str, losses: Sequence[Loss] | None, num: int) -> str:
    """What is wrong with the losses of a step; empty where nothing is."""
    if losses is None:
        return ""
    if len(losses) != num:
        return "has another number of losses than it says"
    finite = [one for one in losses if isinstance(one, (int, float))]
    if not losses or len(finite) != len(losses) or not isinstance(loss, (int, float)):
        return ""
    if rule not in (*MEANS, SUM):
        return ""
    total = sum(finite)  # an infinite one is a sum, too: the largest numbers are no error of ours
    expected = total if rule == SUM else total / len(finite)
    room = _RELATIVE_OF_FLOAT32 * sum(map(abs, finite))
    return "" if abs(expected - loss) <= room else "has a loss that its losses do not give"


def model_problems(one: ProgramModel) -> Iterator[tuple[str, str]]:
    """Each field of a model that another one contradicts, and why."""
    if one.num_trainable > one.num_parameters:
        yield "num_trainable", "more parameters are trained than there are"
    if one.dtypes and sum(one.dtypes.values()) != one.num_parameters:
        yield "dtypes", "the numbers of each type are not all parameters"
    told = (one.before_sha256, one.after_sha256)
    if not one.is_trained and (
        one.num_changed is not None or any(isinstance(d, str) for d in told)
    ):
        yield "is_trained", "it has weights of before or after training, and was not trained"
    if not one.is_trained and one.evaluated_sha256 is None:
        yield "is_trained", "it was neither trained nor called"
    if one.num_changed is None or one.num_compared is None:
        if one.num_changed is not one.num_compared:
            yield "num_changed", "is known without what it is of"
        return
    most = one.num_parameters * (2 if any("complex" in name for name in one.dtypes) else 1)
    if one.num_compared > most:
        yield "num_compared", "more numbers were compared than there are"
    if one.num_changed > one.num_compared:
        yield "num_changed", "more numbers changed than were compared"
    before, after = one.before_sha256, one.after_sha256
    if isinstance(before, Unavailable) or isinstance(after, Unavailable):
        return
    if before == after and one.num_changed:
        yield "num_changed", "numbers changed, and their digest is what it was"
    all_compared = not one.sampled and one.num_compared == one.num_parameters
    if before != after and all_compared and not one.num_changed:
        yield "num_changed", "no number changed, and their digest is another one"
