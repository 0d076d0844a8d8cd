"""That two packs score answers by functions of one name and of files that differ. Pure.

Responsible for the reason; which functions are meant, `functions` tells.
"""

from __future__ import annotations

from collections.abc import Iterator

from evidence import layout
from evidence.compare.functions import SHORT_DIGEST, apart
from evidence.compare.pair import Pair
from evidence.records.comparison import ReasonRecord


def function_reasons(pair: Pair) -> Iterator[ReasonRecord]:
    """One for each name."""
    for one, other in apart(pair.first, pair.other):
        text = (
            f"{one.name} of another file scores the answers: {one.file} is "
            f"{one.sha256[:SHORT_DIGEST]} in the first pack, and {other.file} is "
            f"{other.sha256[:SHORT_DIGEST]} in the other: its means can be different quantities"
        )
        yield ReasonRecord("function", text, (f"{layout.FUNCTIONS}: {one.name}",))
