"""Laws of a pair of conditions: counts, the exact test, the interval of the difference."""

from __future__ import annotations

import math
import statistics
import time
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evidence.records.availability import Unavailable
from evidence.records.evaluation import PairedRecord
from evidence.records.run import PredictionRow
from evidence.rules import paired as module
from evidence.rules.matching import matched
from evidence.rules.paired import difference_interval, exact_mcnemar, paired, smallest_p
from evidence.text.evaluations import of_pair
from tests.rules.answers import answer, answers

VERDICTS = st.text("+-", min_size=1, max_size=40)


def pair(first: list[PredictionRow], second: list[PredictionRow]) -> PairedRecord:
    found = paired(first, second, ["exact"])["exact"]
    assert isinstance(found, PairedRecord)
    return found


def by_counting(worse: int, better: int) -> Fraction:
    """The two-sided p-value from all 2^m ways in which m questions can come out."""
    total, fewer = worse + better, min(worse, better)
    ways = sum(min(k, total - k) <= fewer for k in map(sum, product((0, 1), repeat=total)))
    return Fraction(ways, 2**total)


@given(st.integers(0, 6), st.integers(0, 6))
def test_mcnemars_test_counts_every_way_to_come_out(worse: int, better: int) -> None:
    found = exact_mcnemar(worse, better)
    if not worse + better:
        assert isinstance(found, Unavailable)
    else:
        assert found == pytest.approx(float(by_counting(worse, better)), rel=1e-14)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemars_test_is_the_sum_of_binomial_coefficients(worse: int, better: int) -> None:
    total = worse + better
    if total:
        terms = sum(math.comb(total, k) for k in range(min(worse, better) + 1))
        wanted = min(1.0, float(Fraction(2 * terms, 2**total)))
        assert exact_mcnemar(worse, better) == pytest.approx(wanted, rel=1e-12)


def test_mcnemars_test_has_published_values() -> None:
    """Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91, 2013: airway
    hyper-responsiveness of 21 children, 1 and 7 of whom changed; 0.070."""
    assert exact_mcnemar(1, 7) == 0.0703125
    assert exact_mcnemar(7, 1) == 0.0703125
    assert exact_mcnemar(3, 3) == 1.0


def test_no_p_value_is_zero_and_the_largest_evaluation_is_tested_in_time() -> None:
    began = time.monotonic()
    assert 0 < exact_mcnemar(0, 5000) < 1e-300
    assert 0 < smallest_p(200_000) < 1e-300
    assert exact_mcnemar(25_000, 25_000) == 1.0
    assert time.monotonic() - began < 10


@given(VERDICTS, st.data())
def test_a_pair_says_the_same_from_either_side(verdicts: str, data: st.DataObject) -> None:
    other = data.draw(st.text("+-", min_size=len(verdicts), max_size=len(verdicts)))
    first, second = answers(verdicts), answers(other)
    one, back = pair(first, second), pair(second[::-1], first)
    assert one.rates == back.rates[::-1]
    assert one.difference == -back.difference
    assert (one.num_worse, one.num_better) == (back.num_better, back.num_worse)
    assert one.p_value == back.p_value
    if isinstance(one.interval, Unavailable):
        assert len({*zip(verdicts, other, strict=True)} - {("+", "+"), ("-", "-")}) < 2
        assert one.interval == back.interval
    else:
        assert isinstance(back.interval, tuple)
        assert one.interval == (-back.interval[1], -back.interval[0])
        assert -1 <= one.interval[0] <= one.interval[1] <= 1


@given(VERDICTS, st.data())
def test_the_counts_of_a_pair_are_those_of_its_rows(verdicts: str, data: st.DataObject) -> None:
    other = data.draw(st.text("+-", min_size=len(verdicts), max_size=len(verdicts)))
    found, sides = pair(answers(verdicts), answers(other)), [*zip(verdicts, other, strict=True)]
    assert found.num_worse == sides.count(("+", "-"))
    assert found.num_better == sides.count(("-", "+"))
    difference = found.num_better - found.num_worse
    assert found.difference * len(sides) == pytest.approx(difference, abs=1e-9)
    assert found.smallest_p == 2.0 ** (1 - len(sides))
    if not isinstance(found.p_value, Unavailable):
        assert found.smallest_p <= found.p_value <= 1


def test_the_bootstrap_is_the_one_of_all_resamples() -> None:
    """Against the exact distribution of the mean of 12 draws: a multinomial, not drawn at all."""
    differences = [1.0] * 4 + [-1.0] * 1 + [0.0] * 7
    count = len(differences)
    ways: dict[int, int] = {0: 1}
    for _ in range(count):
        grown: dict[int, int] = {}
        for total, number in ways.items():
            for step, times in ((1, 4), (-1, 1), (0, 7)):
                grown[total + step] = grown.get(total + step, 0) + number * times
        ways = grown
    found = difference_interval(differences)
    assert isinstance(found, tuple)
    below = Fraction(sum(n for t, n in ways.items() if t < round(found[0] * count)), count**count)
    upto = Fraction(sum(n for t, n in ways.items() if t <= round(found[0] * count)), count**count)
    assert below < 0.032
    assert upto > 0.018
    above = Fraction(sum(n for t, n in ways.items() if t > round(found[1] * count)), count**count)
    from_ = Fraction(sum(n for t, n in ways.items() if t >= round(found[1] * count)), count**count)
    assert above < 0.032
    assert from_ > 0.018


