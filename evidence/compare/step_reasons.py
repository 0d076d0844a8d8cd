"""Why the losses of two runs that should be alike are not, step by step. Pure.

Responsible for the order of the questions: is step 1 the same function of the same weights, is its
gradient the same, and do the losses part as other rounding makes them part, or faster. Each is
asked only where its conditions are known to be the same, so that nobody is accused of a fault
that another setting explains.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from evidence import layout
from evidence.compare.environment import decides_bits, environments
from evidence.compare.pair import Pair
from evidence.compare.row_reasons import text_keys
from evidence.records.comparison import ReasonRecord, StepDifference
from evidence.results.conditions import DATA, FRAMEWORK, RATES, ROWS, START, TOKENIZER
from evidence.results.context import Context
from evidence.rules.closeness import (
    FIRST_ROUNDING,
    NUM_EARLY_STEPS,
    ROUNDING_GROWTH,
    ROUNDING_JUMP,
    difference,
    rounding_limit,
)
from evidence.rules.differences import differences
from evidence.text import formatting

FIRST_STEP: Final = {"float32": 1e-5, "float16": 1e-3, "bfloat16": 1e-2}
"""Up to which relative difference the losses of step 1 are one function of the same weights, by
the number format: that of `closeness.ACROSS_FRAMEWORKS`, and what coarser numbers make of it."""
FIRST_GRADIENT: Final = {"float32": 1e-3, "float16": 1e-2, "bfloat16": 5e-2}
"""The same of the gradient's norm: 7e-5 was measured between PyTorch and JAX, and as much between
PyTorch in single and in double precision."""
_FORMS: Final = ("execution.rows_per_forward", "execution.accumulation", "execution.processes",
                 "execution.strategy", "execution.widths", "execution.device")  # fmt: skip
SHOWN_FACTS: Final = 4
_PROBES: Final = ("probe.loss_before", "probe.num_examples")
_FIRST_FORWARD: Final = f"{layout.JOURNAL}: loss"
_OTHER_FUNCTION: Final = (
    "For that either the weights are put in other places (their mapping), or the model's code "
    "differs"
)
_NOT_RULED_OUT: Final = (
    ". Random numbers of dropout are not ruled out: no pass without it is recorded of both, over "
    "the same rows"
)


def step_reasons(pair: Pair) -> Iterator[ReasonRecord]:
    """What the losses allow to say; nothing where they are equal bit for bit, or not comparable."""
    steps = pair.steps_of_same_rows
    if not steps or not pair.dtype or steps[0].loss_difference is None:
        return
    if steps[0].loss_difference > FIRST_STEP[pair.dtype]:
        yield from _first_step(pair, steps[0])
    elif (probe := _probe(pair)) > FIRST_STEP[pair.dtype]:
        yield _function_by_probe(probe)
    elif pair.differs("train.lora"):
        return  # said by itself: what is trained, and so its gradient, is another thing
    elif pair.is_same("train.batch_size", "train.gradient_accumulation"):
        if (steps[0].grad_norm_difference or 0.0) > FIRST_GRADIENT[pair.dtype]:
            yield _gradient(pair, steps[0])
        elif pair.same_settings and pair.is_same(RATES):
            yield from _later(pair, steps)


def _first_step(pair: Pair, step: StepDifference) -> Iterator[ReasonRecord]:
    """Same rows and number format: the weights, or what is computed of them."""
    if pair.differs(START):
        return  # said by itself
    found = step.loss_difference or 0.0
    losses = " and ".join(formatting.significant(float(one), 8) for one in step.losses if one)
    begin = f"the losses of step 1 differ by {_rel(found)} ({losses}), beyond rounding"
    facts: tuple[str, ...] = (ROWS, "train.dtype", f"{layout.METRICS}#L1/loss")
    alike = _alike_without_dropout(pair)
    if alike:
        text = (
            f"{begin}; its first forward pass gives both the same loss with dropout off, computed "
            "by us. What training makes of it differs: the random numbers of dropout, or how the "
            "losses of a step's rows and passes are averaged"
        )
        yield ReasonRecord("loss", text, (*facts, _FIRST_FORWARD))
        return
    seen = "" if alike is not None else _NOT_RULED_OUT
    if pair.is_same(START):
        text = (
            f"{begin}, with the same start weights and rows: the two compute another function of "
            f"the same weights. {_OTHER_FUNCTION}{seen}"
        )
        facts = (START, *facts)
    else:
        why = pair.conditions[START].reason
        text = (
            f"{begin}, with the same rows: they start from other weights, or compute another "
            f"function of the same ones. Whether these are the same is not checked: {why}{seen}"
        )
    yield ReasonRecord("function", text, (*facts, _FIRST_FORWARD) if alike is not None else facts)


def _alike_without_dropout(pair: Pair) -> bool | None:
    """Whether our own loss of the first forward pass, made without dropout, is the same; None where
    it is not known of both, or of other rows."""
    found: list[dict[str, Any]] = []
    for one in (pair.first, pair.other):
        events = Context(one).stage_events("loss", "train")
        found += [dict(events[0].data)] if events else []
    if len(found) != 2 or found[0].get("num_rows") != found[1].get("num_rows"):
        return None
    return difference(found[0].get("ours"), found[1].get("ours")) <= FIRST_STEP[pair.dtype]


def _probe(pair: Pair) -> float:
    """How far apart the losses of evaluation examples are before the first step, relative; 0 where
    they are not known, or need not be the same."""
    data = [name for name in pair.conditions if name.startswith(DATA)]
    if not pair.is_same(START, TOKENIZER, *data) or text_keys(pair):
        return 0.0
    found = []
    for one in (pair.first, pair.other):
        values = {} if one.results is None else one.results.values
        found.append([values[name].value for name in _PROBES if name in values])
    if len(found[0]) < len(_PROBES) or found[0][1:] != found[1][1:]:
        return 0.0
    losses = [one[0] for one in found]
    known = all(isinstance(loss, (int, float)) for loss in losses)
    return difference(losses[0], losses[1]) if known else 0.0  # type: ignore[arg-type]  # numbers


def _function_by_probe(probe: float) -> ReasonRecord:
    text = (
        f"before the first step the losses of the evaluation examples differ by {_rel(probe)}, "
        "beyond rounding, with the same start weights and texts: the two compute another function "
        f"of the same weights. {_OTHER_FUNCTION}"
    )
    return ReasonRecord("function", text, (START, TOKENIZER, "results.json: probe.loss_before"))


def _gradient(pair: Pair, step: StepDifference) -> ReasonRecord:
    """A loss says little of a model that knows nothing yet: its gradient says more."""
    text = (
        f"the losses of step 1 are near (to {_rel(step.loss_difference or 0.0)}), and the norms of "
        f"its gradient differ by {_rel(step.grad_norm_difference or 0.0)}: the gradient is made in "
        "another way (accumulation as a mean of means, scaling, the backward pass), or another "
        "function of the weights has a loss that is near by chance, as of a model that knows "
        f"nothing yet. {_OTHER_FUNCTION}"
    )
    facts = (f"{layout.METRICS}#L1/loss", f"{layout.METRICS}#L1/grad_norm", ROWS)
    return ReasonRecord("gradient", text, (*((START,) if pair.is_same(START) else ()), *facts))


def _later(pair: Pair, steps: tuple[StepDifference, ...]) -> Iterator[ReasonRecord]:
    """From step 2 on the weights have been updated, and what an update does shows."""
    largest, apart = 0.0, None
    for one in steps:
        found = one.loss_difference
        limit = rounding_limit(one.step, pair.dtype, largest)
        if one.step > 1 and (found is None or found > limit):
            yield _update(pair, steps[0], one, limit)
            return
        largest = max(largest, found or 0.0)
        apart = one if apart is None and found else apart
    if apart is not None:
        yield _rounding(pair, apart, largest)


def _update(
    pair: Pair, begun: StepDifference, parted: StepDifference, limit: float
) -> ReasonRecord:
    where = formatting.count(parted.step)
    gradient = begun.grad_norm_difference
    same_gradient = gradient is not None
    what = "the optimizer, its weight decay or its clipping" if same_gradient else (
        "the optimizer, its weight decay, its clipping or the accumulation"
    )  # fmt: skip
    also = f", and so is the norm of its gradient (to {_rel(gradient or 0.0)})"
    text = (
        f"the loss of step 1 is the same (to {_rel(begun.loss_difference or 0.0)})"
        f"{also if same_gradient else ''}, the rates are too, and at step {where} the losses "
        f"differ by {_rel(parted.loss_difference or 1.0)}, where rounding stays below "
        f"{_rel(limit)}: the update of the weights differs. {what[0].upper()}{what[1:]}, though "
        "both state the same"
    )
    facts = (ROWS, RATES, "train.optimizer", "train.weight_decay", "train.max_grad_norm",
             f"{layout.METRICS}#L1/loss", f"{layout.METRICS}#L{parted.step}/loss")  # fmt: skip
    return ReasonRecord("update", text, facts)


def _rounding(pair: Pair, first: StepDifference, largest: float) -> ReasonRecord:
    sources = rounding_sources(pair)
    shown = ", ".join(sources[:SHOWN_FACTS])
    more = f" and {len(sources) - SHOWN_FACTS} more" if len(sources) > SHOWN_FACTS else ""
    because = (
        f"recorded to differ, and able to do that: {shown}{more}"
        if sources
        else "nothing that is recorded to differ explains even that"
    )
    begun = _rel(FIRST_ROUNDING[pair.dtype])
    text = (
        f"the losses part at step {formatting.count(first.step)} as rounding does: below {begun} · "
        f"{ROUNDING_GROWTH:g}^(step − 1) in the first {NUM_EARLY_STEPS} steps, and never suddenly "
        f"({ROUNDING_JUMP:g} times all before) later; the largest difference is {_rel(largest)}. "
        f"{because[0].upper()}{because[1:]}. A difference of the update that is as small cannot be "
        "told from it by the losses"
    )
    return ReasonRecord("rounding", text, (ROWS, layout.METRICS, *sources))


def rounding_sources(pair: Pair) -> tuple[str, ...]:
    """What is recorded to differ and can make sums round otherwise; those that compute first.

    Of two frameworks no version is named: they are other programs anyway.
    """
    two = pair.differs(FRAMEWORK)
    forms = [name for name in _FORMS if pair.differs(name)]
    facts = environments((pair.first, pair.other))
    found = [row.key for row in differences(facts) if decides_bits(row.key)]
    if two:
        found = [key for key in found if not key.startswith(("framework.", "package.", "python."))]
    found.sort(key=lambda key: key.startswith("package."))
    return (*((FRAMEWORK,) if two else ()), *forms, *found)


def _rel(value: float) -> str:
    return formatting.significant(value, 2)
