"""What several evaluations of one data set recorded of its questions, against each other.

Responsible for what a row of the data set alone decides, and the template: id, prompt, expected
answer, choices, groups and what is under test; and for what one tokenizer decides beside them, how
many tokens these are. What the model made of it may differ. `across_stages` asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from evidence.records.inputs import InputsRecord
from evidence.records.milestone import DataSpec, EvalSpec
from evidence.records.run import PredictionRow
from evidence.stages.eval import EVAL, PREDICTIONS
from evidence.stages.stage import Stage
from evidence.verification.consistency.registry import Evidence, Problems, differs
from evidence.verification.problem import shown

_Fact: TypeAlias = tuple[str, str, Any]
"""Field of a row of predictions.jsonl, what decides it beside the row of the data, its value."""


def asked_again(evidence: Evidence, told: list[tuple[Stage, InputsRecord]]) -> Problems:
    """Of the same row of the same data (sha256, `where`), every evaluation has the same id where
    id_field is the same, the same prompt where the template is, and so on; the same numbers of
    tokens where the tokenizer is the same, too. Exact. The first row of each field that differs is
    named, once an evaluation."""
    known: dict[tuple[str, int, str, str], tuple[str, Any]] = {}
    for stage, inputs in told:
        record = inputs.data.get(stage.milestone.eval.data) if stage.kind is EVAL else None
        if record is None:
            continue
        data = stage.milestone.data
        path = stage.path(PREDICTIONS.path)
        taken = f"{record.sha256} {rows_taken(data[stage.milestone.eval.data])}"
        said: set[str] = set()
        spec = evidence.within(stage).plan.eval
        tested = data[spec.data].under_test or ""
        tokenizer = _tokenizer(evidence.within(stage).parent_sha256)
        rows: tuple[PredictionRow, ...] = evidence.documents.of_stages.get(path, ())
        for line, row in enumerate(rows, 1):
            facts = (*_facts(spec, tested, row), *_of_choices(spec, row))
            if tokenizer:
                facts = (*facts, *_of_tokens(spec, tokenizer, row))
            for field, decided_by, value in facts:
                before, expected = known.setdefault(
                    (taken, row.index, field, decided_by), (stage.name, value)
                )
                if expected != value and field not in said:
                    said.add(field)
                    text = f"{before} was asked row {row.index} of the same data, and has another"
                    yield from differs(f"{path}#L{line}/{field}", shown(text), expected, value)


def _facts(spec: EvalSpec, under_test: str, row: PredictionRow) -> Iterator[_Fact]:
    yield "id", spec.id_field, row.id
    yield "prompt", spec.prompt, row.prompt
    yield "target", spec.target_field, row.target
    yield "under_test", under_test, row.under_test
    for name in spec.group_by:
        yield f"groups/{name}", name, row.groups.get(name)


def _of_choices(spec: EvalSpec, row: PredictionRow) -> Iterator[_Fact]:
    if spec.choices is not None and row.choices is not None:
        field, right = spec.choices.field, spec.choices.right
        yield "choices/texts", field, row.choices.texts
        yield "choices/right", f"{field} {right}", row.choices.right


def _of_tokens(spec: EvalSpec, tokenizer: str, row: PredictionRow) -> Iterator[_Fact]:
    """The numbers of tokens by which mean losses and choices are divided."""
    by = f"{tokenizer} {spec.prompt!r} {spec.before_target!r}"
    yield "num_prompt_tokens", f"{tokenizer} {spec.prompt!r}", row.num_prompt_tokens
    if row.num_answer_tokens is not None:
        yield "num_answer_tokens", f"{by} {spec.target_field}", row.num_answer_tokens
    if spec.choices is not None and row.choices is not None:
        yield "choices/num_tokens", f"{by} {spec.choices.field}", row.choices.num_tokens


def _tokenizer(checkpoint: Mapping[str, str]) -> str:
    """The files of a checkpoint that its tokenizer is made of; empty where they are not here."""
    names = ("tokenizer.json", "tokenizer_config.json")
    return " ".join(checkpoint[name] for name in names) if {*names} <= checkpoint.keys() else ""


def rows_taken(spec: DataSpec) -> str:
    """Which rows of its file a stage takes; equal where they are the same ones."""
    return repr(sorted(spec.where.items()))
