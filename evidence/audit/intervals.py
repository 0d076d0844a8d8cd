"""The mean of what was logged between two rows of a table.

Responsible for that value alone; whether a claim is it is `numbers`'s.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from evidence.audit.claims import Claim
from evidence.audit.known import Known
from evidence.audit.shelf import Group

MAX_INTERVAL: Final = 10_000


def interval(claim: Claim, group: Group) -> tuple[Known, ...]:
    """The mean of what was logged since the row before: a table of every tenth step may show it."""
    keys = dict(claim.keys)
    if "since" not in keys or "step" not in keys:
        return ()
    low, high = Decimal(keys["since"]), Decimal(keys["step"])
    if not low < high <= low + MAX_INTERVAL:
        return ()
    rows = [
        one
        for step in range(int(low) + 1, int(high) + 1)
        for one in group.by_step.get(Decimal(step), ())
        if one.is_row and one.value is not None and one.meaning.rest <= claim.meaning.rest
    ]
    if len(rows) < 2:
        return ()
    mean = sum((one.value or Decimal(0) for one in rows), Decimal(0)) / len(rows)
    how = f"the mean of the {len(rows)} rows from step {int(low) + 1} to {int(high)}"
    places = (*rows[0].places, *rows[-1].places)
    return (Known(rows[0].meaning, how, f"{mean:.6g}", places, mean, how=how),)
