"""Laws of the digest of weights: the same parameters, the same digest, whoever holds them."""

from __future__ import annotations

import struct
from hashlib import sha256
from pathlib import Path
from typing import Final

from evidence.rules.weights_digest import Tensor, weights_sha256

PAGE: Final = Path(__file__).parents[2] / "docs" / "format.md"
ONE: Final = struct.pack("<4f", 1, 2, 3, 4)


def tensor(name: str, data: bytes = ONE, shape: tuple[int, ...] = (2, 2)) -> Tensor:
    return Tensor(name, "F32", shape, lambda: data)


def test_the_example_of_the_page() -> None:
    found = weights_sha256([tensor("w")])
    assert found == sha256(b"w\0F32\0002,2\0" + ONE).hexdigest()
    assert found in PAGE.read_text("utf-8")


def test_the_order_in_which_tensors_come_is_nothing() -> None:
    a, b = tensor("a"), tensor("b", ONE[::-1])
    assert weights_sha256([a, b]) == weights_sha256([b, a])


def test_a_name_a_shape_and_numbers_are_something() -> None:
    others = [
        [tensor("v")],
        [tensor("w", shape=(4, 1))],
        [tensor("w", ONE[::-1])],
        [Tensor("w", "BF16", (2, 2), lambda: ONE)],
        [tensor("w"), tensor("x")],
    ]
    found = {weights_sha256(one) for one in ([tensor("w")], *others)}
    assert len(found) == len(others) + 1


def test_numbers_that_were_exchanged_between_two_names_are_others() -> None:
    right = [tensor("a"), tensor("b", ONE[::-1])]
    wrong = [tensor("a", ONE[::-1]), tensor("b")]
    assert weights_sha256(right) != weights_sha256(wrong)
