"""Rows of predictions, and what a training was fed: fields that are alike in all rows.

Responsible for what no score shows: outputs all alike, a field that is one constant, labels that
are masked everywhere, data of which only the question was named as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from evidence.foreign import names
from evidence.foreign.facts import Fact, Place, Source
from evidence.foreign.finding import Finding, cut, note, warning
from evidence.foreign.names import key_of
from evidence.foreign.trainings import Training
from evidence.records.record import Record

MIN_ROWS: Final = 5
QUESTIONS: Final = frozenset({"prompt", "prompts", "question", "input", "instruction", "query"})
OUTPUTS: Final = frozenset(
    (
        *("output", "outputs", "response", "prediction", "predicted", "predicted_answer"),
        *("completion", "final_answer", "generated", "generated_text", "model_output", "answer"),
    )
)
TARGETS: Final = frozenset(
    (
        *("answer", "final_answer", "target", "expected_answer", "completion", "response"),
        *("output", "solution", "label", "steps", "trace_steps", "chosen"),
    )
)
_MAY_BE_ONE: Final = frozenset(
    (
        *("model", "model_id", "dataset", "split", "task", "seed", "temperature", "version"),
        *("run", "run_id", "config", "max_tokens", "max_new_tokens", "category", "type", "source"),
        *("subset", "language", "lang", "timestamp", "date", "checkpoint", "method", "backend"),
        *("system", "system_prompt", "role", "template", "filter", "metric"),
    )
)
_SCORES: Final = frozenset({"correct", "is_correct", "score", "exact_match", "match", "passed"})
_JUDGED: Final = _SCORES | {"predicted_answer", "prediction", "predicted", "expected_answer"}
"""Fields that only answers of a model have; data has none of them."""
_REASONS: Final = frozenset(
    (
        *("steps", "trace", "trace_steps", "reasoning", "thought", "thoughts"),
        *("explanation", "rationale"),
    )
)
"""Of an answer: each row should have its own."""
_NOTHING: Final = {("null",), ("None",), ("",), ("false",), ("0",)}
_ANSWERS: Final = ("predict", "sample", "output", "answers", "generation")
_TEXT_FIELD: Final = frozenset(
    (
        *("text_field", "dataset_text_field", "text_column", "prompt_field", "prompt_column"),
        *("input_field", "input_column", "field", "fields", "columns", "template"),
        *("prompt_template", "text_template"),
    )
)
_PLACE: Final = re.compile(r"\{{1,2}\s{0,4}(?:row\.|example\.)?([a-z_]{1,40})[^{}]{0,80}\}")
_OF_TRAINING: Final = frozenset(
    ("learning_rate", "lr", "num_epochs", "epochs", "num_train_epochs", "max_steps", "optimizer")
)
"""What a recipe of a training says besides; one of an evaluation does not."""
_TARGET_FIELD: Final = ("response", "target", "answer", "completion", "output", "label")


class _Field(Record):
    """A field of rows."""

    name: str
    values: tuple[tuple[str, ...], ...]
    """A row each; of a list its items."""
    place: Place


def findings(sources: Sequence[Source], trainings: Sequence[Training]) -> Iterator[Finding]:
    """Of predictions, labels and data."""
    for source in sources:
        if source.format in ("json-lines", "csv", "tsv", "document"):
            yield from _alike(source)
    yield from _masked(trainings)
    yield from _prompt_only(sources)


def _fields(source: Source) -> list[_Field]:
    """Of rows that are answers; nothing of any other file."""
    rows: dict[int, dict[str, list[str]]] = {}
    places: dict[str, Place] = {}
    for fact in source.facts:
        if fact.row is not None:
            name = fact.name.split(".")[0]
            rows.setdefault(fact.row, {}).setdefault(name, []).append(fact.text)
            places.setdefault(name, fact.place)
    known = {name.lower() for name in places}
    if len(rows) < MIN_ROWS or not (known & QUESTIONS and known & OUTPUTS):
        return []
    return [
        _Field(name, tuple(tuple(row[name]) for row in rows.values()), place)
        for name, place in places.items()
        if all(name in row for row in rows.values())
    ]


def _alike(source: Source) -> Iterator[Finding]:
    if source.is_partial:
        return
    fields = _fields(source)
    called = PurePosixPath(source.path).stem.lower()
    are_judged = any(word in called for word in _ANSWERS) or any(
        field.name.lower() in _JUDGED for field in fields
    )
    for field in fields:
        name = field.name.lower()
        if len(set(field.values)) > 1 or name in _MAY_BE_ONE or "version" in name:
            continue
        if field.values[0] in _NOTHING and name not in _SCORES:
            continue
        num, shown = len(field.values), cut(" | ".join(field.values[0]))
        if name in _SCORES:
            text = f"{field.name!r} is {shown} in all {num} rows of {source.path}"
            yield note("constant-score", text, (field.place,))
            continue
        if name in OUTPUTS:
            text = f"all {num} rows of {source.path} have one {field.name}: {shown!r}"
            make = warning if are_judged else note
            yield make("outputs-alike", text, (field.place,))
        else:
            text = (
                f"{field.name!r} is the same in all {num} rows of {source.path} ({shown!r}): it "
                "tells nothing of any one of them"
            )
            make = warning if are_judged and name in _REASONS else note
            yield make("constant-field", text, (field.place,))


def _masked(trainings: Sequence[Training]) -> Iterator[Finding]:
    """A loss of 0 with a gradient of 0: no token carried loss."""
    for training in trainings:
        rows = [
            (loss, norm)
            for row in training.rows
            if (loss := row.loss) is not None and (norm := row.get(names.GRADIENT)) is not None
        ]
        zero = [loss for loss, norm in rows if loss.value == 0 and norm.value == 0]
        if len(zero) < 2:
            continue
        which = "all" if len(zero) == len(rows) else f"{len(zero)} of"
        places = [one.place for one in zero]
        text = f"{which} {len(rows)} rows of {training.file} have a loss of 0 and a gradient of 0"
        if any("reward" in one.name.lower() for row in training.rows for one in row.facts):
            yield note("no-loss", f"{text}: were all answers of a group rewarded alike?", places)
        else:
            why = "no token carried loss there (all labels masked?), and nothing was learned"
            yield warning("no-loss", f"{text}: {why}", places)


def _taken(fact: Fact) -> frozenset[str]:
    """Fields that a recipe takes: one by its name, those of a template by their places."""
    text = str(fact.value).strip().lower()
    return frozenset(_PLACE.findall(text)) if "{" in text else frozenset((text,))


def _prompt_only(sources: Sequence[Source]) -> Iterator[Finding]:
    """A recipe names the question as its text; the data has an answer besides."""
    recipes = [
        fact
        for source in sources
        if any(key_of(one.name) in _OF_TRAINING for one in source.facts if one.row is None)
        for fact in source.facts
        if fact.row is None and key_of(fact.name) in _TEXT_FIELD
    ]
    named = {name for fact in recipes for name in _taken(fact)}
    if not named or not named <= QUESTIONS or _names_a_target(sources):
        return
    for source in sources:
        fields = {} if source.format != "json-lines" else _first_row(source)
        answers = [one for name, one in fields.items() if name.lower() in TARGETS]
        if named & {name.lower() for name in fields} and answers:
            text = (
                f"the recipe names {cut(recipes[0].text)!r} as the text ({recipes[0].place}); "
                f"{source.path} has {answers[0].name.split('.')[0]!r} besides, and no file says "
                "that it was trained on"
            )
            yield warning("prompt-only", text, (recipes[0].place, answers[0].place))
            return


def _names_a_target(sources: Sequence[Source]) -> bool:
    return any(
        key_of(fact.name).startswith(_TARGET_FIELD)
        and key_of(fact.name).endswith(("_field", "_column", "_key"))
        for source in sources
        for fact in source.facts
        if fact.row is None
    ) or any(
        "template" in key_of(f.name) and _PLACE.search(f.text) is None
        for s in sources
        for f in s.facts
        if f.row is None
    )


def _first_row(source: Source) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    for fact in source.facts:
        if fact.row != source.facts[0].row:
            break
        found.setdefault(fact.name.split(".")[0], fact)
    return found
