"""Which value of a run the words around a number mean.

Responsible for the phrases alone: those that mean values of every run (final loss, accuracy), and
the names of measures that a run may not have made at all (F1, validation loss, perplexity).
Whether the number is that value is `support`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from evidence.prose.literals import Literal

_BETWEEN: Final = (
    r"(?:\s|\b(?:is|was|of|at|to|reached|fell|rose|dropped|ended|came|about|around|only|just|"
    r"approximately|roughly|value|a|the)\b|[:=≈~|*_`(<>≤≥-])*$"
)
_NAMED: Final = (
    (r"\b(?:final|end|last|ending) (?:train(?:ing)? )?loss", ("train.loss_end",)),
    (r"\bloss (?:\()?(?:at the end|end)\)?", ("train.loss_end",)),
    (r"\b(?:mean|average|avg) (?:train(?:ing)? )?loss", ("train.loss_mean",)),
    (r"\b(?:initial|first|start|starting) (?:train(?:ing)? )?loss", ("train.loss_start",)),
    (
        r"\btrain(?:ing)? loss",
        ("train.loss_end", "train.loss_mean", "train.loss_start"),
    ),
    (r"\blearning[ -]rate", ("train.learning_rate",)),
    (r"\b(?:train(?:ing)? )?runtime", ("train.runtime_s", "eval.runtime_s")),
    (r"\baccuracy", ("eval.*.rate",)),
    (r"\bexact match(?: rate)?", ("eval.exact.rate",)),
)
_BY_UNIT: Final[Mapping[tuple[str, ...], str]] = {
    ("samples/s",): "train.samples_per_s",
    ("steps/s",): "train.steps_per_s",
}
_MEASURES: Final[Mapping[str, str]] = {
    r"f1": "f1",
    r"bleu": "bleu",
    r"rouge(?:-[12l])?": "rouge",
    r"(?:roc[ -])?auc": "auc",
    r"wer": "wer",
    r"recall": "recall",
    r"(?:perplexity|ppl)": "perplexity",
    r"(?:validation|val|eval(?:uation)?|test|held-out|dev)[ -]loss": "probe",
    r"mfu": "mfu",
    r"pass@\d+": "pass",
}
"""Phrase → a part of the name that a value must have to be meant by it."""
_SCORE: Final = r"(?:[ -](?:score|rate))?"


@cache
def _named() -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    # When a number is first met: compiling them takes longer than reading a text without any.
    return tuple((re.compile(phrase + _BETWEEN), names) for phrase, names in _NAMED)


@cache
def _measures() -> tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...]:
    return tuple(
        (
            re.compile(rf"\b{phrase}{_SCORE}{_BETWEEN}"),
            re.compile(rf"\s?(?:%|percent|points?)?\s?(?:of |in )?{phrase}\b"),
            part,
        )
        for phrase, part in _MEASURES.items()
    )


def names_meant(literal: Literal) -> tuple[str, ...]:
    """Names of the values that the sentence means for certain; empty where it names none."""
    found = next((names for phrase, names in _named() if phrase.search(literal.before)), None)
    if found is not None:
        return found
    name = _BY_UNIT.get(literal.unit.of)
    return () if name is None else (name,)


def measure_meant(literal: Literal) -> str:
    """The measure that the words around the number name: only such a value can support it."""
    for before, after, part in _measures():
        if before.search(literal.before) or after.match(literal.after):
            return part
    return ""


def is_called(name: str, measure: str) -> bool:
    """Whether a value has the measure in its name: `eval.f1.rate`, `probe.loss_after`."""
    return measure in re.split(r"[._ -]", name.lower())


def is_named(name: str, pattern: str) -> bool:
    """Whether a value has this name; `*` stands for one part of it."""
    if "*" not in pattern:
        return name == pattern
    head, _, tail = pattern.partition("*")
    inner = name.removeprefix(head).removesuffix(tail)
    return name == f"{head}{inner}{tail}" and "." not in inner
