"""A Merkle tree over salted rows, as RFC 6962 (section 2.1) has it. Pure.

Responsible for leaves, root, audit paths and whether a path leads from a row to a root. Leaves and
inner nodes are hashed with different prefixes, so that no node can pass for a row. Whose rows they
are, and where salts are kept, is `pack.commitments`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

ALGORITHM: Final = "rfc6962-sha256-salt32"
"""leaf = SHA-256(0x00, salt, row); node = SHA-256(0x01, left, right); no rows = SHA-256()."""
SALT_BYTES: Final = 32
MAX_LEVELS: Final = 64
"""Of a path: more rows than this tells apart no file holds."""
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_of(salt: bytes, row: bytes) -> bytes:
    """Hash of a row. Salts have one length, so that none can be moved into the row or out of it.

    Raises ValueError for a salt of another length.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return sha256(_LEAF + salt + row).digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Root of the tree over these leaves, in order; of none the hash of nothing."""
    level = list(leaves)
    if not level:
        return sha256().digest()
    while len(level) > 1:
        level = _above(level)
    return level[0]


def audit_paths(leaves: Sequence[bytes], places: Iterable[int]) -> dict[int, tuple[bytes, ...]]:
    """For each place (from 0) the hashes that lead from its leaf to the root, lowest first.

    Raises IndexError for a place that the tree does not have.
    """
    wanted = dict.fromkeys(places)
    for place in wanted:
        if not 0 <= place < len(leaves):
            raise IndexError(f"there is no row {place}: there are {len(leaves)}, from 0")
    found: dict[int, list[bytes]] = {place: [] for place in wanted}
    at = {place: place for place in wanted}
    level = list(leaves)
    while len(level) > 1:
        for place, here in at.items():
            beside = here ^ 1
            if beside < len(level):  # the last of an odd number goes up as it is
                found[place].append(level[beside])
            at[place] = here >> 1
        level = _above(level)
    return {place: tuple(path) for place, path in found.items()}


def leads_to(root: bytes, num_rows: int, place: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Whether this path leads from the leaf at this place of a tree of so many rows to its root.

    The number of rows is part of it: it says how many hashes the path has, and on which side each
    stands (RFC 9162, section 2.1.3.2).
    """
    if not 0 <= place < num_rows or len(path) > MAX_LEVELS:
        return False
    here, last, found = place, num_rows - 1, leaf
    left = list(path)
    while last > 0:
        if here == last and not here & 1:
            here, last = here >> 1, last >> 1  # without a sibling: it goes up as it is
            continue
        if not left:
            return False
        beside = left.pop(0)
        found = _node(beside, found) if here & 1 else _node(found, beside)
        here, last = here >> 1, last >> 1
    return not left and found == root


def _above(level: Sequence[bytes]) -> list[bytes]:
    """RFC 6962 splits at the largest power of two below the number: so does pairing from the left,
    where the last of an odd number goes up as it is."""
    pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()
