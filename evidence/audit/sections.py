"""Which stage a claim is of, where the evidence is of several.

Responsible for rows and headings that name a stage: below `Stage A` stands nothing of stage B. What
names none, or more than one, may be of any.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from evidence.audit.claims import Claim
from evidence.audit.meaning import meaning_of

_NAMED: Final = re.compile(
    r"\bstages?\s{1,3}[`\"'*]{0,2}(?P<name>[A-Za-z0-9_][\w.-]{0,63})", re.IGNORECASE
)


def stage_of(claim: Claim, stages: Collection[str]) -> str:
    """The stage that its row is named by, else that of the innermost heading; empty: of any."""
    row = claim.subject.strip()
    if row in stages and _is_name_only(row):
        return row
    for heading in reversed(claim.headings):
        found = {match["name"].rstrip(".-") for match in _NAMED.finditer(heading)}
        named = found & set(stages)
        if named:
            return named.pop() if len(found) == 1 else ""
    return ""


def others_than(stage: str, stages: Collection[str]) -> frozenset[str]:
    """The stages that have nothing to do with one: `check_A` evaluates A, and a row of A may show
    what came of it."""
    if not stage:
        return frozenset()
    return frozenset(one for one in stages if f"_{stage}_" not in f"_{one}_")


def _is_name_only(name: str) -> bool:
    """Whether a cell with these words can be nothing else: a row `loss` is of a loss."""
    meaning = meaning_of(name)
    return not (meaning.measure or meaning.split or meaning.aggregate)
