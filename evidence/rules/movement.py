"""When weights count as not moved by training.

Responsible for the one limit that verify and the summary warn by. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

LEAST_SHARE_MOVED: Final = 0.1
"""Of the numbers outside embedding tables. AdamW changes nearly all of them in one step where the
number format holds the change; rows of a table that no text uses stay as they are."""


def hardly_moved(weights: Mapping[str, Any], *, beside: bool = False) -> bool:
    """Whether fewer than that changed, by the `weights` of a finished stage.

    `beside`: they are an adapter's, of which any movement counts. It is float32, which holds small
    changes, and of its two matrices the first has no gradient while the second is zeros.
    """
    if beside:
        return not weights["num_changed"]
    compared = weights["num_compared"] - weights["num_compared_in_embeddings"]
    changed = weights["num_changed"] - weights["num_changed_in_embeddings"]
    if compared <= 0:  # nothing but tables is trained
        return not weights["num_changed"]
    return bool(changed < LEAST_SHARE_MOVED * compared)
