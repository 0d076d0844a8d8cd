"""The distinct sequences that training was fed, and a sample of whole batches.

Responsible for the events `sequence`, `sequences` and `batch`, and for their bounds: beyond them it
keeps a sample by hash, which depends on nothing but the sequences themselves.
"""

from __future__ import annotations

import hashlib
from array import array
from typing import Any

from .rows import Row
from .spool import Spool

MAX_SEQUENCES = 20_000
MAX_TOKENS = 8_000_000
MAX_ROW_TOKENS = 60_000
"""Of a longer row its start: the line must fit."""
MAX_DISTINCT = 2_000_000
"""Hashes of 16 bytes that are remembered."""
MAX_BATCHES = 32
MAX_BATCH_TOKENS = 4096
FIRST_STEPS = 3


def digest(row: Row) -> str:
    """Of ids, then labels, each as little-endian 64-bit numbers after their count."""
    whole = hashlib.sha256()
    for numbers in (row.ids, row.labels):
        whole.update(b"-" if numbers is None else b"%d:" % len(numbers))
        if numbers:
            whole.update(array("q", numbers).tobytes())
    return whole.hexdigest()


def is_sampled(step: int) -> bool:
    """Whether a step's batches are kept: the first, and ever fewer of the later ones, by hash."""
    if step <= FIRST_STEPS:
        return True
    chance = hashlib.sha256(b"evidence batch %d" % step).digest()
    return int.from_bytes(chance[:8], "big") % max(1, step // 4) == 0


class Sequences:
    """Of one process."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._known: set[bytes] = set()
        self._share = 1
        """One in so many of the distinct sequences is kept."""
        self._num_kept = self._num_tokens = self._num_fed = self._num_packed = 0
        self._num_cut = 0
        self._num_batches = 0
        self.kept_ids: set[int] = set()

    def feed(self, step: int, rows: list[Row]) -> None:
        """Rows were fed for a step."""
        self._num_fed += len(rows)
        for row in rows:
            self._num_packed += bool(row.num_restarts)
            name = digest(row)
            short = bytes.fromhex(name[:32])
            if short in self._known:
                continue
            if len(self._known) < MAX_DISTINCT:
                self._known.add(short)
            if int(name[-12:], 16) % self._share == 0:
                self._keep(step, name, row)

    def _keep(self, step: int, name: str, row: Row) -> None:
        while self._num_kept >= MAX_SEQUENCES * _log2(
            self._share
        ) or self._num_tokens >= MAX_TOKENS * _log2(self._share):
            self._share *= 16
            if int(name[-12:], 16) % self._share:
                return
        labels = row.labels
        self._num_cut += len(row.ids) > MAX_ROW_TOKENS
        self._num_kept += 1
        self._num_tokens += len(row.ids)
        self.kept_ids.update(row.ids)
        self._spool.hold(
            "sequence",
            sha256=name,
            ids=row.ids[:MAX_ROW_TOKENS],
            labels=None if labels is None else labels[:MAX_ROW_TOKENS],
            num_ids=len(row.ids),
            num_never_fed=row.num_never_fed,
            num_restarts=row.num_restarts,
            first_step=step,
        )

    def show(self, optimizer: int, step: int, forward: int, rows: list[Row]) -> None:
        """A batch of a step that is sampled."""
        if self._num_batches >= MAX_BATCHES:
            return
        self._num_batches += 1
        shown: list[dict[str, Any]] = []
        room = MAX_BATCH_TOKENS
        for row in rows:
            if len(row.ids) > room and shown:
                break
            cut = row.ids[:room]
            labels = None if row.labels is None else row.labels[:room]
            shown.append({"ids": cut, "labels": labels, "num_ids": len(row.ids)})
            room -= len(cut)
        self._spool.hold(
            "batch", optimizer=optimizer, step=step, forward=forward, rows=shown, num_rows=len(rows)
        )

    def end(self) -> None:
        """Say what was fed and how much of it is kept."""
        if not self._num_fed:
            return
        whole = self._share == 1 and not self._num_cut
        self._spool.hold(
            "sequences",
            num_fed=self._num_fed,
            num_distinct=len(self._known) if len(self._known) < MAX_DISTINCT else None,
            num_kept=self._num_kept,
            complete=whole,
            why=None if whole else self._why(),
            num_rows_packed=self._num_packed,
        )

    def _why(self) -> str:
        if self._share == 1:
            return "{} rows longer than {} tokens are cut".format(self._num_cut, MAX_ROW_TOKENS)
        most = "{} sequences or {} tokens".format(MAX_SEQUENCES, MAX_TOKENS)
        return "more than {}: from there on one in {} by its hash".format(most, self._share)


def _log2(share: int) -> int:
    """How often the bound was reached: each time, room for as much again."""
    return (share.bit_length() - 1) // 4 + 1
