"""Which value of a run the words around a number mean.

Responsible for the phrases alone: those that mean values of every run (final loss, accuracy), of
which stage where they say so, and the names of measures that a run may not have made at all (F1,
validation loss, perplexity). A phrase that names no stage means a value of any of them, of several
seeds together, or of a pack that the run begins from: nobody is accused of what is true of one.
Whether the number is that value is `support`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from evidence.prose.literals import Literal
from evidence.records.record import Record

_BETWEEN: Final = (
    r"(?:\s|\b(?:is|was|of|at|to|reached|fell|rose|dropped|ended|came|about|around|only|just|"
    r"approximately|roughly|value|a|the)\b|[:=≈~|*_`(<>≤≥-])*$"
)
_NAMED: Final = (
    (r"\b(?:final|end|last|ending) (?:train(?:ing)? )?loss", ("train.loss_end",)),
    (r"\bloss (?:\()?(?:at (?:the )?end|end)\)?", ("train.loss_end",)),
    (r"\b(?:mean|average|avg) (?:train(?:ing)? )?loss", ("train.loss_mean",)),
    (r"\b(?:initial|first|start|starting) (?:train(?:ing)? )?loss", ("train.loss_start",)),
    (
        r"\btrain(?:ing)? loss",
        ("train.loss_end", "train.loss_mean", "train.loss_start"),
    ),
    (r"\blearning[ -]rate", ("train.learning_rate",)),
    (
        r"\b(?:train(?:ing)? )?runtime",
        ("train.runtime_s", "eval.runtime_s", "run.duration_s"),
    ),
    (r"\baccuracy", ("eval.*.rate", "eval.by.*.rate")),
    (r"\bexact match(?: rate)?", ("eval.exact.rate", "eval.by.*.exact.rate")),
)
_OF_STAGE: Final = (
    r"(?: (?:of|in|after|for|at) (?:the )?stage [`*'\"]{0,3}([a-z][a-z0-9_]{0,31})[`*'\"]{0,3})?"
)
"""Behind a phrase: the final loss of stage B."""
_BEGINS: Final = re.compile(
    r"(?:^|[.!?;:(|] ?)[-*# ]{0,6}(?:(?:after|in|for|at|during) )?(?:the )?"
    r"stage [`*'\"]{0,3}([a-z][a-z0-9_]{0,31})[`*'\"]{0,3}"
    r"(?: ?[,:|])?(?: (?:has|had|with|reached|shows|gives|ended with))?(?: (?:the|a|its))? ?$"
)
"""Before a phrase, where a clause begins: after stage B the final loss."""
_OWNS: Final = re.compile(r"\bstage [`*'\"]{0,3}([a-z][a-z0-9_]{0,31})[`*'\"]{0,3}['’]s ?$")
_FOLLOWS: Final = re.compile(
    r" ?(?:nats? )?\(?(?:of|in|after|for|at) (?:the )?"
    r"stage [`*'\"]{0,3}([a-z][a-z0-9_]{0,31})[`*'\"]{0,3} ?(?:[.;)|]|$)"
)
"""Behind a number: 3.2 in stage B; not 3.2 (stage A: 4.1), where another number comes. With more
stages behind it, it may be of any."""
_COMPARES: Final = re.compile(
    r" ?(?:nats? |points? |%|percent )? ?"
    r"(?:(?:lower|higher|less|more|below|above|better|worse|smaller|larger|greater|apart)\b"
    r"|(?:over|across|between) (?:all |both |the |these ){0,2}(?:stage|seed|arm|run|checkpoint)s\b"
    r"|(?:times|fold|[x×])(?:\W|$)|of (?:that|the one|those)\b)"
)
"""Behind a number: it is a difference or a share, or of several, whatever is named before it."""
_DIFFERENCE: Final = re.compile(
    r"(?:\b(?:difference|gap|gain|change|drop|rise|increase|decrease|improvement|delta)s? "
    r"(?:in|of) (?:the )?|[<>≤≥]=? ?)$"
)
"""Before a phrase, or before a number: that is no value, but between two, or a bound of one."""
_CONTEXT_CHARS: Final = 80
"""Of the words before a number: where there are as many, what a clause begins with is not known."""
_OVER_SEEDS: Final = ("mean", "sample_sd", "min", "max")
_SEEDS: Final = "seeds"
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


class Meant(Record):
    """What a phrase names."""

    names: tuple[str, ...] = ()
    """Of values, without their stage; none: it names none."""
    stage: str = ""
    """The stage that it says, in small letters; empty: none."""


@cache
def _named() -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    # When a number is first met: compiling them takes longer than reading a text without any.
    return tuple((re.compile(phrase + _OF_STAGE + _BETWEEN), names) for phrase, names in _NAMED)


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


def names_meant(literal: Literal) -> Meant:
    """The values that the sentence means for certain, and of which stage."""
    if _COMPARES.match(literal.after) or _DIFFERENCE.search(literal.before):
        return Meant()
    for phrase, names in _named():
        if (found := phrase.search(literal.before)) is not None:
            if _DIFFERENCE.search(literal.before[: found.start()]):
                return Meant()
            return Meant(names, found[1] or _stage_around(literal, found.start()))
    name = _BY_UNIT.get(literal.unit.of)
    return Meant(() if name is None else (name,))


def _stage_around(literal: Literal, start: int) -> str:
    """The stage that is named right before a phrase, or right behind its number; none where two
    are."""
    before = literal.before[:start]
    begins = _BEGINS.search(before)
    if begins is not None and begins.start() == 0 and len(literal.before) >= _CONTEXT_CHARS:
        begins = None  # what the clause begins with is not known
    found = (_OWNS.search(before), begins, _FOLLOWS.match(literal.after))
    named = {one[1] for one in found if one is not None}
    return next(iter(named)) if len(named) == 1 else ""


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
    """Whether a value has this name, behind whatever stage or pack it is of, or over several
    seeds; `*` stands for one part of it, behind `by` for several."""
    parts = name.split(".")
    if parts[0] == _SEEDS and parts[-1] in _OVER_SEEDS:
        parts = parts[:-1]
    wanted = pattern.split(".")
    if "by" in wanted:
        head, tail = wanted[:2], wanted[3:]
        return "by" in parts and parts[parts.index("by") - 1 :][:2] == head and _ends(parts, tail)
    return _ends(parts, wanted)


def is_of_stage(name: str, stage: str) -> bool:
    """Whether a value is of a stage, of one of its seeds, or of an evaluation of it, by its name;
    `stage` in small letters."""
    return any(f"_{stage}_" in f"_{part.lower()}_" for part in name.split("."))


def _ends(parts: list[str], wanted: list[str]) -> bool:
    tail = parts[-len(wanted) :]
    return len(tail) == len(wanted) and all(
        one in ("*", part) for one, part in zip(wanted, tail, strict=True)
    )
