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

    @property
    def all_scorers(self) -> tuple[str, ...]:
        """Names of everything that an output is judged by."""
        return (*self.scorers, *(one.name for one in self.scorer))


EVAL_OPTIONS: Final = ("dtype",)
"""Fields of `EvalSpec` that came after its first form: at their default they are left out of
whatever is digested of an evaluation, so that a pack from before them stays what it was."""
