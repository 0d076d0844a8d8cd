"""What the files say of evaluations: predictions counted where they are, scores as reported.

Responsible for telling which JSON lines file holds predictions. No score is computed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from evidence.foreign.facts import Fact, Source
from evidence.foreign.inspect_log import INSPECT
from evidence.foreign.names import key_of
from evidence.foreign.samples import is_no_number
from evidence.foreign.trainings import Training
from evidence.records.run import ValueRecord
from evidence.results.context import Named, Values, known
from evidence.results.imported.lookup import Lookup
from evidence.results.imported.places import clean, not_said, value_of

MAX_SCORES: Final = 200
MAX_NAMED_CHARS: Final = 400
_CALLED: Final = re.compile(r"(predictions?|generations|samples)\b|samples_", re.IGNORECASE)
_OUTPUTS: Final = frozenset(
    (
        *("final_answer", "predicted_answer", "prediction", "output", "completion", "response"),
        *("generated", "generated_text", "filtered_resps"),
    )
)
_NAME: Final = re.compile(r"[^A-Za-z0-9_,@-]+")


def values(lookup: Lookup, every: tuple[Training, ...]) -> Values:
    """Counts of predictions, and scores by task and name."""
    yield from _predictions(lookup)
    yield from _scores(lookup)
    yield from _between(every)


def predictions(lookup: Lookup) -> list[Source]:
    """Files of predictions: called so, or with a field for what a model gave."""
    found = []
    for source in lookup.of_format("json-lines"):
        keys = {key_of(fact.name) for fact in source.facts if fact.row == 0}
        if keys & _OUTPUTS or _CALLED.match(PurePosixPath(source.path).name):
            found.append(source)
    return found


def rows_of(source: Source) -> list[dict[str, Fact]]:
    """The facts of each row by name."""
    rows: dict[int, dict[str, Fact]] = {}
    for fact in source.facts:
        if fact.row is not None:
            rows.setdefault(fact.row, {})[fact.name] = fact
    return list(rows.values())


def _predictions(lookup: Lookup) -> Iterator[Named]:
    found = predictions(lookup)
    if len(found) != 1:
        why = "no file holds predictions"
        if found:
            why = f"several files hold predictions: {found[0].path}, {found[1].path}"
        yield "eval.num_examples", not_said(why, "examples")
        yield "eval.constant_fields", not_said(why, "")
        return
    rows = rows_of(found[0])
    lines = [row[name].place.line or 1 for row in rows[:1] + rows[-1:] for name in list(row)[:1]]
    address = f"{found[0].path}#L{min(lines, default=1)}-L{max(lines, default=1)}"
    yield "eval.num_examples", known(len(rows), "examples", address, "count")
    yield "eval.constant_fields", _constant(rows, address)


def _constant(rows: list[dict[str, Fact]], address: str) -> ValueRecord:
    if len(rows) < 2:
        return not_said("there are fewer than two rows")
    first = rows[0]
    alike = [
        name
        for name, fact in first.items()
        if all(name in row and row[name].value == fact.value for row in rows)
    ]
    text = ", ".join(alike) or "none"
    return known(clean(text[:MAX_NAMED_CHARS]), "", address, "constant-fields")


def _scores(lookup: Lookup) -> Iterator[Named]:
    """Of lm-eval a task, its filter and a metric name a score, two filters are two; of Inspect a
    task, its scorer and a metric."""
    count = 0
    seen: set[str] = set()
    for source in (*lookup.of_format("lm-eval-results"), *lookup.of_format(INSPECT)):
        for fact in source.facts:
            is_score = _is_score(source, fact)
            name = "metric." + ".".join(_NAME.sub("_", one) for one in (*fact.scope, fact.name))
            if is_score and fact.value is not None and name not in seen and count < MAX_SCORES:
                seen.add(name)
                count += 1
                yield name, _score(fact)


def _score(fact: Fact) -> ValueRecord:
    if is_no_number(fact):
        return not_said(f"the file says {fact.value} there, and no number", "", [fact])
    return value_of(fact)


def _is_score(source: Source, fact: Fact) -> bool:
    address = fact.place.address
    if source.format == INSPECT:  # what else is said of a score stands beside its metrics
        is_of_task = len(fact.scope) == 2 and address.endswith("/value") and "/metrics/" in address
        return is_of_task and address.startswith("/results/scores/")
    is_text = isinstance(fact.value, str) and not is_no_number(fact)
    return address.startswith("/results/") and not is_text


def _between(every: tuple[Training, ...]) -> Iterator[Named]:
    """The last evaluation between steps, where the files log one training with some."""
    found = [one for one in every if one.evaluations]
    if len(found) == 1:
        for fact in found[0].evaluations[-1].facts:
            name = key_of(fact.name)
            if name.startswith("eval_") and isinstance(fact.value, (int, float)):
                yield f"metric.{_NAME.sub('_', name)}", value_of(fact)
