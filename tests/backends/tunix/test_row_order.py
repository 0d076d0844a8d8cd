"""The order of rows is that of the Trainer: the same permutations, drawn without PyTorch."""

from __future__ import annotations

import pytest

from evidence.backends.row_order import MAX_ROWS, permutation, rows_of_step

SEEDS = (0, 1, 42, 2**31, 2**32 - 1, 2**40 + 5)


@pytest.mark.torch
@pytest.mark.parametrize("num_rows", [1, 2, 3, 10, 550, 3001])
def test_a_permutation_is_that_of_pytorch(num_rows: int) -> None:
    import torch

    for seed in SEEDS:
        generator = torch.Generator()
        generator.manual_seed(seed)
        drawn = torch.randperm(num_rows, generator=generator).tolist()
        assert list(permutation(num_rows, seed)) == drawn


@pytest.mark.torch
@pytest.mark.parametrize(("num_rows", "batch"), [(11, 4), (12, 4), (5, 8), (7, 1)])
def test_epochs_are_those_that_accelerate_draws(num_rows: int, batch: int) -> None:
    from accelerate.data_loader import SeedableRandomSampler
    from torch.utils.data import BatchSampler

    sampler = SeedableRandomSampler(list(range(num_rows)), data_seed=42)
    fed = [rows for _ in range(3) for rows in BatchSampler(sampler, batch, drop_last=False)]
    ours = [list(rows_of_step(step, num_rows, batch, 42)) for step in range(1, len(fed) + 1)]
    assert ours == fed


def test_every_row_is_in_every_epoch_once() -> None:
    for epoch in range(3):
        rows = [row for step in (1, 2, 3) for row in rows_of_step(3 * epoch + step, 11, 4, 7)]
        assert sorted(rows) == list(range(11))
    assert rows_of_step(1, 11, 4, 7) != rows_of_step(4, 11, 4, 7), "each epoch is drawn anew"


def test_more_rows_than_the_order_is_known_for_are_refused() -> None:
    with pytest.raises(ValueError, match=str(MAX_ROWS)):
        permutation(MAX_ROWS, 1)
