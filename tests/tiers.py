"""Two tiers of tests: what `make test` takes of many points of one law, and what it leaves.

Responsible for the choice being written down and the same each time. The marker `full` is what
`make test-all` runs besides.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest


def sampled(points: Collection[Any], quick: Collection[Any]) -> list[Any]:
    """Every point as a parameter; those that are not in `quick` are left to `make test-all`."""
    unknown = [one for one in quick if one not in points]
    assert not unknown, f"no such points: {unknown}"
    return [
        pytest.param(one) if one in quick else pytest.param(one, marks=pytest.mark.full)
        for one in points
    ]
