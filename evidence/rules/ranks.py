"""How the rows of an optimizer step are divided among the processes that train together. Pure.

Responsible for which process takes which row, so that worker and verifier say the same. The rows of
a step and their order are those of one process: row p of a step (from 0) goes through the model in
chunk p // r of r rows, and chunk c is computed by process c mod w in its pass c // w.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from evidence.encoding.digest import sha256_hex

START = ""
"""The digest of the rows of a process that was fed none yet."""


def share(rows: Sequence[int], rank: int, world: int, rows_per_forward: int) -> list[list[int]]:
    """The rows of each forward pass of one process in one step; empty where none is left for it."""
    at_once = rows_per_forward * world
    first = rank * rows_per_forward
    return [
        list(rows[start + first : min(start + first + rows_per_forward, start + at_once)])
        for start in range(0, len(rows), at_once)
    ]


def num_held(shapes: Iterable[Sequence[int]], rank: int, world: int) -> int:
    """Numbers of tensors of these shapes that fall to one process where each is divided by its
    first dimension: ceil(n / w) of its n rows to each process in turn, as far as there are any."""
    total = 0
    for rows, *rest in (shape or (1,) for shape in shapes):
        each = -(-rows // world)
        total += max(0, min(each, rows - rank * each)) * prod(rest)
    return total


def num_passes(num_rows: int, world: int, rows_per_forward: int) -> int:
    """Forward passes of every process in a step of so many rows: ceil(n / (r·w))."""
    return -(-num_rows // (rows_per_forward * world))


def add_step(before: str, step: int, rows: Iterable[int]) -> str:
    """SHA-256 (hex) of the digest before, the step and the rows of one process in it."""
    fed = " ".join(map(str, rows))
    return sha256_hex(f"{before}:{step}:{fed}".encode())


def packages_sha256(packages: Iterable[tuple[str, str]]) -> str:
    """SHA-256 (hex) of `name==version` of each package, sorted, a line each."""
    lines = sorted({f"{name}=={version}\n" for name, version in packages})
    return sha256_hex("".join(lines).encode("utf-8"))
