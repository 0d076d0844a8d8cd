"""What is said of packs that differ in their seed, as markdown. All foreign text is escaped here.

Responsible for the names of the template's section on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evidence.records.availability import Unavailable
from evidence.records.comparison import SeedMeasure, SeedsComparison
from evidence.text import formatting, markdown
from evidence.text.evaluations import of_spread


def seeds_view(labels: Sequence[str], seeds: SeedsComparison | None) -> dict[str, Any] | None:
    """Names for comparison.md.j2; `labels` are escaped already."""
    if seeds is None:
        return None
    return {
        "runs": [
            (labels[pack], str(seed)) for pack, seed in zip(seeds.packs, seeds.seeds, strict=True)
        ],
        "left_out": [(labels[one.pack], markdown.inline(one.why)) for one in seeds.left_out],
        "spreads": [(markdown.inline(one.title), _sentence(one)) for one in seeds.measures],
    }


def _sentence(measure: SeedMeasure) -> str:
    if isinstance(measure.spread, Unavailable):
        return f"not measured ({markdown.inline(measure.spread.reason)})"
    is_rate = measure.name.endswith(".rate")
    shown = formatting.percent if is_rate else formatting.significant
    return markdown.inline(of_spread(measure.spread, shown))
