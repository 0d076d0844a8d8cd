"""What the summary shows side by side: arms, and pairs of evaluations.

Responsible for sentences and tables. What two arms differ in stands above what came of them; names
and values come from milestones and data, and are in marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.pack.stage_view import views
from evidence.records.arms import ArmDifference, ArmsRecord
from evidence.records.availability import Unavailable
from evidence.records.evaluation import PairRecord
from evidence.render.values import Sheet
from evidence.results.arms import told_of_arms
from evidence.results.pairs import told_of_pair
from evidence.stages.eval import EVAL
from evidence.stages.stage import Stage, stages_of
from evidence.text import arms as words
from evidence.text import evaluations, marked

MAX_SAID_CHARS: Final = 900
_STANDING: Final = {
    "declared": "meant",
    "consequence": "follows",
    "undeclared": "⚠️ not declared",
}
_TRAINED: Final = (
    ("train.num_samples", "Rows"),
    ("train.num_steps", "Steps"),
    ("train.loss_mean", "Mean loss"),
    ("train.loss_end", "Loss at the end"),
    ("train.runtime_s", "Runtime (s)"),
)


def view(documents: Documents, sheet: Sheet) -> dict[str, Any]:
    """Names and values for the comparisons of summary.md.j2; empty lists where there are none."""
    results = documents.results
    arms = () if results is None else results.arms
    pairs = () if results is None else results.pairs
    stages = stages_of(documents.milestone)
    return {
        "arms": [_arms(one, stages, sheet) for one in arms],
        "pairs": [_pair(one) for one in pairs],
    }


def warnings(documents: Documents) -> Iterator[str]:
    """What keeps arms and pairs from showing what they are meant to."""
    if documents.results is None:
        return
    for arm in documents.results.arms:
        yield from (f"{_names(arm.arms)}: {_said(one)}." for one in told_of_arms(arm))
    for pair in documents.results.pairs:
        yield from (f"{_names(pair.evaluations)}: {_said(one)}." for one in told_of_pair(pair))
    yield from _trained_on(documents)


def _trained_on(documents: Documents) -> Iterator[str]:
    """Questions that a training before the last one was fed; of that its own stage says it."""
    if not documents.milestone.is_staged:
        for name, one in documents.inputs.ancestors.items():
            told = "" if isinstance(one, Unavailable) else evaluations.of_seen(name, one)
            if told:
                yield f"{_said(told)}."
        return
    of_stages: dict[str, list[str]] = {}
    for stage, seen in views(documents):
        for name, one in seen.inputs.ancestors.items():
            told = "" if isinstance(one, Unavailable) else evaluations.of_seen(name, one)
            if told and name != stage.parent:
                of_stages.setdefault(told, []).append(stage.name)
    for told, names in of_stages.items():
        yield f"{stages_named(names)}: {_said(told)}."


def stages_named(names: Sequence[str]) -> str:
    """Such as `Stages A, B`."""
    return f"{'Stage' if len(names) == 1 else 'Stages'} {', '.join(map(marked.inline, names))}"


def _names(both: tuple[str, str]) -> str:
    return " and ".join(map(marked.inline, both))


def _said(text: str) -> str:
    return marked.inline(text, MAX_SAID_CHARS)


def _arms(found: ArmsRecord, stages: tuple[Stage, ...], sheet: Sheet) -> dict[str, Any]:
    return {
        "first": marked.inline(found.arms[0]),
        "second": marked.inline(found.arms[1]),
        "meant": ", ".join(marked.code(one) for one in found.varies),
        "is_declared": found.is_declared,
        "told": [_said(one) for one in told_of_arms(found)],
        "differences": [_difference(one) for one in found.differences],
        "came_of": list(_came_of(found.arms, stages, sheet)),
    }


def _difference(one: ArmDifference) -> dict[str, str]:
    first, second = (marked.inline(words.value(one)) for one in one.values)
    why = _STANDING[one.standing]
    if one.standing == "consequence":
        why = f"follows from {', '.join(one.follows_from[-1:])}"
    return {
        "title": marked.inline(words.title(one.name)),
        "first": first,
        "second": second,
        "standing": marked.inline(why),
    }


def _came_of(
    arms: tuple[str, str], stages: tuple[Stage, ...], sheet: Sheet
) -> Iterator[tuple[str, str, str]]:
    """Rows of (what, first, second): of the trainings, then of evaluations on the same data."""
    for name, title in _TRAINED:
        first, second = (f"{arm}.{name}" for arm in arms)
        if first in sheet.values and second in sheet.values:  # not where a forged arm is no stage
            yield title, sheet.v(first), sheet.v(second)
    sides = [[one for one in stages if one.kind is EVAL and one.parent == arm] for arm in arms]
    for one in sides[0]:
        name = one.milestone.eval.data
        other = next((o for o in sides[1] if o.milestone.eval.data == name), None)
        for scorer in () if other is None else one.milestone.eval.all_scorers:
            if other is not None and scorer in other.milestone.eval.all_scorers:
                title = f"{marked.inline(scorer)} on {marked.inline(name)}"
                yield title, _rate(one, scorer, sheet), _rate(other, scorer, sheet)


def _rate(stage: Stage, scorer: str, sheet: Sheet) -> str:
    start = stage.value(f"eval.{scorer}")
    if not sheet.has(f"{start}.rate"):
        return sheet.v(f"{start}.rate")
    low, high = sheet.v(f"{start}.low"), sheet.v(f"{start}.high")
    return f"{sheet.v(f'{start}.rate')} ({low} to {high})"


def _pair(found: PairRecord) -> dict[str, Any]:
    told = [_said(one) for one in told_of_pair(found)]
    lines = []
    if isinstance(found.same, Unavailable):
        lines = [f"not compared: {marked.inline(found.same.reason)}"]
    else:
        said = _said(evaluations.of_same_outputs(found.same))
        lines = [said] if said and said not in told else []
        for scorer, one in found.scored.items():
            text = (
                f"not compared: {one.reason}"
                if isinstance(one, Unavailable)
                else evaluations.of_pair(one)
            )
            lines.append(f"{marked.inline(scorer)}: {_said(text)}")
    return {"names": _names(found.evaluations), "told": told, "lines": lines}
