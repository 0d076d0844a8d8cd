"""What an evaluation can tell: rates, pairs of conditions, seeds, questions seen in training.

`first` and `second` are two conditions that the same questions were asked under. Rows of a data set
count from 0.
"""

from typing import Final, Literal

from evidence.records.availability import Unavailable
from evidence.records.record import Number, Record

Compared = Literal["prompts", "models"]
"""What two evaluations are meant to differ in: what was asked, or who was asked."""

LEVEL: Final = 0.05
"""A p-value above this is called no evidence of a difference."""


class PairedRecord(Record, omit_defaults=True):
    """One scorer, one set of questions, two conditions."""

    scorer: str
    num_rows: int
    """In both conditions, by id and row of the evaluation set, with a verdict in both."""
    num_questions: int
    num_only_first: int
    num_only_second: int
    num_not_scored: int
    """Rows in both that lack a verdict of this scorer in one of them."""
    rates: tuple[Number, Number]
    """Mean over the questions."""
    difference: Number
    """The second rate less the first."""
    interval: tuple[Number, Number] | Unavailable
    """95 % interval of the difference."""
    interval_method: Literal["paired-bootstrap", "normal"]
    num_worse: int
    """Questions that the first condition did better on,"""
    num_better: int
    """and the second."""
    test: Literal["exact-mcnemar"]
    p_value: Number | Unavailable
    """Two-sided."""
    smallest_p: Number
    """That so many questions can give, if each of them came out differently."""
    are_shares: bool = True
    """Whether each row is right or wrong; else it has a number, and the rates are means of it."""


class SamenessRecord(Record):
    """How far two conditions were asked the same, and answered the same. Counts are of rows."""

    num_rows: int
    """In both, by id and row of the evaluation set."""
    num_only_first: int
    num_only_second: int
    num_equal_prompts: int
    """Character by character."""
    num_prompts_apart_in_space: int
    """Prompts that differ in white space only."""
    num_equal_outputs: int
    num_equal_answers: int
    num_equally_scored: int
    """Output, answer and expected answer are equal, so that no scorer can tell the two apart."""


class PairRecord(Record):
    """Two evaluations that are held against each other (results.json)."""

    evaluations: tuple[str, str]
    """Names of their stages."""
    compared: Compared
    address: str
    """The rows of both."""
    same: SamenessRecord | Unavailable
    scored: dict[str, PairedRecord | Unavailable]
    """By the name of each scorer that both have."""


class UnderTestRecord(Record):
    """Whether what an evaluation is about stands in what the model was asked."""

    field: str
    """Of the rows: it holds what is under test, such as an error put in."""
    num_rows: int
    num_in_prompt: int
    absent: tuple[int, ...]
    """Rows in whose prompt it is not."""
    not_checked: tuple[int, ...]
    """Rows in which the field is missing, empty, or no text."""


class SeenQuestions(Record):
    """Questions of an evaluation that training data ask too, by row of the evaluation set."""

    num_questions: int
    num_rows: int
    """Of the training data."""
    exact: tuple[int, ...]
    """The same characters."""
    normalised: tuple[int, ...]
    """The same once Unicode form, case and white space are aside; exact ones included."""
    ngram: tuple[int, ...]
    """NGRAM_WORDS words in a row in common; a shorter question is compared as a whole."""


class SpreadRecord(Record):
    """One number over several runs that differ by their seed."""

    num_runs: int
    mean: Number
    sample_sd: Number | Unavailable
    """Standard deviation of a sample: divided by n − 1."""
    min: Number
    max: Number
    range: Number
    left_out: tuple[str, ...]
    """Runs that are not among them, by name."""
