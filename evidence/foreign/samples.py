"""Scores of lm-eval recomputed from the samples that it logged beside them.

Responsible for metrics that are plain means of their rows. Groups of tasks, weighted metrics and
files of which a part was left out are not looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Final

from evidence.foreign.digits import shown
from evidence.foreign.facts import Fact, Source
from evidence.foreign.finding import Finding, said, warning
from evidence.foreign.trainings import is_number

MEANS: Final = frozenset({"acc", "acc_norm", "exact_match", "em", "prompt_level_strict_acc"})
RELATIVE: Final = Decimal("1e-9")
NO_FILTER: Final = "none"
_NAME: Final = re.compile(
    r"samples_(?P<task>.{1,200}?)(?:_\d{4}-\d\d-\d\d[T_][\w.:-]{1,40})?\.jsonl\Z"
)


def findings(sources: Sequence[Source]) -> Iterator[Finding]:
    """Each score that its samples do not give."""
    samples = [
        (source, name["task"])
        for source in sources
        if source.format == "json-lines" and not source.is_partial
        if (name := _NAME.match(PurePosixPath(source.path).name)) is not None
    ]
    for results in sources:
        if results.format != "lm-eval-results":
            continue
        folder = PurePosixPath(results.path).parent
        for source, task in samples:
            beside = [one for one in samples if _is_of(one, folder, task)]
            if len(beside) == 1 and beside[0][0] is source:
                yield from _of_task(results, source, task)


def _is_of(sample: tuple[Source, str], folder: PurePosixPath, task: str) -> bool:
    return PurePosixPath(sample[0].path).parent == folder and sample[1] == task


def _of_task(results: Source, source: Source, task: str) -> Iterator[Finding]:
    """A filter's rows are its own; where rows name none, they are of all."""
    rows = _rows(source)
    for fact in results.facts:
        if fact.scope[:1] != (task,) or fact.name not in MEANS or not is_number(fact):
            continue
        wanted = fact.scope[1] if len(fact.scope) > 1 else NO_FILTER
        values = [
            row[fact.name].value
            for row in rows
            if fact.name in row and ("filter" not in row or row["filter"].value == wanted)
        ]
        numbers = [float(one) for one in values if isinstance(one, (int, float))]
        if not numbers or len(numbers) != len(values) or not all(map(math.isfinite, numbers)):
            continue
        mean, score = Decimal(repr(math.fsum(numbers) / len(numbers))), shown(fact)
        if score is not None and abs(score.value - mean) > score.half + RELATIVE:
            text = (
                f"{fact.name} of {task} is {said(fact)}; the mean of its {len(numbers)} samples in "
                f"{source.path} is {mean:.6g}: samples of another evaluation?"
            )
            places = (fact.place, rows[0][fact.name].place if fact.name in rows[0] else fact.place)
            yield warning("score-of-samples", text, places)


def _rows(source: Source) -> list[dict[str, Fact]]:
    found: dict[int, dict[str, Fact]] = {}
    for fact in source.facts:
        if fact.row is not None and (fact.name in MEANS or fact.name == "filter"):
            found.setdefault(fact.row, {})[fact.name] = fact
    return list(found.values())
