"""What holds of the scores of evaluation harnesses in an imported pack, and what was not computed.

Responsible for the records. The arithmetic, and each score that its samples do not give, are
`foreign.samples`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from evidence.foreign.facts import Source
from evidence.foreign.samples import Held, held
from evidence.records.imported import FindingRecord
from evidence.results.imported.places import addresses_of, clean

RULE: Final = "scores-of-samples"
MAX_NAMED: Final = 12
MAX_CHARS: Final = 2_000


def of(sources: Sequence[Source]) -> Iterator[FindingRecord]:
    """One finding of all that hold, and one a reason of those that were not computed; none where no
    file has such scores."""
    same: list[Held] = []
    not_checked: dict[str, list[Held]] = {}
    for one in held(sources):
        if one.found is None:
            not_checked.setdefault(one.why_not, []).append(one)
        elif not one.differs:
            same.append(one)
    if same:
        text = f"{_named(same)}: what their samples give"
        places = addresses_of([one.fact for one in same[:MAX_NAMED]])
        yield FindingRecord(RULE, "holds", clean(text)[:MAX_CHARS], places)
    for why, several in not_checked.items():
        text = f"{_named(several)}: {why}"
        yield FindingRecord(RULE, "not-checked", clean(text)[:MAX_CHARS], "")


def _named(several: Sequence[Held]) -> str:
    names = [f"{one.fact.name} of {one.task}" for one in several]
    more = f", and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED])}{more}"
