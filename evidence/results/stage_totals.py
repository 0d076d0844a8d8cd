"""What the stages of a run amount to: rows, steps, examples and seconds of all of them.

Responsible for sums that mean something. Losses and rates of different stages have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evidence import layout
from evidence.records.run import ValueRecord
from evidence.results.context import Context, Values, at, join, known, unknown
from evidence.stages.eval import EVAL
from evidence.stages.kind import Kind
from evidence.stages.stage import stages_of
from evidence.stages.train import TRAIN

TOTALS: Final[tuple[tuple[Kind, str, str], ...]] = (
    (TRAIN, "train.num_samples", "rows"),
    (TRAIN, "train.num_steps", "steps"),
    (TRAIN, "train.runtime_s", "s"),
    (EVAL, "eval.num_examples", "examples"),
    (EVAL, "eval.runtime_s", "s"),
)
"""Kind of stage, what is summed, its unit; told as `stages.` and that name."""
_RULE: Final = "sum-over-stages"


def stage_totals(context: Context, values: Mapping[str, ValueRecord]) -> Values:
    """stages.*: each a sum over all stages of a kind; unknown where it is of one of them."""
    stages = [one for one in stages_of(context.documents.milestone) if one.is_named]
    for kind, name, unit in TOTALS:
        names = [one.value(name) for one in stages if one.kind is kind]
        if not names:
            continue
        place = join(*(at(layout.RESULTS, "values", one, "value") for one in names))
        found = {one: values[one] for one in names if one in values}
        numbers = [one.value for one in found.values() if isinstance(one.value, (int, float))]
        if len(numbers) == len(names):
            yield f"stages.{name}", known(sum(numbers), unit, place, _RULE)
            continue
        missing = next(one for one in names if one not in found or found[one].value is None)
        why = found[missing].unavailable if missing in found else "nothing has this value"
        yield f"stages.{name}", unknown(f"{missing}: {why}", unit, place, _RULE)
