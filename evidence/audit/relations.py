"""Verdicts on what is said of several values: differences, ratios, mean ± spread.

Responsible for arithmetic between values. Which of the usual readings was meant is not guessed:
one that agrees is enough, and only where none does, and both operands stand beside, is a
difference contradicted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations, islice, permutations
from typing import Final

from evidence.audit.claims import Claim, Judged
from evidence.audit.fitting import fit
from evidence.audit.known import Known
from evidence.audit.numbers import judge_number
from evidence.audit.quantities import Quantity
from evidence.audit.shelf import Group, Shelf

MAX_PAIRS: Final = 300
MAX_TOGETHER: Final = 40
MAX_LEFT_OUT: Final = 2
MAX_LINES: Final = 6
"""That a sentence may go over."""
_HUNDRED: Final = Decimal(100)
_TINY: Final = Decimal("1e-9")
_NORMAL: Final = Decimal("1.96")
_STUDENT: Final = (
    *("12.706", "4.303", "3.182", "2.776", "2.571", "2.447", "2.365", "2.306", "2.262", "2.228"),
    *("2.201", "2.179", "2.160", "2.145", "2.131", "2.120", "2.110", "2.101", "2.093", "2.086"),
)
"""Quantiles of Student's t at 0.975 for 1, 2, … degrees of freedom."""


def judge_difference(claim: Claim, beside: Sequence[Claim], shelf: Shelf) -> Judged:
    """A change or a ratio, held against the values in its sentence, then against those known."""
    quantity = claim.quantity
    assert quantity is not None  # noqa: S101 - a difference has one
    operands = [
        one.quantity
        for one in beside
        if one.quantity is not None
        and one is not claim
        and one.quantity.num_digits > 1
        and claim.meaning.measure in ("", one.meaning.measure)
    ]
    for first, second in islice(permutations(operands, 2), MAX_PAIRS):
        if _is_between(quantity, first.value, second.value, (first.ulp, second.ulp)):
            message = f"follows from {first.text} and {second.text}, which stand beside it"
            return Judged(claim, "supported", message)
    known = _known_pair(claim, quantity, shelf)
    if known is not None:
        one, other = known
        message = f"follows from {one.text} and {other.text}"
        return Judged(claim, "supported", message, "", (*one.places, *other.places))
    direct = judge_number(claim, shelf)
    if direct.verdict == "supported":
        return direct
    is_plain = not claim.hedge and shelf.explains_around(claim)
    if len(operands) == 2 and quantity.unit in ("%", "x") and is_plain:
        first, second = operands
        expected = _expected(quantity, first.value, second.value)
        if expected:
            message = f"{first.text} and {second.text}, which stand beside it, give {expected}"
            return Judged(claim, "contradicted", message, expected)
    return Judged(claim, "unsupported", "follows from no two values of the kind")


def _is_between(
    claim: Quantity, first: Decimal, second: Decimal, ulps: tuple[Decimal, ...] = ()
) -> bool:
    """Whether a claim is how two values differ, in one of the usual readings."""
    return any(
        abs(abs(claim.value) - abs(value)) <= claim.ulp / 2 + slack
        or (claim.relation != "equal" and abs(abs(claim.value) - abs(value)) <= abs(value) / 20)
        for value, slack in _readings(claim, first, second, ulps)
    )


def _readings(
    claim: Quantity, first: Decimal, second: Decimal, ulps: tuple[Decimal, ...]
) -> Iterator[tuple[Decimal, Decimal]]:
    """Each reading with what the rounding of both values leaves open."""
    slack = sum(ulps, Decimal(0)) / 2
    apart = second - first
    if claim.unit in ("", "%"):
        yield apart, slack
        yield apart * _HUNDRED, slack * _HUNDRED
    if first:
        relative = slack * (abs(first) + abs(second)) / first**2
        if claim.unit in ("", "%"):
            yield apart / first * _HUNDRED, relative * _HUNDRED
        if claim.unit in ("", "x"):
            yield second / first, relative


def _known_pair(claim: Claim, quantity: Quantity, shelf: Shelf) -> tuple[Known, Known] | None:
    group = _group(claim, shelf)
    values = [one for one in group.summaries if one.value is not None][:60]
    for one, other in islice(combinations(values, 2), MAX_PAIRS):
        a, b = one.value or Decimal(0), other.value or Decimal(0)
        if quantity.num_digits > 1 and (_is_between(quantity, a, b) or _is_between(quantity, b, a)):
            return one, other
    return None


def _expected(quantity: Quantity, first: Decimal, second: Decimal) -> str:
    if quantity.unit == "%" and first:
        return f"{abs(second - first) / abs(first) * _HUNDRED:.1f} %"
    if quantity.unit == "x" and first and second:
        return f"{max(first / second, second / first):.2f}"
    return ""


def _group(claim: Claim, shelf: Shelf) -> Group:
    """Values of what a claim measures, of one stage alone where it names that for certain."""
    said = shelf.said_of(claim)
    return shelf.of_stage(said.names[0] if said.is_sure else "", shelf.group(claim.meaning))


