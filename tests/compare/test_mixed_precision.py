"""Two runs in mixed precision are as far apart as bfloat16 makes them, and not accused of it."""

from __future__ import annotations

from msgspec.structs import replace

from tests.compare import forged
from tests.compare.forged import found
from tests.compare.test_reasons import Packs, another


def test_two_runs_in_mixed_precision_are_held_against_each_other_as_bfloat16(
    packs: Packs,
) -> None:
    plain = forged.whole(packs("as-it-is").documents)
    text = plain.milestone_text.replace(
        'dtype = "float32"', 'dtype = "float32"\nmixed_precision = "bf16"'
    )
    train = replace(plain.milestone.train, mixed_precision="bf16")
    mixed = replace(
        plain, milestone=replace(plain.milestone, given_train=train), milestone_text=text
    )
    coarse = forged.with_losses(lambda step: 1e-3 * step)
    assert found(plain, another(plain, coarse)).keys() == {"function"}
    assert found(mixed, another(mixed, coarse)).keys() == {"rounding"}
    names = found(plain, another(mixed, coarse))
    assert names.keys() == {"settings"}
    assert "mixed precision no → bf16" in names["settings"].explanation
