"""The part of a comparison's page that is about two packs. All foreign text is escaped here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from evidence.compare.steps import folded
from evidence.records.availability import Unavailable
from evidence.records.comparison import (
    ChangedPrediction,
    ConditionRecord,
    LogitsComparison,
    PairRecord,
    PredictionsRecord,
    PromptRecord,
    ReasonRecord,
    Scalar,
    StepDifference,
    TrajectoryRecord,
    WeightsComparison,
)
from evidence.text import formatting, markdown

SHOWN_CHARS: Final = 80
REASON_CHARS: Final = 2000
SHOWN_ROWS: Final = 20
SHOWN_TENSORS: Final = 10
SHOWN_FACTS: Final = 8
_OUTCOMES: Final = {"same": "same", "differs": "**differs**", "not-checked": "*not checked*"}
_SETTING: Final = "train."

Plain = Callable[[Scalar], str]


def pair_view(labels: Sequence[str], pair: PairRecord, plain: Plain) -> dict[str, Any]:
    """What the template shows of a pair; `plain` gives a value as text that is not escaped."""
    predictions = pair.predictions
    of_stage = f" (stage {markdown.inline(pair.stage)})" if pair.stage else ""
    asked = bool(predictions.num_common or predictions.gained or predictions.lost)
    of_evaluation = bool(pair.stage and asked and not any(pair.trajectory.num_steps))
    return {
        "first": labels[0] + of_stage,
        "other": labels[pair.pack] + of_stage,
        "conditions": [_condition(one, plain) for one in pair.conditions if not _is_folded(one)],
        "same_settings": _same_settings(pair.conditions, plain),
        "trajectory": () if of_evaluation else _trajectory(pair.trajectory),
        "has_logits": of_evaluation or asked or not pair.stage,
        "has_weights": not of_evaluation,
        "steps": [_step(*one) for one in folded(pair.steps, pair.trajectory.first_step_beyond)],
        "num_steps": formatting.plural(len(pair.steps), "common step"),
        "logits": _logits(pair.logits),
        "asked": asked,
        "scores": _common_scores(predictions),
        "num_common": formatting.plural(predictions.num_common, "prompt"),
        "num_changed": formatting.count(len(predictions.changed)),
        "changed": [_changed(row) for row in predictions.changed[:SHOWN_ROWS]],
        "more_changed": _more(len(predictions.changed)),
        "gained": _prompts(predictions.gained),
        "lost": _prompts(predictions.lost),
        "weights": _weights(pair.weights),
        "reasons": [_reason(one) for one in pair.reasons],
    }


def _is_folded(one: ConditionRecord) -> bool:
    return one.name.startswith(_SETTING) and one.outcome == "same"


def _condition(one: ConditionRecord, plain: Plain) -> dict[str, Any]:
    return {
        "title": markdown.inline(one.title, SHOWN_CHARS),
        "values": [_cell(value, plain) for value in one.values],
        "outcome": _OUTCOMES[one.outcome],
        "reason": markdown.inline(one.reason, 2 * SHOWN_CHARS),
    }


def _cell(value: Scalar, plain: Plain) -> str:
    shown = plain(value)
    return markdown.code(shown, SHOWN_CHARS) if isinstance(value, str) else shown


def _same_settings(conditions: Sequence[ConditionRecord], plain: Plain) -> str:
    found = [one for one in conditions if _is_folded(one)]
    return ", ".join(
        f"{markdown.inline(one.title, SHOWN_CHARS)} {_cell(one.values[0], plain)}" for one in found
    )


def _step(one: StepDifference, why: str) -> dict[str, str]:
    return {
        "step": formatting.count(one.step),
        "losses": _both(one.losses, 8),
        "loss": _apart(one.loss_difference, one.losses),
        "grad_norms": _both(one.grad_norms, 6),
        "grad_norm": _apart(one.grad_norm_difference, one.grad_norms),
        "rates": _both(one.learning_rates, 6),
        "rate": _apart(one.learning_rate_difference, one.learning_rates),
        "why": why,
    }


def _both(values: Sequence[Any], digits: int) -> str:
    return " / ".join(
        "–" if one is None else one if isinstance(one, str) else formatting.significant(one, digits)
        for one in values
    )


def _apart(value: float | None, values: Sequence[Any]) -> str:
    if value is None:
        return "–" if None in values else "no number"
    return "equal" if value == 0 else formatting.significant(value, 2)


def _trajectory(path: TrajectoryRecord) -> list[str]:
    if not path.num_common_steps:
        return ["They have no optimizer step in common."]
    common = formatting.plural(path.num_common_steps, "common step")
    sentences = []
    if path.num_steps[0] != path.num_steps[1]:
        lengths = " and ".join(map(formatting.count, path.num_steps))
        sentences.append(f"They have {lengths} steps; the first {common} are compared.")
    if not path.rows_are_known:
        sentences.append("Which rows each step was fed is not known of a recorded program.")
    elif path.first_stream_step is None:
        sentences.append(f"The same rows were fed in all {common}.")
    else:
        step = formatting.count(path.first_stream_step)
        sentences.append(
            f"From step {step} on other rows were fed, or the same as other tokens, or with loss "
            "on others."
        )
    return [*sentences, *_losses(path, common)]


def _losses(path: TrajectoryRecord, common: str) -> list[str]:
    if path.first_loss_step is None:
        return [f"The losses are equal, bit for bit, in all {common}."]
    step = formatting.count(path.first_loss_step)
    share = _tolerance(path)
    if path.first_step_beyond is None:
        most = formatting.significant(path.largest_difference or 0.0, 2)
        return [
            f"The losses differ first at step {step}, and no step is past the tolerance of {share} "
            f"(relative; at most {most})."
        ]
    beyond = formatting.count(path.first_step_beyond)
    return [
        f"The losses differ first at step {step}; the first step past the tolerance of {share} "
        f"(relative) is step {beyond}."
    ]


def _tolerance(path: TrajectoryRecord) -> str:
    later = formatting.shortest(path.tolerance)
    if path.first_tolerance == path.tolerance:
        return later
    return f"{formatting.shortest(path.first_tolerance)} at step 1 and {later} later"


def _logits(found: LogitsComparison | Unavailable) -> dict[str, Any]:
    if isinstance(found, Unavailable):
        return {"checked": False, "why": markdown.inline(found.reason, REASON_CHARS)}
    agree = sum(one.first_tokens[0] == one.first_tokens[1] for one in found.prompts)
    known = [
        one.relative_difference for one in found.prompts if one.relative_difference is not None
    ]
    return {
        "checked": True,
        "largest": formatting.significant(max(known), 2) if known else "",
        "agree": formatting.count(agree),
        "num": formatting.plural(len(found.prompts), "prompt"),
        "left_out": formatting.plural(found.num_only_in_one, "prompt")
        if found.num_only_in_one
        else "",
        "rows": [
            {
                "id": markdown.inline(one.id, SHOWN_CHARS),
                "largest": formatting.significant(one.largest_difference, 2),
                "spread": formatting.significant(one.spread, 3),
                "relative": "–"
                if one.relative_difference is None
                else formatting.significant(one.relative_difference, 2),
                "first": "same"
                if one.first_tokens[0] == one.first_tokens[1]
                else " / ".join(map(str, one.first_tokens)),
            }
            for one in found.prompts[:SHOWN_ROWS]
        ],
        "more": _more(len(found.prompts)),
    }


def _weights(found: WeightsComparison | Unavailable) -> dict[str, Any]:
    if isinstance(found, Unavailable):
        return {"checked": False, "why": markdown.inline(found.reason, REASON_CHARS)}
    moved = sorted(found.tensors, key=lambda one: (-one.moved_difference, one.name))
    shown = [one for one in moved if one.moved_difference or one.end_difference]
    return {
        "checked": True,
        "start": "the same" if found.same_start else "not the same",
        "end": "the same" if found.same_end else "not the same",
        "num": formatting.plural(len(found.tensors), "tensor"),
        "num_apart": formatting.count(len(shown)),
        "rows": [
            {
                "name": markdown.code(one.name, 2 * SHOWN_CHARS),
                "starts": _both(one.rms_start, 4),
                "ends": _both(one.rms_end, 4),
                "moves": _both(one.rms_moved, 4),
                "end": formatting.significant(one.end_difference, 2),
                "moved": formatting.significant(one.moved_difference, 2),
            }
            for one in shown[:SHOWN_TENSORS]
        ],
        "more": formatting.count(len(shown) - SHOWN_TENSORS) if len(shown) > SHOWN_TENSORS else "",
        "only": [markdown.code(name, SHOWN_CHARS) for name in found.only_in_one[:SHOWN_TENSORS]],
        "num_only": formatting.plural(len(found.only_in_one), "tensor"),
    }


def _reason(one: ReasonRecord) -> dict[str, str]:
    more = f" and {len(one.facts) - SHOWN_FACTS} more" if len(one.facts) > SHOWN_FACTS else ""
    facts = ", ".join(markdown.code(fact, SHOWN_CHARS) for fact in one.facts[:SHOWN_FACTS])
    return {
        "kind": one.kind.replace("-", " "),
        "says": markdown.inline(one.explanation, REASON_CHARS),
        "facts": f"{facts}{more}",
    }


def _common_scores(predictions: PredictionsRecord) -> list[str]:
    """A line for each outcome; scorers that agree in all of it share one."""
    names: dict[tuple[int, int, int, int], list[str]] = {}
    for row in predictions.scores:
        outcome = (*row.num_right, row.num_came_right, row.num_went_wrong)
        names.setdefault(outcome, []).append(markdown.inline(row.name))
    return [
        f"{', '.join(scorers)}: {formatting.count(before)} → {formatting.count(after)} right "
        f"({formatting.count(came_right)} came right, {formatting.count(went_wrong)} went wrong)"
        for (before, after, came_right, went_wrong), scorers in names.items()
    ]


def _changed(row: ChangedPrediction) -> dict[str, str]:
    flips = [
        f"{name}: {_sign(row.scores_before.get(name))} → {_sign(row.scores_after.get(name))}"
        for name in sorted({*row.scores_before, *row.scores_after})
        if row.scores_before.get(name) != row.scores_after.get(name)
    ]
    return {
        "id": markdown.inline(row.id, SHOWN_CHARS),
        "prompt": markdown.inline(row.prompt, SHOWN_CHARS),
        "before": markdown.inline(row.before, SHOWN_CHARS),
        "after": markdown.inline(row.after, SHOWN_CHARS),
        "scores": markdown.inline("; ".join(flips)) or "same",
    }


def _sign(correct: bool | None) -> str:
    return "–" if correct is None else "right" if correct else "wrong"


def _prompts(rows: Sequence[PromptRecord]) -> dict[str, Any]:
    return {
        "number": formatting.plural(len(rows), "prompt"),
        "rows": [
            (markdown.inline(row.id, SHOWN_CHARS), markdown.inline(row.prompt, SHOWN_CHARS))
            for row in rows[:SHOWN_ROWS]
        ],
        "more": _more(len(rows)),
    }


def _more(number: int) -> str:
    return formatting.count(number - SHOWN_ROWS) if number > SHOWN_ROWS else ""
