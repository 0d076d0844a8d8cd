"""The steps of several processes: which rows this one takes, and what all were fed together.

Responsible for the loader of one process and for bringing what entered each model to the process
that records. The rows of a step are those of one process alone, in the same order: the Trainer's
own sharding would feed some of them twice where they do not divide evenly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch.utils.data import DataLoader, Sampler

from evidence.backends.transformers.ranks import Ranks
from evidence.data.tokens import IGNORED
from evidence.records.ranks import RankFedRecord, RanksFedRecord
from evidence.rules.ranks import START, add_step, num_passes, share
from evidence.worker.recorder import FedRow, Recorder

FILLER: Final = -1
"""In place of a row where a process has none left for a forward pass that the others make: no
token of it carries loss, so that its gradient is zero."""
FILLER_TOKENS: Final = 2
RANKS: Final = "ranks"
"""The key of a checkpoint's state for what is counted here."""


class OwnRows(Sampler[list[int]]):
    """The rows of each forward pass of this process, epoch by epoch."""

    def __init__(
        self, num_rows: int, rows_per_forward: int, accumulation: int, seed: int, ranks: Ranks
    ) -> None:
        self._num_rows, self._rows_per_forward = num_rows, rows_per_forward
        self._rows_per_step = rows_per_forward * accumulation * ranks.world
        self._seed, self._ranks = seed, ranks
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes next, from 0: each is drawn anew, as for one process."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Forward passes of an epoch."""
        whole, rest = divmod(self._num_rows, self._rows_per_step)
        world, at_once = self._ranks.world, self._rows_per_forward
        passes = num_passes(self._rows_per_step, world, at_once)
        return whole * passes + num_passes(rest, world, at_once)

    def __iter__(self) -> Iterator[list[int]]:
        """One list a pass; of a filler where there is no row."""
        generator = torch.Generator()
        generator.manual_seed(self._seed + self._epoch)
        order = torch.randperm(self._num_rows, generator=generator).tolist()
        for start in range(0, self._num_rows, self._rows_per_step):
            step = order[start : start + self._rows_per_step]
            for rows in share(step, self._ranks.rank, self._ranks.world, self._rows_per_forward):
                yield rows or [FILLER]


class OwnLoader(DataLoader[Any]):
    """A loader that tells its rows of the epoch, as the Trainer asks it to."""

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes next, from 0."""
        self.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]  # it is OwnRows


class Feed:
    """What enters the model, on its way to the recorder.

    Of one process it goes there at once; of several it is brought together after each step, in the
    order in which one process would have been fed.
    """

    def __init__(self, recorder: Recorder, ranks: Ranks) -> None:
        self._recorder, self._ranks = recorder, ranks
        self._passes: list[tuple[list[FedRow], int]] = []
        self._totals = [[0, 0, 0, 0] for _ in range(ranks.world)]
        self._rows = [START] * ranks.world

    def feed(self, rows: list[FedRow], num_fed_tokens: int) -> None:
        """A forward pass begins. `num_fed_tokens` counts padding too."""
        if self._ranks.several:
            self._passes.append((rows, num_fed_tokens))
        else:
            self._recorder.feed(rows, num_fed_tokens)

    def end_step(self, step: int) -> None:
        """The step is over, in every process."""
        if not self._ranks.several:
            return
        every = self._ranks.every(self._passes)
        self._passes = []
        for together in zip(*every, strict=True):
            for rows, num_fed_tokens in together:
                self._recorder.feed(rows, num_fed_tokens)
        for rank, passes in enumerate(every):
            self._count(rank, step, passes)

    def _count(self, rank: int, step: int, passes: Sequence[tuple[list[FedRow], int]]) -> None:
        rows = [row for fed, _ in passes for row in fed]
        targets = sum(label != IGNORED for row in rows for label in row.labels[1:])
        counts = (len(rows), sum(len(row.ids) for row in rows), sum(n for _, n in passes), targets)
        for index, count in enumerate(counts):
            self._totals[rank][index] += count
        self._rows[rank] = add_step(self._rows[rank], step, (row.source_row for row in rows))

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it, as JSON values."""
        return {RANKS: {"totals": self._totals, "rows": self._rows}} if self._ranks.several else {}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        if self._ranks.several:
            self._totals = [list(one) for one in state[RANKS]["totals"]]
            self._rows = list(state[RANKS]["rows"])

    def record(self, weights_sha256: str, peak_memory_bytes: int) -> RanksFedRecord:
        """What each process was fed, and the weights that it ends with. All must ask."""
        own = self._ranks.every((weights_sha256, peak_memory_bytes))
        return RanksFedRecord(
            tuple(
                RankFedRecord(
                    rank=rank,
                    num_rows=totals[0],
                    num_tokens=totals[1],
                    num_fed_tokens=totals[2],
                    num_target_tokens=totals[3],
                    rows_sha256=rows,
                    weights_sha256=sha256,
                    peak_memory_bytes=peak,
                )
                for rank, (totals, rows, (sha256, peak)) in enumerate(
                    zip(self._totals, self._rows, own, strict=True)
                )
            )
        )