def judge_statistic(claim: Claim, shelf: Shelf) -> Judged:
    """Mean ± spread: both, of the sample or of the population; or without some of the values."""
    quantity = claim.quantity
    assert quantity is not None  # noqa: S101 - a statistic has one
    judged = judge_number(claim, shelf)
    value = quantity.spread or Decimal(0)
    spread = Quantity(f"± {value}", value, quantity.spread_ulp, 0, 0, quantity.unit)
    group = _group(claim, shelf)
    if judged.verdict == "supported":
        return _spread(judged, spread, group.all, shelf)
    left = _left_out(claim, quantity, group.all)
    if left is not None and judged.verdict in ("contradicted", "mislabelled"):
        return Judged(claim, "mislabelled", left, judged.expected, judged.places)
    return judged


def _spread(judged: Judged, spread: Quantity, all_: Sequence[Known], shelf: Shelf) -> Judged:
    claim = judged.claim
    means = [one for one in all_ if one.members and _fits(claim, one)]
    stated = [*shelf.measure("stderr").all, *shelf.measure("std").all]
    agreed = next((one for one in stated if not one.members and _near(spread, one)), None)
    if agreed is not None:
        return Judged(
            claim, "supported", f"± is {agreed.name}", "", (*judged.places, *agreed.places)
        )
    for one in means:
        named = [(f"standard deviation of the {k}", v) for k, v in _deviations(one.members)]
        for kind, value in (*named, *_errors(one.members)):
            if _rounds_to(value, spread) or _rounds_to(value * _HUNDRED, spread):
                message = f"{one.how}; ± is the {kind}"
                return Judged(claim, "supported", message, "", one.places)
    if means and claim.is_certain:
        expected = ", ".join(
            f"{value:.4g} ({kind})" for kind, value in _deviations(means[0].members)
        )
        message = f"the mean agrees; the standard deviation of the values is {expected}"
        return Judged(claim, "contradicted", message, expected, means[0].places)
    return Judged(
        claim, "unsupported", "the value agrees; no file says its spread", "", judged.places
    )


def _near(spread: Quantity, one: Known) -> bool:
    return fit(spread, one, "std") in ("exact", "cut")


def _rounds_to(value: Decimal, spread: Quantity) -> bool:
    return abs(value - spread.value) <= spread.ulp / 2 + abs(value) * _TINY


def _fits(claim: Claim, one: Known) -> bool:
    return (
        claim.quantity is not None and fit(claim.quantity, one, claim.meaning.measure) is not None
    )


def _deviations(values: Sequence[Decimal]) -> list[tuple[str, Decimal]]:
    mean = sum(values, Decimal(0)) / len(values)
    squares = sum(((value - mean) ** 2 for value in values), Decimal(0))
    found = [("population", (squares / len(values)).sqrt())]
    if len(values) > 1:
        found.insert(0, ("sample", (squares / (len(values) - 1)).sqrt()))
    return found


def _errors(values: Sequence[Decimal]) -> Iterator[tuple[str, Decimal]]:
    """What else than a deviation may stand behind ±."""
    number = len(values)
    for kind, deviation in _deviations(values):
        error = deviation / Decimal(number).sqrt()
        yield f"standard error ({kind})", error
        yield f"95 % interval, normal ({kind})", error * _NORMAL
        if 2 <= number <= len(_STUDENT) + 1:
            yield f"95 % interval, Student ({kind})", error * Decimal(_STUDENT[number - 2])
    yield "half of the range", (max(values) - min(values)) / 2


def _left_out(claim: Claim, quantity: Quantity, all_: Sequence[Known]) -> str | None:
    """Words where the mean is that of all values but one or two."""
    for one in all_:
        if not 2 < len(one.members) <= 30 or not one.is_over_runs:
            continue
        for number in range(1, MAX_LEFT_OUT + 1):
            for left in combinations(range(len(one.members)), number):
                kept = [v for index, v in enumerate(one.members) if index not in left]
                mean = sum(kept, Decimal(0)) / len(kept)
                trial = Known(one.meaning, one.name, "", one.places, mean)
                if fit(quantity, trial, claim.meaning.measure) == "exact":
                    out = ", ".join(f"{one.members[index].normalize():f}" for index in left)
                    return (
                        f"{quantity.text} is the mean of {len(kept)} of {len(one.members)} values, "
                        f"without {out}; of all it is {one.text}"
                    )
    return None


def of_row(claim: Claim, others: Sequence[Claim]) -> Judged | None:
    """An average at the end of a row, where it is that of the other cells."""
    values = [one.quantity.value for one in others if one.quantity is not None and one is not claim]
    if claim.meaning.aggregate != "mean" or claim.quantity is None or len(values) < 2:
        return None
    mean = sum(values, Decimal(0)) / len(values)
    if abs(mean - claim.quantity.value) > claim.quantity.ulp / 2 + abs(mean) * _TINY:
        return None
    return Judged(claim, "supported", f"the mean of the {len(values)} values beside it")


def by_context(claims: Sequence[Claim]) -> dict[str, list[Claim]]:
    """Numbers that stand together, by their sentence or row."""
    found: dict[str, list[Claim]] = {one.context: [] for one in claims}
    for one in claims:
        together = found[one.context]
        is_near = not together or abs(one.line - together[0].line) <= MAX_LINES
        if one.kind == "number" and is_near and len(together) < MAX_TOGETHER:
            together.append(one)
    return found
