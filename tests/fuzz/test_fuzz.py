"""Five thousand mutated packs: none breaks verify, none is accepted that is not the pack."""

from __future__ import annotations

import pytest
from fuzz.campaign import trials

from tests.tiers import sampled

NUM_PACKS, NUM_SHARES = 5_000, 20


@pytest.mark.parametrize("share", sampled(range(NUM_SHARES), (0, 13)))
def test_no_mutated_pack_breaks_verify_or_passes_for_the_true_one(share: int) -> None:
    each = NUM_PACKS // NUM_SHARES
    for one in trials(share * each, each):
        replay = f"make fuzz FIRST={one.number} COUNT=1"
        assert not one.fault, f"{one.what}\n{one.fault}\n{replay}"
