"""What an answer is judged by, where a milestone file says it so that no run could.

Responsible for names of scores that are taken, and for patterns. Whether the file of a function is
there is `running.functions_fit`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence.errors import MalformedError
from evidence.records.eval_spec import CHOICE, OWN_METRICS, EvalSpec
from evidence.rules import patterns, scoring

Problem = tuple[str, str]
"""Pointer and message."""
_OURS: Final = ("by", CHOICE, *OWN_METRICS, "perplexity", "under_test")
"""Names that values of an evaluation begin with."""


def judge_problems(pointer: str, spec: EvalSpec) -> Iterator[Problem]:
    """Names that are taken already, and patterns that cannot be looked for."""
    names = [*scoring.SCORERS, "by", *((CHOICE,) if spec.choices is not None else ())]
    for index, one in enumerate(spec.scorer):
        place = f"{pointer}/scorer/{index}"
        if one.name in names:
            yield f"{place}/name", f"{one.name!r} is taken already"
        names.append(one.name)
        try:
            patterns.refuse_bad_pattern(one.pattern)
        except patterns.NoEngineError:
            pass  # it may be read; a run is refused by its preflight, and scores are not checked
        except MalformedError as error:
            yield f"{place}/pattern", error.message
    yield from _taken_names(pointer, spec, {*names, *_OURS})


def _taken_names(pointer: str, spec: EvalSpec, taken: set[str]) -> Iterator[Problem]:
    """Functions whose score would have the name of something else."""
    for one in spec.functions:
        if one.name in taken:
            key = place_of(spec, one.file, one.name)
            text = f"the score of {one.file}:{one.name} would be called {one.name!r}"
            yield f"{pointer}/{key}", f"{text}, which is taken already: name the function otherwise"
        taken.add(one.name)


def place_of(spec: EvalSpec, file: str, name: str) -> str:
    """The key of [eval] that names a function, with its place in a list."""
    written = f"{file}:{name}"
    return "metric" if written == spec.metric else f"metrics/{spec.metrics.index(written)}"