def test_the_bootstrap_gives_the_same_numbers_everywhere() -> None:
    differences = [(-1.0, 0.0, 1.0, 1.0, 0.0)[index % 5] for index in range(40)]
    assert difference_interval(differences) == PINNED


PINNED = (-0.025, 0.425)
"""Computed on CPython 3.11; every draw is a whole number of the stream."""


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20, unique=True))
def test_as_many_resamples_are_cut_off_at_either_end(differences: list[float]) -> None:
    there, back = (difference_interval([s * one for one in differences]) for s in (1, -1))
    assert isinstance(there, tuple)
    assert isinstance(back, tuple)
    assert back == (-there[1], -there[0])
    means = sorted(module._resampled_means(differences))
    assert len(means) == module.NUM_RESAMPLES
    assert sum(one <= there[0] for one in means) >= 50 > sum(one < there[0] for one in means)


def test_many_questions_have_the_normal_interval_and_it_is_near_the_bootstrap() -> None:
    few = [(-1.0, 0.0, 1.0, 1.0, 0.0)[index % 5] for index in range(module.MAX_RESAMPLED)]
    drawn, normal = difference_interval(few), difference_interval([*few, 0.0])
    assert isinstance(drawn, tuple)
    assert isinstance(normal, tuple)
    assert normal == pytest.approx(drawn, abs=0.01)
    mean, spread_ = statistics.fmean([*few, 0.0]), statistics.stdev([*few, 0.0])
    wanted = module.Z * spread_ / math.sqrt(len(few) + 1)
    assert normal == pytest.approx((mean - wanted, mean + wanted), rel=1e-12)
    rows = answers("+-" * 300), answers("-+" * 300)
    assert pair(*rows).interval_method == "normal"


def test_questions_that_all_differ_alike_have_no_interval() -> None:
    found = pair(answers("----"), answers("++++"))
    assert isinstance(found.interval, Unavailable)
    assert "same amount" in found.interval.reason
    found = pair(answers("+-+-"), answers("+-+-"))
    assert isinstance(found.interval, Unavailable)
    assert isinstance(found.p_value, Unavailable)
    assert found.difference == 0


def test_numbers_are_compared_by_their_means_and_are_no_shares() -> None:
    def sides(values: list[float]) -> list[PredictionRow]:
        found = [answer(n, False, prompt=f"p{n}") for n in range(len(values))]
        pairs = zip(found, values, strict=True)
        return [replace(row, measured={"score": value}) for row, value in pairs]

    found = paired(sides([10.0, 20.0, 30.0]), sides([12.0, 26.0, 29.0]), ["score"])["score"]
    assert isinstance(found, PairedRecord)
    assert (found.rates, found.difference) == ((20.0, 67 / 3), 7 / 3)
    assert (found.num_better, found.num_worse, found.are_shares) == (2, 1, False)
    assert isinstance(found.interval, tuple)
    assert found.interval[1] > 1
    said = of_pair(found)
    assert said.startswith("20 and 22.3333 of the same 3 questions, a difference of 2.33333 (95 %")
    assert "1 higher under the first, 2 under the second, exact sign test" in said


def test_rows_of_one_question_are_one_observation_of_a_pair() -> None:
    first = [answer(index, False, prompt="the same") for index in range(30)]
    second = [answer(index, True, prompt=f"another {index}") for index in range(30)]
    found = pair(first, second)
    assert (found.num_rows, found.num_questions, found.num_better) == (30, 1, 1)
    assert found.p_value == 1.0


def test_rows_without_a_partner_or_a_verdict_are_counted_and_left_out() -> None:
    first = [answer(0), answer(1, id="other"), answer(2), answer(4, scores={})]
    second = [answer(0), answer(1), answer(2), answer(3), answer(4)]
    found = pair(first, second)
    assert (found.num_rows, found.num_only_first, found.num_only_second) == (2, 1, 2)
    assert found.num_not_scored == 1
    assert paired(first, second, ["none"]) == {
        "none": Unavailable("no row has a verdict of none in both")
    }
    assert isinstance(paired(first, [], ["exact"])["exact"], Unavailable)


def test_a_row_that_is_there_twice_has_two_partners_at_most() -> None:
    found = matched([answer(0), answer(0), answer(0)], [answer(0), answer(0)])
    assert (len(found.pairs), found.num_only_first, found.num_only_second) == (2, 1, 0)
