"""The tree over salted rows: each row leads to the root, and nothing else does."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.rules import merkle

SALT = bytes(range(32))
ROWS = st.lists(st.binary(max_size=40), min_size=1, max_size=40)


def _leaves(rows: list[bytes]) -> list[bytes]:
    salts = (sha256(str(place).encode()).digest() for place in range(len(rows)))
    return [merkle.leaf_of(salt, row) for salt, row in zip(salts, rows, strict=True)]


def _by_the_rfc(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, as it is written there: recursively."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + _by_the_rfc(leaves[:k]) + _by_the_rfc(leaves[k:])).digest()


@given(st.lists(st.binary(max_size=40), max_size=40))
def test_the_root_is_that_of_the_rfc(rows: list[bytes]) -> None:
    assert merkle.root_of(_leaves(rows)) == _by_the_rfc(_leaves(rows))


def test_known_vectors_of_the_rfc_hold() -> None:
    # The tests of Google's certificate-transparency: leaves are SHA-256(0x00, data), here with the
    # salt as the first part of the data.
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root_of([]).hex() == empty
    assert merkle.leaf_of(SALT, b"row") == sha256(b"\x00" + SALT + b"row").digest()
    plain = [sha256(b"\x00" + one).digest() for one in (b"", b"\x00", b"\x10")]
    assert plain[0].hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    root = "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert merkle.root_of(plain).hex() == root


@given(ROWS)
def test_every_row_leads_to_the_root(rows: list[bytes]) -> None:
    leaves = _leaves(rows)
    root, paths = merkle.root_of(leaves), merkle.audit_paths(leaves, range(len(rows)))
    for place, leaf in enumerate(leaves):
        assert merkle.leads_to(root, len(rows), place, leaf, paths[place])


@given(ROWS, st.data())
def test_no_other_row_place_or_number_does(rows: list[bytes], data: st.DataObject) -> None:
    leaves = _leaves(rows)
    root = merkle.root_of(leaves)
    place = data.draw(st.integers(0, len(rows) - 1))
    path = merkle.audit_paths(leaves, [place])[place]
    other = merkle.leaf_of(bytes(32), rows[place])
    assert not merkle.leads_to(root, len(rows), place, other, path)
    elsewhere = data.draw(st.integers(-1, len(rows) + 1).filter(lambda one: one != place))
    assert not merkle.leads_to(root, len(rows), elsewhere, leaves[place], path)
    assert not merkle.leads_to(root, len(rows), place, leaves[place], (*path, bytes(32)))
    if path:
        assert not merkle.leads_to(root, len(rows), place, leaves[place], path[:-1])
        assert not merkle.leads_to(root, len(rows), place, leaves[place], path[::-1]) or (
            path == path[::-1]
        )


def test_a_tree_cut_short_has_another_root_and_no_longer_path_fits() -> None:
    leaves = _leaves([b"a", b"b", b"c", b"d", b"e"])
    root = merkle.root_of(leaves)
    assert merkle.root_of(leaves[:4]) != root
    path = merkle.audit_paths(leaves, [1])[1]
    assert merkle.leads_to(root, 5, 1, leaves[1], path)
    assert not merkle.leads_to(root, 4, 1, leaves[1], path)
    assert not merkle.leads_to(root, 2, 1, leaves[1], path)


def test_a_node_passes_for_no_row() -> None:
    # Without prefixes a tree of two rows whose texts are two nodes would have the root of four.
    leaves = _leaves([b"a", b"b", b"c", b"d"])
    root = merkle.root_of(leaves)
    left = sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    right = sha256(b"\x01" + leaves[2] + leaves[3]).digest()
    assert root == sha256(b"\x01" + left + right).digest()
    as_row = merkle.leaf_of(left, right)  # 32 bytes of salt, and the rest as the row
    assert not merkle.leads_to(root, 1, 0, as_row, ())
    # The node itself, said to be a leaf of a tree of two: it fits by the hashes, so that a leaf
    # must always be hashed from a row, and the number of rows be the sealed one.
    assert merkle.leads_to(root, 2, 0, left, (right,))
    assert not merkle.leads_to(root, 4, 0, left, (right,))


def test_one_row_is_its_own_root_and_no_rows_have_none() -> None:
    (leaf,) = _leaves([b"only"])
    assert merkle.root_of([leaf]) == leaf
    assert merkle.audit_paths([leaf], [0]) == {0: ()}
    assert merkle.leads_to(leaf, 1, 0, leaf, ())
    assert not merkle.leads_to(merkle.root_of([]), 0, 0, leaf, ())


def test_a_place_that_is_not_there_and_an_odd_salt_are_refused() -> None:
    with pytest.raises(IndexError, match="no row 2: there are 2, from 0"):
        merkle.audit_paths(_leaves([b"a", b"b"]), [2])
    with pytest.raises(ValueError, match="a salt has 32 bytes, not 31"):
        merkle.leaf_of(bytes(31), b"")


def test_a_path_longer_than_any_tree_is_not_walked() -> None:
    leaf = merkle.leaf_of(SALT, b"row")
    assert not merkle.leads_to(leaf, 1 << 70, 0, leaf, (bytes(32),) * (merkle.MAX_LEVELS + 1))
