"""Laws of reading numbers: value, digits shown, unit, bound, spread."""

from __future__ import annotations

from decimal import Decimal

import pytest

from evidence.audit.quantities import quantities


def read(text: str) -> list[tuple[str, str, str]]:
    return [
        (f"{one.value.normalize():f}", f"{one.ulp.normalize():f}", one.unit)
        for one in quantities(text)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("73.2 seconds", [("73.2", "0.1", "s")]),
        ("1m 13s", [("73", "1", "s")]),
        ("0:01:13.22", [("73.22", "0.01", "s")]),
        ("2 h 5 min", [("7500", "60", "s")]),
        ("1.87e-5", [("0.0000187", "0.0000001", "")]),
        ("1.5 × 10^-4", [("0.00015", "0.00001", "")]),
        ("2 × 10⁻⁵", [("0.00002", "0.00001", "")]),
        ("37,849 tokens", [("37849", "1", "tokens")]),
        ("2.5B parameters", [("2500000000", "100000000", "parameters")]),
        ("2.51 billion parameters", [("2510000000", "10000000", "parameters")]),
        (
            "7.51 samples/sec, 1.88 steps/s",
            [("7.51", "0.01", "samples_per_s"), ("1.88", "0.01", "steps_per_s")],
        ),
        ("84.4%", [("84.4", "0.1", "%")]),
        ("10-20", [("10", "1", ""), ("20", "1", "")]),
        ("−0.3", [("-0.3", "0.1", "")]),
    ],
)
def test_a_number_has_value_digits_and_unit(
    text: str, expected: list[tuple[str, str, str]]
) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "gemma-2b",
        "2.11.0.dev20260102+cu128",
        "Python 3.12.10",
        "v4.57",
        "sm_120",
        "RTX-5090",
        "4th",
        "apache-2.0",
    ],
)
def test_parts_of_names_and_versions_are_no_numbers(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("under 2 hours", "at-most"),
        ("≤ 0.5", "at-most"),
        ("more than 0.9", "at-least"),
        ("1000+ steps", "at-least"),
        ("about 73 s", "about"),
        ("~94.2%", "about"),
        ("94.2%", "equal"),
    ],
)
def test_a_bound_is_taken_at_its_word(text: str, relation: str) -> None:
    assert [one.relation for one in quantities(text)] == [relation]


def test_a_spread_belongs_to_its_mean() -> None:
    (one,) = quantities("0.81 ± 0.02")
    assert (one.value, one.spread, one.spread_ulp) == (
        Decimal("0.81"),
        Decimal("0.02"),
        Decimal("0.01"),
    )


def test_giga_may_be_gibi() -> None:
    (one,) = quantities("32 GB")
    assert one.unit == "bytes"
    assert one.value * one.other_base == 32 * 2**30
