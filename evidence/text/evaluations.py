"""What an evaluation can tell, and what it cannot, in plain sentences. Pure.

Responsible for the words that verify, the summary and the command line share. Names of scorers,
fields and stages come from records: they are foreign text, to be escaped where shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from evidence.records.availability import Unavailable
from evidence.records.evaluation import (
    LEVEL,
    Compared,
    PairedRecord,
    SamenessRecord,
    SeenQuestions,
    SpreadRecord,
    UnderTestRecord,
)
from evidence.text.formatting import count, percent, plural, significant

_METHODS: Final = {"paired-bootstrap": "paired bootstrap", "normal": "normal approximation"}


def of_pair(pair: PairedRecord) -> str:
    """Both rates, their difference with its interval, the test by name and what it can tell."""
    first, second = map(percent if pair.are_shares else significant, pair.rates)
    questions = plural(pair.num_questions, "question")
    if isinstance(pair.interval, Unavailable) and isinstance(pair.p_value, Unavailable):
        return f"{first} and {second} of the same {questions}; {pair.p_value.reason}"
    return (
        f"{first} and {second} of the same {questions}, a difference of "
        f"{_difference(pair, pair.difference)}{' points' if pair.are_shares else ''} "
        f"({_interval(pair)}); {_test(pair)}"
    )


def _interval(pair: PairedRecord) -> str:
    if isinstance(pair.interval, Unavailable):
        return f"no interval: {pair.interval.reason}"
    low, high = (_difference(pair, one) for one in pair.interval)
    return f"95 % interval: {low} to {high}, {_METHODS[pair.interval_method]}"


def _test(pair: PairedRecord) -> str:
    differing = pair.num_worse + pair.num_better
    if isinstance(pair.p_value, Unavailable):
        told = pair.p_value.reason
    else:
        how = "better" if pair.are_shares else "higher"
        told = (
            f"{count(pair.num_worse)} {how} under the first, {count(pair.num_better)} under the "
            f"second, exact {'McNemar' if pair.are_shares else 'sign'} test: "
            f"p = {significant(pair.p_value, 2)}"
        )
    if pair.smallest_p > LEVEL:
        least = significant(pair.smallest_p, 2)
        return f"{told}; no test can tell with n = {pair.num_questions} (p is {least} at least)"
    if differing and (least_p := 2.0 ** (1 - min(differing, 64))) > LEVEL:
        least = significant(least_p, 2)
        differ = "differs" if differing == 1 else "differ"
        return f"{told}; where {differing} {differ}, p cannot be below {least}"
    return told


def _difference(pair: PairedRecord, value: float) -> str:
    return percent(value).removesuffix(" %") if pair.are_shares else significant(value)


def of_same_prompts(same: SamenessRecord, compared: Compared) -> str:
    """That two conditions ask the same thing; empty where they do not, or are meant to."""
    alike = same.num_equal_prompts + same.num_prompts_apart_in_space
    if compared == "models" or not alike:
        return ""
    if alike < same.num_rows:
        are = "is" if alike == 1 else "are"
        return f"{count(alike)} of {plural(same.num_rows, 'prompt')} {are} equal in both conditions"
    but = " but for white space" if same.num_prompts_apart_in_space else ""
    prompts = "the only prompt is" if alike == 1 else f"all {count(alike)} prompts are"
    return f"{prompts} equal{but}: the two conditions ask the same thing"


def of_same_outputs(same: SamenessRecord) -> str:
    """How much a pair can show at most, since predictions are equal; empty where none is."""
    equal, rows = same.num_equally_scored, same.num_rows
    if not equal:
        return ""
    share = f"{count(equal)} of {plural(rows, 'prediction')} {'is' if equal == 1 else 'are'} equal"
    if equal == rows:
        return f"{share}: this pair can show no difference, whatever the scorer"
    least = plural(rows - equal, "row")
    return f"{share}: this pair can show a difference in {least} at most"


def of_prompts_apart(same: SamenessRecord) -> str:
    """How many prompts two models were not both asked alike; empty where all are equal."""
    apart = same.num_rows - same.num_equal_prompts
    if not apart:
        return ""
    spaces = same.num_prompts_apart_in_space
    only = f", {count(spaces)} of them in white space only" if spaces else ""
    return f"{count(apart)} of {plural(same.num_rows, 'prompt')} differ between the two{only}"


def of_under_test(found: UnderTestRecord) -> str:
    """That what is tested was not in the prompt; empty where it was, in all rows."""
    absent, not_checked = len(found.absent), len(found.not_checked)
    rows, skipped = plural(found.num_rows, "row"), ""
    if not_checked:
        have = "has" if not_checked == 1 else "have"
        skipped = f"{count(not_checked)} of {rows} {have} no text in {found.field}: not checked"
    if not absent:
        return skipped
    share = f"{found.field} is not in the prompt of {count(absent)} of {rows}"
    if absent + not_checked < found.num_rows:
        told = f"{share}: there the model cannot react to it"
    else:
        told = f"{share}: the model was never shown it, so its rate can only be 0 % or chance"
    return f"{told}; {skipped}" if skipped else told


def of_seen(name: str, seen: SeenQuestions) -> str:
    """Which part of an evaluation an ancestor was trained on; empty where none is known to be."""
    met = len({*seen.exact, *seen.normalised, *seen.ngram})
    if not met:
        return ""
    share = f"{count(met)} of {plural(seen.num_questions, 'question')}"
    stand = "is" if met == 1 else "are"
    if not seen.exact:
        near = "overlaps" if met == 1 else "overlap"
        return f"{share} {near} with the training data of {name}, none of them exactly"
    return f"{share} {stand} in the training data of {name}, {count(len(seen.exact))} exactly"


def of_spread(spread: SpreadRecord, shown: Callable[[float], str] = significant) -> str:
    """Mean, spread by its kind, range, and who was left out; `shown`: how a number is written."""
    runs = plural(spread.num_runs, "run")
    if isinstance(spread.sample_sd, Unavailable):
        told = f"{shown(spread.mean)} in {runs}; spread not measured: "
        told += spread.sample_sd.reason
    else:
        told = (
            f"mean {shown(spread.mean)} of {runs}, sample standard deviation (n − 1) "
            f"{shown(spread.sample_sd)}, from {shown(spread.min)} to {shown(spread.max)}"
        )
    return f"{told}; left out: {', '.join(spread.left_out)}" if spread.left_out else told
