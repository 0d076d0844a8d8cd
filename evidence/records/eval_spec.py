"""What a milestone asks of an evaluation: the record of [eval].

Every field is described for users in `schemas/milestone.v1.schema.json`; here stands what code
may rely on.
"""

from __future__ import annotations

from typing import Final, Literal

from evidence.records.record import Record
from evidence.records.training import Dtype


class PatternSpec(Record):
    """A behaviour: outputs in which the pattern (`evidence.rules.patterns`) occurs."""

    name: str
    kind: Literal["regex"]
    pattern: str


class FunctionSpec(Record):
    """A function of the author's that scores one answer: `metrics.py:score`."""

    file: str
    """Relative to the project."""
    name: str
    """Of the function, and of its score."""


OWN_METRICS: Final = ("mean_loss", "squad_f1", "rouge_l")
"""Metrics that are known by a name; any other is a function of the author's."""
Normalise = Literal["none", "tokens", "bytes"]
CHOICE: Final = "choice"
"""Name of the score of a question with choices."""


class ChoicesSpec(Record):
    """Questions with choices, of which the model finds one the likeliest."""

    field: str = "choices"
    """Field with the list of choices."""
    right: str = "answer"
    """Field that says which is right: its place in the list, from 0, or its letter, from A."""
    normalise: Normalise = "none"
    """By what the log-likelihood of a choice is divided before choices are compared."""


class EvalSpec(Record):
    """Generation and scoring."""

    data: str = "eval"
    limit: int | None = None
    id_field: str = "id"
    prompt: str = "{{ prompt }}"
    """Jinja template over a row's fields, giving the text fed to the model."""
    target_field: str = "expected_answer"
    group_by: tuple[str, ...] = ()
    answer_after: str | None = None
    """The answer is the first line after the last occurrence of this marker in the output."""
    max_new_tokens: int = 64
    batch_size: int = 16
    scorers: tuple[str, ...] = ("exact", "normalised", "numeric", "contains")
    """How answers are judged: rules of `evidence.rules.scoring`."""
    scorer: tuple[PatternSpec, ...] = ()
    """Behaviour that is counted: how often a pattern occurs in an output."""
    dtype: Dtype | None = None
    """Of a milestone that trains nothing: in which numbers the model is loaded. None: as it is
    trained, and bfloat16 where it is not."""
    metrics: tuple[str, ...] = ()
    """Numbers beside the scores. mean_loss: of the tokens of the expected answer, given the prompt;
    perplexity follows from it. squad_f1, rouge_l: of the words of the answer (`rules.squad`,
    `rules.rouge`). FILE.py:NAME: a function of the author's (`functions`)."""
    metric: str | None = None
    """One more function of the author's."""
    before_target: str = ""
    """Text between the prompt and the text whose likelihood is measured."""
    choices: ChoicesSpec | None = None
    """None: questions have no choices."""

    @property
    def all_scorers(self) -> tuple[str, ...]:
        """Names of everything that an output is judged by."""
        chosen = () if self.choices is None else (CHOICE,)
        return (*self.scorers, *(one.name for one in self.scorer), *chosen)

    @property
    def functions(self) -> tuple[FunctionSpec, ...]:
        """The author's own functions, each once, in the order in which they are named."""
        named = (*(() if self.metric is None else (self.metric,)), *self.metrics)
        parts = (one.rpartition(":") for one in dict.fromkeys(named) if one not in OWN_METRICS)
        return tuple(FunctionSpec(file, name) for file, _, name in parts)

    @property
    def files(self) -> tuple[str, ...]:
        """Files of these functions, each once."""
        return tuple(dict.fromkeys(one.file for one in self.functions))

    @property
    def measured(self) -> tuple[str, ...]:
        """Names of the numbers that each prediction has beside its scores."""
        return tuple(one.name for one in self.functions)

    @property
    def measures_likelihood(self) -> bool:
        """Whether the model is asked how likely texts are, beside what it writes."""
        return "mean_loss" in self.metrics or self.choices is not None


EVAL_OPTIONS: Final = ("dtype", "metrics", "metric", "before_target", "choices")
"""Fields of `EvalSpec` that came after its first form: at their default they are left out of
whatever is digested of an evaluation, so that a pack from before them stays what it was."""
