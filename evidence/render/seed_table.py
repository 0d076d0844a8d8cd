"""The tables of runs that differ in their seed: one row each, and mean and spread below.

Responsible for their cells and sentences. Each number is one of results.json; which kind of spread
it is stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.run import StepRow
from evidence.render.values import Sheet
from evidence.results.seeds import Group, groups_of, spread_in
from evidence.stages.eval import EVAL
from evidence.stages.stage import Stage
from evidence.stages.train import STEPS, TRAIN
from evidence.text import marked
from evidence.text.evaluations import of_spread
from evidence.text.formatting import percent, significant

_OF_TRAINING: Final = (
    ("train.loss_end", "Loss at the end"),
    ("train.loss_mean", "Mean loss"),
    ("probe.loss_after", "Probe loss after training"),
    ("train.runtime_s", "Runtime in seconds"),
)


def view(documents: Documents, sheet: Sheet) -> list[dict[str, Any]]:
    """One for each training with seeds, with the evaluations of its runs."""
    groups = groups_of(documents.milestone)
    found = []
    for group in groups:
        if group.stages[0].kind is TRAIN:
            names = {stage.name for stage in group.stages}
            asked = [one for one in groups if _evaluates(one, names)]
            found.append({**_group(group, asked, sheet), "same": _same(documents, group)})
    return found


def _same(documents: Documents, group: Group) -> list[str]:
    """Runs that saw the same rows in the same order, by their names: so much their seeds did not
    decide, and their spread does not tell."""
    by_stream: dict[str, list[str]] = {}
    for stage in group.stages:
        steps: tuple[StepRow, ...] = documents.of_stages.get(stage.path(STEPS.path), ())
        if steps:
            by_stream.setdefault(steps[-1].stream, []).append(marked.inline(stage.name))
    return [", ".join(names) for names in by_stream.values() if len(names) > 1]


def _evaluates(group: Group, runs: set[str]) -> bool:
    return group.stages[0].kind is EVAL and group.stages[0].parent in runs


def _group(group: Group, evaluations: Sequence[Group], sheet: Sheet) -> dict[str, Any]:
    return {
        "of": f" of Stage {marked.inline(group.stages[0].group or '')}" if group.is_named else "",
        "goes_on": group.stages[0].parent != "",
        "columns": [name for name, _, _ in _columns(evaluations)],
        "runs": [_run(stage, evaluations, sheet) for stage in group.stages],
        "spreads": [*_spreads(group, evaluations, sheet)],
    }


def _columns(evaluations: Sequence[Group]) -> Iterator[tuple[str, Group, str]]:
    """Title, group of evaluations, and name of a rate."""
    for group in evaluations:
        first = group.stages[0]
        start = f"{marked.inline(first.group or '')}: " if len(evaluations) > 1 else ""
        for scorer in first.milestone.eval.all_scorers:
            yield f"{start}{marked.inline(scorer)}", group, f"eval.{scorer}.rate"
        for name in first.milestone.eval.measured:
            yield f"{start}{marked.inline(name)} (mean)", group, f"eval.{name}.mean"


def _run(stage: Stage, evaluations: Sequence[Group], sheet: Sheet) -> dict[str, Any]:
    rates = [
        sheet.v(evaluation.value(number))
        for _, group, number in _columns(evaluations)
        for evaluation in group.stages
        if evaluation.parent == stage.name
    ]
    cells = {key: sheet.v(stage.value(f"train.{key}")) for key in ("seed", "loss_end", "runtime_s")}
    return {"name": marked.inline(stage.name), "rates": rates, **cells}


def _spreads(group: Group, evaluations: Sequence[Group], sheet: Sheet) -> Iterator[tuple[str, str]]:
    for number, title in _OF_TRAINING:
        yield title, _sentence(sheet, f"{group.name}.{number}", significant)
    for title, evaluation, number in _columns(evaluations):
        shown = percent if number.endswith(".rate") else significant
        yield title, _sentence(sheet, f"{evaluation.name}.{number}", shown)


def _sentence(sheet: Sheet, name: str, shown: Callable[[float], str]) -> str:
    found = spread_in(sheet.values, name)
    if isinstance(found, Unavailable):
        return f"not measured ({marked.inline(found.reason)})"
    return marked.inline(of_spread(found, shown))
