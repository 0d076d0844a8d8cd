"""Values of rows that this copy of a pack lacks: taken as they are sealed, since nothing is at hand
to compute them from.

Responsible for taking no more than that: names, units and rules are those that such rows give, and
anything else is left unknown, so that verify sees the difference. That they are not checked is
said by verify.
"""

from __future__ import annotations

from evidence import layout
from evidence.records.run import ValueRecord
from evidence.results.context import Context, Values


def as_sealed(context: Context, blanks: Values) -> dict[str, ValueRecord]:
    """For each of these names the sealed value, where it is one of such rows; else the blank."""
    results = context.documents.results
    sealed = {} if results is None else results.values
    return {name: _taken(sealed.get(name), blank) for name, blank in blanks}


def _taken(sealed: ValueRecord | None, blank: ValueRecord) -> ValueRecord:
    if sealed is None or not sealed.address.startswith(layout.PREDICTIONS):
        return blank
    same = (sealed.unit, sealed.rule, sealed.level) == (blank.unit, blank.rule, blank.level)
    return sealed if same else blank


def num_of(value: ValueRecord | None) -> int | None:
    """A count; None where there is none."""
    found = None if value is None else value.value
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None
