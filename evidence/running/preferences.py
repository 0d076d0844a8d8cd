"""Rows that are preferences: a chosen and a rejected answer to one prompt.

Responsible for telling them, and for refusing a training whose text would teach the rejected one.
Teaching the chosen one alone is a training like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from evidence.data.facts import DataSet, Row
from evidence.milestone.not_built import PREFERENCES
from evidence.records.milestone import DataSpec, Milestone
from evidence.text import templating

CHOSEN: Final = "chosen"
REJECTED: Final = "rejected"
_HINT: Final = f"Take {REJECTED!r} out of `text` and `answer`."

Problem = tuple[str, str, str]


def are_preferences(rows: Sequence[Row]) -> bool:
    """Whether every row has both answers."""
    return bool(rows) and all(CHOSEN in row and REJECTED in row for row in rows)


def problems(milestone: Milestone, sets: Mapping[str, DataSet]) -> Iterator[Problem]:
    """Training data whose text holds the answer that is not to be given."""
    for name, spec in milestone.data.items():
        if name in sets and REJECTED in _told(spec) and are_preferences(sets[name].rows):
            key = "answer" if REJECTED in spec.answer else "text"
            yield f"/data/{name}/{key}", f"teaches {REJECTED!r}: {PREFERENCES}", _HINT


def _told(spec: DataSpec) -> Collection[str]:
    """Fields that its text is made of."""
    return {*spec.answer, *(templating.names_in(spec.text) if spec.text is not None else ())}
