"""What the summary shows of the evaluation: scorers, behaviours, groups, examples.

Responsible for the names of evaluation.md.j2 beside the values themselves.
"""

from __future__ import annotations

from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.records.milestone import EvalSpec
from evidence.render import examples, generation, remarks
from evidence.render.completed import completed_plan
from evidence.render.values import Sheet
from evidence.results.evaluation import CONFIDENCE
from evidence.stages.eval import PREDICTIONS
from evidence.text import formatting, marked

_MEANS: Final = {
    "exact": "is the expected text, character for character",
    "normalised": "has the same words, case and punctuation aside",
    "numeric": "begins with the same number",
    "contains": "has the expected text in it",
    "squad_exact": "has the same words as SQuAD compares them",
}


def view(documents: Documents, sheet: Sheet) -> dict[str, Any]:
    """Names and values for evaluation.md.j2."""
    plan = completed_plan(documents, sheet)
    if plan is None or not sheet.has("eval.num_examples"):
        empty = ("scorers", "choices", "groups", "groups_left_out", "good", "bad", "observations")
        return dict.fromkeys(empty, ())
    good, bad = examples.predictions_shown(documents.rows(PREDICTIONS), plan.eval.scorers)
    marker = plan.eval.answer_after
    generated = generation.of(documents)
    return {
        "is_given": plan.given_train is None,
        "next_token": generation.next_token(generated),
        "ends": generation.ends(generated),
        "scorers": [
            (f"eval.{name}", name, marked.inline(name), _MEANS[name]) for name in plan.eval.scorers
        ],
        "chosen": _chosen(plan.eval),
        "choices": examples.choices_shown(documents.rows(PREDICTIONS)),
        "word_share": "eval.squad_f1" if "squad_f1" in plan.eval.metrics else "",
        "common_words": "eval.rouge_l" if "rouge_l" in plan.eval.metrics else "",
        "mean_loss": "mean_loss" in plan.eval.metrics,
        "functions": [
            (
                *(f"eval.{one.name}", one.name, marked.inline(one.name)),
                *(marked.code(one.file), _form_of(one.name, documents)),
            )
            for one in plan.eval.functions
        ],
        "behaviours": [
            (f"eval.{p.name}", p.name, marked.inline(p.name), marked.code(p.pattern, 80))
            for p in plan.eval.scorer
        ],
        "answer_after": "" if marker is None else marked.code(marker, 80),
        "max_new_tokens": formatting.plural(plan.eval.max_new_tokens, "token"),
        "groups": [
            (marked.inline(group[:1].upper() + group[1:]), _values_of(group, documents))
            for group in plan.eval.group_by
            if f"eval.by.{group}" not in sheet.values
        ],
        "groups_left_out": [
            (marked.inline(group), sheet.v(f"eval.by.{group}"))
            for group in plan.eval.group_by
            if f"eval.by.{group}" in sheet.values
        ],
        "good": good,
        "bad": bad,
        "confidence": f"{formatting.shortest(CONFIDENCE * 100)} %",
        "observations": remarks.observations(documents, sheet),
    }


def _form_of(name: str, documents: Documents) -> str:
    """How a mean is written: a share, where every answer is right or wrong."""
    values = [row.measured.get(name) for row in documents.rows(PREDICTIONS)]
    return "percent" if all(isinstance(one, bool) for one in values) else "number"


def _chosen(spec: EvalSpec) -> str:
    """How a choice is picked; empty where questions have none."""
    by = {"none": "as a whole", "tokens": "per token", "bytes": "per byte"}
    return "" if spec.choices is None else by[spec.choices.normalise]


def _values_of(group: str, documents: Documents) -> list[tuple[str, str]]:
    found = dict.fromkeys(row.groups.get(group, "") for row in documents.rows(PREDICTIONS))
    return [(f"eval.by.{group}.{value}", marked.inline(value) or "*(none)*") for value in found]
