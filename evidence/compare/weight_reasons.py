"""What the weights of two runs tell of why they differ: exchanged tensors, decay, the saved model.

Responsible for what weights.json and logits.json allow to say, and for never saying more. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence.compare.decay import PullRecord, common_pull
from evidence.compare.pair import Pair
from evidence.records.availability import Unavailable
from evidence.records.comparison import ExchangeRecord, ReasonRecord, WeightsComparison
from evidence.results.conditions import RATES, START
from evidence.stages.eval import EVAL, LOGITS
from evidence.stages.train import STEPS, WEIGHTS
from evidence.text import formatting

EQUAL_LOSSES: Final = 1e-5
"""Up to which difference of every step two runs came to the same weights, to rounding."""
EQUAL_LOGITS: Final = {"float32": 1e-3, "float16": 1e-1, "bfloat16": 3e-1}
"""And up to which the logits of such weights are the same, relative to their spread."""


def start_reasons(pair: Pair) -> Iterator[ReasonRecord]:
    """Other weights at the start, with the tensors of which that is seen."""
    weights = pair.weights
    if not pair.differs(START):
        return
    if pair.first.stage is not None and pair.first.stage.kind is EVAL:
        yield ReasonRecord("start", "they evaluate other weights", (START,))
        return
    if isinstance(weights, Unavailable):
        yield ReasonRecord("start", "they start from other weights", (START,))
        return
    other = [one.name for one in weights.tensors if one.start_difference > 0]
    crossed = [one for one in weights.exchanged if one.measure == "rms_start"]
    which = f": {len(other)} of {formatting.plural(len(weights.tensors), 'tensor')} differ there"
    said = "; ".join(f"{_pair_of(one)} stand in each other's place" for one in crossed)
    where = f" ({said})" if crossed else ""
    text = f"they start from other weights{which if other else ''}{where}"
    yield ReasonRecord("start", text, (START, f"{WEIGHTS.path}#/tensors"))


def weight_reasons(pair: Pair) -> Iterator[ReasonRecord]:
    """Tensors that end in each other's place, a common pull towards zero, another saved model."""
    if not isinstance(pair.weights, Unavailable):
        yield from _mapping(pair, pair.weights)
        yield from _decay(pair, pair.weights)
    yield from _saved(pair)


def _mapping(pair: Pair, weights: WeightsComparison) -> Iterator[ReasonRecord]:
    from_start = {one.names for one in weights.exchanged if one.measure == "rms_start"}
    measures: dict[tuple[str, str], list[ExchangeRecord]] = {}
    for one in weights.exchanged:
        if one.names not in from_start or pair.is_same(START):
            measures.setdefault(one.names, []).append(one)
    for found in measures.values():
        one = found[0]
        same = " from the same start weights" if pair.is_same(START) else ""
        text = (
            f"{_pair_of(one)} are exchanged{same}: in all {one.num_layers} layers each is like the "
            f"other's partner (to {_rel(one.crossed_difference)}) and not like its namesake (off "
            f"by {_rel(one.own_difference)}, other tensors by {_rel(one.usual_difference)}), in "
            f"{' and '.join(each.measure for each in found)}. One of the two puts these weights "
            "into each other's place, or saves them so"
        )
        facts = (f"{WEIGHTS.path}#/tensors", *((START,) if pair.is_same(START) else ()))
        yield ReasonRecord("mapping", text, facts)


def _pair_of(one: ExchangeRecord) -> str:
    return " and ".join(one.names)


def _decay(pair: Pair, weights: WeightsComparison) -> Iterator[ReasonRecord]:
    """Only where the rates are the same, and no other decay is stated: that is said by itself."""
    if (
        not pair.is_same(RATES, "train.weight_decay")
        or pair.trajectory.num_steps[0] != (pair.trajectory.num_steps[1])
    ):
        return
    record = pair.first.document(WEIGHTS)
    shapes = {} if record is None else {one.name: len(one.shape) for one in record.tensors}
    pull = common_pull(weights, shapes)
    rates = sum(row.learning_rate for row in pair.first.rows(STEPS))
    if pull is not None and rates > 0:
        yield _pulled(pair, pull, rates)


def _pulled(pair: Pair, pull: PullRecord, rates: float) -> ReasonRecord:
    which, more = ("other", pull.share) if pull.share > 0 else ("first", -pull.share)
    steps = pair.trajectory.num_steps[0]
    stated = formatting.shortest(float(pair.conditions["train.weight_decay"].values[0] or 0.0))
    text = (
        f"all tensors of the {which} pack were pulled towards zero by the same share more: "
        f"{_rel(more)} of themselves (median of {pull.num_tensors} tensors, the middle half within "
        f"{_rel(pull.spread)}). That is what weight decay does, larger by about "
        f"{_rel(more / rates)} where it is multiplied by the rate, or {_rel(more / steps)} a step "
        f"where it is not, though both state {stated}"
    )
    facts = (f"{WEIGHTS.path}#/tensors", "train.weight_decay", RATES)
    return ReasonRecord("decay", text, facts)


def _saved(pair: Pair) -> Iterator[ReasonRecord]:
    """The same training, and another final model."""
    if isinstance(pair.logits, Unavailable) or not pair.dtype:
        return
    known = [one for one in pair.logits.prompts if one.relative_difference is not None]
    largest = max((one.relative_difference or 0.0 for one in known), default=0.0)
    if largest <= EQUAL_LOGITS[pair.dtype] or not _trained_alike(pair):
        return
    same_end = not isinstance(pair.weights, Unavailable) and pair.weights.same_end
    how = (
        "the weights after the last step are equal bit for bit"
        if same_end
        else "the losses are the same to rounding in every step"
    )
    text = (
        f"{how}, and the logits of the final model differ by {_rel(largest)} of their spread: the "
        "model that was saved is another one than the model that was trained, or it is loaded in "
        "another way"
    )
    facts = (LOGITS.path, WEIGHTS.path if same_end else STEPS.path)
    yield ReasonRecord("saved-model", text, facts)


def _trained_alike(pair: Pair) -> bool:
    if not isinstance(pair.weights, Unavailable) and pair.weights.same_end:
        return True
    steps = pair.steps_of_same_rows
    alike = all((one.loss_difference or 0.0) <= EQUAL_LOSSES for one in steps)
    whole = pair.trajectory.num_steps[0] == pair.trajectory.num_steps[1] == len(steps)
    return bool(steps) and whole and alike and pair.same_settings and pair.is_same(START)


def _rel(value: float) -> str:
    return formatting.significant(value, 2)
