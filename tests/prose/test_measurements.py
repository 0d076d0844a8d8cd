"""What counts as a measurement typed into prose, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import PastLimitError
from evidence.prose.literals import Literal, measurements, plain_text


def literals(text: str) -> list[Literal]:
    return list(measurements(plain_text(text)))


def found(text: str) -> list[str]:
    return [literal.text for literal in literals(text)]


@pytest.mark.parametrize(
    ("text", "measurement"),
    [
        ("Final Train Loss 1.02", ["1.02"]),
        ("the loss fell from 6.75 to 0.44", ["6.75", "0.44"]),
        ("loss: 1", ["1"]),
        ("loss=1.02", ["1.02"]),
        ("accuracy of 45 %", ["45 %"]),
        ("accuracy of 45%", ["45%"]),
        ("9/20 correct", ["9/20 correct", "20 correct"]),
        ("138 optimizer steps", ["138 optimizer steps"]),
        ("3.1 million parameters", ["3.1 million parameters"]),
        ("~3.1M parameters", ["3.1M parameters"]),
        ("10–20 minutes", ["10–20 minutes", "20 minutes"]),
        ("it took 73.2s", ["73.2s"]),
        ("a rate of 2e-5", ["2e-5"]),
        ("twice: 2x faster", ["2x"]),
        ("| Steps | 138 |", ["138"]),
        ("| **Loss (end)** | `0.76` |", ["0.76"]),
        ("<b>0.47</b>", ["0.47"]),
        ("p<0.05", ["0.05"]),
        ("1,024 rows", ["1,024 rows"]),
        ("peak of 24GB", ["24GB"]),
        ("{{ 0.44 }}", ["0.44"]),
        ("ninety-five per cent of them", ["ninety-five percent"]),
        (
            "One hundred per cent, or twenty five percent",
            ["One hundred percent", "twenty five percent"],
        ),
        ("a loss of 1.**0**2", ["1.02"]),
        ("a loss of 1&#46;02 and 1&period;5", ["1.02", "1.5"]),
        (r"a loss of 1\.02", ["1.02"]),
        ("a loss of 1.<b>0</b>2", ["1.02"]),
        ("a loss of 1.<!-- -->02", ["1.02"]),
        ("a loss of **1**.02 or __1__.03", ["1.02", "1.03"]),
        ("a loss of [1](https://example.org).02", ["1.02"]),
        ("a loss of 1.\u200b02 or 1.\u00ad03", ["1.02", "1.03"]),
        ("a loss of \uff11\uff0e\uff10\uff12", ["1.02"]),
        ("\u0669\u0665\u066a of them", ["95%"]),
        ("an accuracy of .95", ["0.95"]),
        ("an accuracy of 0,95, or 95,5 %", ["0.95", "95.5 %"]),
        ("950‰ of them", ["950‰"]),
        ("⁹⁵ % of them, or ⑨⑤%", ["95 %", "95%"]),
        ("an accuracy of ¾", ["75 percent"]),
        ("⅔ of the answers are right", ["66.7 percent"]),
        ("19⁄20 correct", ["19/20 correct", "20 correct"]),
        ("19 out of 20 answers", ["19/20 answers", "20 answers"]),
        ("19 of 20 correct", ["19 of 20 correct", "20 correct"]),
        ("2\u202f506\u202f172\u202f416 parameters", ["2506172416 parameters"]),
    ],
)
def test_a_number_that_claims_to_be_measured_is_found(text: str, measurement: list[str]) -> None:
    assert found(text) == measurement


@pytest.mark.parametrize(
    "text",
    [
        "M43 runs after M42",
        "built for sm_120 with cu130 and bf16",
        "Python 3.11, torch 2.13 and transformers 5.23.0",
        "a rate, on Python 3.11",
        "gemma-2b, Gemma 2B and a 2B model",
        "on 2026-11-23 at 12:30",
        "in 2026, 1000+ rows",
        "the 4th place",
        "Apache 2.0; see Table 1.5",
        "1. first\n2. second",
        "issue #12 is closed",
        "{{ train.loss_end | fixed(3) }} and {{ train.padding_share | as('percent') }}",
        "{% if train.loss_end < 1.5 %}good{% endif %}",
        "Step 10 comes first, then 3 lessons",
        "in two steps, for three reasons, with three epochs and for one hour",
        "one of two files and the second attempt",
        "five hundred and one questions",
        "rows 0,10 and 0,12, seeds 1,2 and CUDA_VISIBLE_DEVICES=0,1",
        "10⁵ of them, a m², as was shown before ¹² and since.¹³",
        "① first ② second",
        "½ of a day, and 1½ pages",
        "files such as .gitignore, a.5 and .3gp",
        "",
    ],
)
def test_versions_names_dates_and_values_by_name_are_no_measurements(text: str) -> None:
    assert found(text) == []


def test_a_measurement_knows_its_line_its_unit_and_its_precision() -> None:
    (literal,) = literals("one\ntwo\nIt took 1.50 minutes.")
    assert (literal.line, literal.text, str(literal.value)) == (3, "1.50 minutes", "1.50")
    assert (str(literal.precision), literal.unit.of) == ("0.01", ("s",))
    assert literal.unit.factor == 60


def test_a_text_full_of_numbers_is_past_a_limit_instead_of_slow() -> None:
    with pytest.raises(PastLimitError):
        found("0.5 " * 10_001)
    assert len(found("0.5 " * 10_000)) == 10_000


@given(st.text(alphabet="0123456789.,eE+-/–%|{}()<>=: \nsMk", max_size=60))
def test_no_text_breaks_the_reading(text: str) -> None:
    for literal in measurements(text):
        assert text[literal.start : literal.end].replace(",", "")
        assert literal.line == text.count("\n", 0, literal.start) + 1
        assert literal.precision > 0
