"""Step events as our rows have them: what cannot be so is not kept, and is said. Pure.

Responsible for numbers of one step that contradict each other, or the steps before: whatever a
program writes into its spool, its pack holds rows that agree.
"""

from __future__ import annotations

import math
from typing import Any, Final

from msgspec.structs import replace

from evidence.recording import events
from evidence.rules.program_sums import loss_problem

MAX_COUNT: Final = 2**53
_COUNTS: Final = ("num_rows", "num_tokens", "num_fed_tokens", "num_target_tokens", "num_targets")
_ORDER: Final = ("num_target_tokens", "num_tokens", "num_fed_tokens")


def counted(told: events.Step, expected: int) -> tuple[events.Step, list[str]]:
    """The step with the number that comes next and with counts that can be so, and what was not."""
    changes: dict[str, Any] = {}
    problems: list[str] = []
    if told.num != expected:
        changes["num"] = expected
        problems.append("steps were not told in their order: they are counted as they came")
    for name in _COUNTS:
        value = getattr(told, name)
        if value is not None and not 0 <= value <= MAX_COUNT:
            changes[name] = None
            problems.append(f"{name} was no count")
    for name in ("num_losses", "optimizer"):
        if not 0 <= getattr(told, name) <= MAX_COUNT:
            changes[name] = 0
            problems.append(f"{name} was no count")
    if told.shared_with is not None and told.shared_with < 0:
        changes["shared_with"] = None
    if not all(math.isfinite(one) for one in told.learning_rates):
        changes["learning_rates"] = ()
        problems.append("a learning rate was not finite")
    if told.epoch is not None and not math.isfinite(told.epoch):
        changes["epoch"] = None
        problems.append("an epoch was not finite")
    known = [changes.get(name, getattr(told, name)) for name in _ORDER]
    found = [one for one in known if one is not None]
    if found != sorted(found):
        changes |= dict.fromkeys(_ORDER)
        problems.append("more tokens carried loss, or were no padding, than were fed")
    whole = replace(told, **changes)
    if wrong := loss_problem(whole.loss, whole.loss_rule, whole.losses, whole.num_losses):
        whole = replace(whole, losses=None)
        problems.append(f"a step {wrong}")
    return whole, problems


def aligned(row: events.Row) -> events.Row:
    """A row whose labels are as many as its ids, or that has none."""
    if row.labels is None or len(row.labels) == len(row.ids):
        return row
    return events.Row(row.ids, None)
