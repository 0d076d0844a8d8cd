"""What two arms differ in, in plain sentences. Pure.

Responsible for words. Values, names of arms and of fields come from records: they are foreign text,
to be escaped where shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evidence.records.arms import ArmDifference, ArmsRecord
from evidence.records.comparison import Scalar
from evidence.text.formatting import significant

_TITLES: Final = {
    "data": "the training data",
    "data.num_rows": "rows of the training data",
    "seen.order": "the rows fed, in order",
    "seen.target_share": "the share of tokens that carry loss",
    "start": "the start weights",
    "tokenizer": "the tokenizer",
    "eval.data": "the evaluation set",
    "budget.steps": "optimizer steps",
    "budget.rows_fed": "rows fed",
    "budget.tokens": "tokens, without padding",
    "budget.target_tokens": "tokens that carry loss",
}
_OF_FIELD: Final = {
    "loss": "rows in which {field} carries loss",
    "sequence": "rows in which the model sees {field}",
    "cut": "rows in which {field} is cut",
}
_DIGEST_CHARS: Final = 64
_SHORT: Final = 12
_MAX_CHARS: Final = 60


def of_undeclared(found: Sequence[ArmDifference]) -> str:
    """Such as `these arms also differ in rows in which answer carries loss: 0 of 120 rows against
    120 of 120 rows (by data.loss)`; empty where they differ in nothing else."""
    told = "; ".join(map(of_difference, found))
    return f"these arms also differ in {told}" if told else ""


def of_not_varied(arms: ArmsRecord) -> str:
    """That the declared variable does not vary; empty where all of it does."""
    return f"declared to differ, and the same: {', '.join(arms.not_varied)}" if arms.not_varied \
        else ""  # fmt: skip


def of_not_checked(arms: ArmsRecord) -> str:
    """Of what it is not known whether it differs, and why; empty where all is known."""
    told = "; ".join(f"{one.name} ({one.reason})" for one in arms.not_checked)
    return f"not checked whether these arms differ in {told}" if told else ""


def of_difference(one: ArmDifference) -> str:
    """One difference with both values, and what it comes from."""
    first, second = map(value, one.values)
    by = f" (by {', '.join(one.follows_from)})" if one.follows_from else ""
    return f"{title(one.name)}: {first} against {second}{by}"


def title(name: str) -> str:
    """What a difference is called: a setting as the milestone spells it."""
    if name in _TITLES:
        return _TITLES[name]
    room, _, rest = name.partition(".")
    field, _, what = rest.rpartition(".")
    if room == "seen" and field and what in _OF_FIELD:
        return _OF_FIELD[what].format(field=field)
    return f"the field {rest}" if room == "seen" else name


def value(found: Scalar) -> str:
    """A value as one short cell: digests by their first characters."""
    if found is None:
        return "none"
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        return significant(found)
    text = str(found)
    if len(text) == _DIGEST_CHARS and set(text) <= set("0123456789abcdef"):
        return text[:_SHORT]
    text = " ".join(text.split())
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}…"
