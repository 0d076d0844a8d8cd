"""What two runs have in common, and what is told apart, before their numbers are compared. Pure.

Responsible for one condition at a time: same, differs, or not checked with the reason. "Same" is
said only where both packs have the evidence for it. What follows from all of them is judged by
`other_framework` and by `compare`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from evidence import layout
from evidence.encoding.codec import encode
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.comparison import ConditionRecord, Scalar
from evidence.records.inputs import ModelRecord
from evidence.records.run import AttemptPlan
from evidence.records.training import LoraSpec, options_set
from evidence.results.context import Context
from evidence.results.framework import framework_of, framework_version
from evidence.results.side_by_side import compared_steps
from evidence.rules.closeness import difference
from evidence.rules.differences import differences, flat, scalar
from evidence.stages.eval import EVAL
from evidence.stages.train import STEPS, TRAIN
from evidence.text import formatting

START: Final = "start-weights"
ROWS: Final = "rows"
TOKENIZER: Final = "tokenizer"
FRAMEWORK: Final = "framework"
RATES: Final = "rates"
DATA: Final = "data."
EVALUATION: Final = "eval."
SETTINGS: Final = (
    ("optimizer", "optimizer"),
    ("weight_decay", "weight decay"),
    ("learning_rate", "highest learning rate"),
    ("schedule", "schedule"),
    ("warmup_steps", "warm-up steps"),
    ("max_grad_norm", "largest gradient norm"),
    ("batch_size", "batch size"),
    ("gradient_accumulation", "gradient accumulation"),
    ("dtype", "number format"),
    ("epochs", "epochs"),
    ("max_steps", "most steps"),
    ("max_length", "maximum length"),
    ("seed", "seed"),
)
"""Of [train]: what decides a step, and which rows it is fed."""
FURTHER: Final = {
    "warmup_ratio": "warm-up as a share of all steps",
    "adam_beta1": "first beta of AdamW",
    "adam_beta2": "second beta of AdamW",
    "adam_epsilon": "epsilon of AdamW",
    "label_smoothing": "label smoothing",
    "neftune_noise_alpha": "noise on embeddings (NEFTune)",
    "gradient_checkpointing": "gradient checkpointing",
    "lora": "LoRA",
    "mixed_precision": "mixed precision",
    "validate_every_steps": "steps between validations",
    "validation_data": "data set of validations",
    "early_stopping_patience": "validations without a better loss that end it",
    "early_stopping_threshold": "by how much a better loss is smaller",
    "keep_best": "whether the best weights are kept",
    "packing": "rows packed into sequences",
    "quantise": "format of the model beside the adapter",
    "extra": "further TrainingArguments",
}
"""Likewise, and said only where one of the two does not leave it at its default."""
RATE_TOLERANCE: Final = 1e-6
"""Relative: a schedule may be computed in float32."""
_NO_TRAINING: Final = "the attempt of one of them has no [train]"

Values = tuple[Scalar, Scalar]


def conditions(
    first: Documents, other: Documents, plans: tuple[AttemptPlan, AttemptPlan]
) -> tuple[ConditionRecord, ...]:
    """All of them: what differs by intent, then what should be the same. Of one stage, those of
    its kind."""
    stated_in = _stated_in(first, other)
    kind = None if first.stage is None else first.stage.kind
    return (
        _backend(plans),
        _framework(first, other),
        _interpreter(first, other),
        _milestone(first, other),
        start_weights(first, other),
        _tokenizer(first, other),
        *_data(first, other),
        *(() if kind is EVAL else _of_training(first, other, plans, stated_in)),
        *(() if kind is TRAIN else evaluation(plans, stated_in)),
    )


def _of_training(
    first: Documents, other: Documents, plans: tuple[AttemptPlan, AttemptPlan], stated_in: str
) -> Iterator[ConditionRecord]:
    yield fed_rows(first, other)
    yield from settings(plans, stated_in)
    yield rates(first, other)
    yield from _forms(first, other)


def same(name: str, title: str, values: Values, reason: str) -> ConditionRecord:
    """`same` or `differs`, by the values themselves."""
    equal = values[0] == values[1] and isinstance(values[0], bool) == isinstance(values[1], bool)
    return ConditionRecord(name, title, values, "same" if equal else "differs", reason)


def _unknown(name: str, title: str, reason: str, values: Values = (None, None)) -> ConditionRecord:
    return ConditionRecord(name, title, values, "not-checked", reason)


def _backend(plans: tuple[AttemptPlan, AttemptPlan]) -> ConditionRecord:
    return same(
        "attempt.backend", "backend", (plans[0].backend, plans[1].backend), layout.MILESTONE
    )


def _framework(first: Documents, other: Documents) -> ConditionRecord:
    names = [framework_of(one) for one in (first, other)]
    versions = [framework_version(one) for one in (first, other)]
    shown = tuple(None if isinstance(one, Unavailable) else one for one in versions)
    for name in names:
        if isinstance(name, Unavailable):
            return _unknown(FRAMEWORK, "framework", name.reason, (shown[0], shown[1]))
    outcome = same(FRAMEWORK, "framework", (str(names[0]), str(names[1])), layout.ENVIRONMENT)
    reason = outcome.reason
    if outcome.outcome == "same" and shown[0] != shown[1]:
        reason = f"{reason}: other versions"
    return ConditionRecord(FRAMEWORK, "framework", (shown[0], shown[1]), outcome.outcome, reason)


def _interpreter(first: Documents, other: Documents) -> ConditionRecord:
    found = [_python(one) for one in (first, other)]
    values: Values = (found[0], found[1])
    if None in values:
        return _unknown("interpreter", "interpreter", "it is not recorded", values)
    places = [layout.ENVIRONMENT if one.worker is None else layout.WORKER for one in (first, other)]
    return same("interpreter", "interpreter", values, " and ".join(dict.fromkeys(places)))


def _python(documents: Documents) -> str | None:
    environment, worker = documents.environment, documents.worker
    if worker is not None:
        return f"{worker.python_implementation} {worker.python_version} ({worker.interpreter})"
    parts = (environment.python_implementation, environment.python_version)
    known = [one for one in parts if not isinstance(one, Unavailable)]
    return " ".join(known) or None


def _milestone(first: Documents, other: Documents) -> ConditionRecord:
    values = tuple(f"{one.milestone.id}" for one in (first, other))
    digests = [one.digests.get(layout.MILESTONE) for one in (first, other)]
    found = same("milestone", "milestone", (values[0], values[1]), layout.MILESTONE)
    if None in digests:
        return _unknown("milestone", "milestone", "there is no digest of it", found.values)
    if digests[0] == digests[1]:
        return found
    reason = f"{layout.MILESTONE}: other bytes; what of it counts stands below"
    return ConditionRecord("milestone", "milestone", found.values, "differs", reason)


def start_weights(first: Documents, other: Documents) -> ConditionRecord:
    """By the digest of all weights, else by the files that they were read from."""
    is_evaluation = first.stage is not None and first.stage.kind is EVAL
    title = "weights evaluated" if is_evaluation else "start weights"
    place = f"{layout.INPUTS}#/model/weights_sha256"
    models: list[ModelRecord] = []
    for one in (first, other):
        if isinstance(one.inputs.model, Unavailable):
            return _unknown(START, title, one.inputs.model.reason)
        models.append(one.inputs.model)
    before, after = models
    digests = (before.weights_sha256, after.weights_sha256)
    if None not in digests and digests[0] == digests[1]:
        return same(START, title, digests, place)
    if before.dtype != after.dtype:
        reason = f"their digests are of {before.dtype} and of {after.dtype} numbers"
        return _by_files(title, before, after, reason, digests)
    if None in digests:
        return _by_files(title, before, after, "not both packs have a digest of them", digests)
    return same(START, title, digests, place)


def _by_files(
    title: str, before: ModelRecord, after: ModelRecord, reason: str, digests: Values
) -> ConditionRecord:
    files = [_weights_of(one) for one in (before, after)]
    if files[0] and files[0] == files[1]:
        values: Values = (files[0][0], files[1][0])
        return same(START, title, values, f"{layout.INPUTS}#/model/files ({reason})")
    return _unknown(START, title, reason, digests)


def _weights_of(model: ModelRecord) -> list[str]:
    files = () if isinstance(model.files, Unavailable) else model.files
    return sorted(file.sha256 for file in files if file.path.endswith(".safetensors"))


def _tokenizer(first: Documents, other: Documents) -> ConditionRecord:
    found: list[str] = []
    for one in (first, other):
        tokenizer = one.inputs.tokenizer
        digest = tokenizer if isinstance(tokenizer, Unavailable) else tokenizer.sha256
        if isinstance(digest, Unavailable):
            return _unknown(TOKENIZER, "tokenizer", digest.reason)
        found.append(digest)
    place = f"{layout.INPUTS}#/tokenizer/sha256"
    return same(TOKENIZER, "tokenizer", (found[0], found[1]), place)


def _data(first: Documents, other: Documents) -> Iterator[ConditionRecord]:
    sets = [one.inputs.data for one in (first, other)]
    for name in dict.fromkeys((*sets[0], *sets[1])):
        digests = [one[name].sha256 if name in one else None for one in sets]
        title, values = f"data set {name}", (digests[0], digests[1])
        if None in digests:
            yield _unknown(f"{DATA}{name}", title, "one of them has none of this name", values)
        else:
            yield same(f"{DATA}{name}", title, values, f"{layout.INPUTS}#/data")


def fed_rows(first: Documents, other: Documents) -> ConditionRecord:
    """The row stream: the same rows as the same tokens in the same order, step by step."""
    title = "rows fed, in order"
    pairs = list(zip(compared_steps(first), compared_steps(other), strict=False))
    if not pairs:
        return _unknown(ROWS, title, "they have no optimizer step in common")
    if any(a.stream is None or b.stream is None for a, b in pairs):
        return _unknown(ROWS, title, "which rows a recorded program was fed is not known")
    parted = next(((a, b) for a, b in pairs if a.stream != b.stream), None)
    if parted is not None:
        values: Values = (parted[0].stream, parted[1].stream)
        reason = f"from step {parted[0].step} on ({layout.METRICS})"
        return ConditionRecord(ROWS, title, values, "differs", reason)
    last = pairs[-1]
    steps = formatting.plural(len(pairs), "common step")
    return same(ROWS, title, (last[0].stream, last[1].stream), f"all {steps} ({layout.METRICS})")


def _stated_in(first: Documents, other: Documents) -> str:
    is_set = bool(first.overrides or other.overrides)
    return f"{layout.MILESTONE} and {layout.OVERRIDES}" if is_set else layout.MILESTONE


def settings(
    plans: tuple[AttemptPlan, AttemptPlan], stated_in: str = layout.MILESTONE
) -> Iterator[ConditionRecord]:
    """What the milestones state of a step."""
    trains = [plan.given_train for plan in plans]
    by_share = all(plan is not None and plan.warmup_ratio for plan in trains)
    for key, title in SETTINGS:
        name = f"train.{key}"
        if by_share and key == "warmup_steps":
            continue  # said as the share that both give instead
        if trains[0] is None or trains[1] is None:
            yield _unknown(name, title, _NO_TRAINING)
        else:
            values = (getattr(trains[0], key), getattr(trains[1], key))
            yield same(name, title, values, f"{stated_in}, as stated")
    if trains[0] is None or trains[1] is None:
        return
    for key in dict.fromkeys((*options_set(trains[0]), *options_set(trains[1]))):
        values = (_stated(getattr(trains[0], key)), _stated(getattr(trains[1], key)))
        yield same(f"train.{key}", FURTHER[key], values, f"{stated_in}, as stated")


def evaluation(
    plans: tuple[AttemptPlan, AttemptPlan], stated_in: str = layout.MILESTONE
) -> Iterator[ConditionRecord]:
    """What the milestones state of the evaluation, where the two state it otherwise."""
    asked = [plan.given_eval for plan in plans]
    if asked[0] is None or asked[1] is None:
        return
    for row in differences([flat(encode(one)) for one in asked]):
        values = (row.values[0], row.values[1])
        title = f"{row.key} of the evaluation"
        yield same(f"{EVALUATION}{row.key}", title, values, f"{stated_in}, as stated")


def _stated(value: Any) -> Scalar:
    """A setting in one line; of a table, its keys and values."""
    if not isinstance(value, (LoraSpec, dict)):
        stated: Scalar = value
        return stated
    if isinstance(value, dict):
        return ", ".join(f"{key} {scalar(value[key])}" for key in sorted(value)) or "none"
    return ", ".join(f"{key} {_in_words(one)}" for key, one in encode(value).items())


def _in_words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def rates(first: Documents, other: Documents) -> ConditionRecord:
    """The learning rates that the steps used."""
    title = "learning rate of each step"
    pairs = [
        (a.step, a.learning_rate, b.learning_rate)
        for a, b in zip(compared_steps(first), compared_steps(other), strict=False)
    ]
    if not pairs:
        return _unknown(RATES, title, "they have no optimizer step in common")
    if any(None in pair for pair in pairs):
        return _unknown(RATES, title, "they are not recorded of every step")
    beyond = (one for one in pairs if difference(one[1], one[2]) > RATE_TOLERANCE)
    parted = next(beyond, None)
    if parted is not None:
        step, one, two = parted
        reason = f"from step {step} on ({layout.METRICS})"
        return ConditionRecord(RATES, title, (one, two), "differs", reason)
    reason = f"to {RATE_TOLERANCE:g}, all {formatting.plural(len(pairs), 'common step')}"
    values: Values = (pairs[0][1], pairs[0][2])
    return ConditionRecord(RATES, title, values, "same", f"{reason} ({layout.METRICS})")


_FORMS: Final = (
    ("rows_per_forward", "rows that go through the model at once"),
    ("accumulation", "forward passes of a step"),
    ("processes", "processes that divide the rows of a step"),
    ("strategy", "how these share the weights"),
    ("widths", "row lengths that programs are compiled for"),
    ("device", "device"),
)


def _forms(first: Documents, other: Documents) -> Iterator[ConditionRecord]:
    """How rows went through the model: it changes rounding, and what is padded."""
    found = [_execution(one) for one in (first, other)]
    for key, title in _FORMS:
        values: Values = (_scalar(found[0], key), _scalar(found[1], key))
        name = f"execution.{key}"
        if not found[0] or not found[1]:
            yield _unknown(name, title, "the journal of one of them does not say it", values)
        elif values != (None, None):
            yield same(name, title, values, f"{layout.JOURNAL}: execution")
    padded = [sum(row.num_fed_tokens for row in one.rows(STEPS)) for one in (first, other)]
    if all(padded):
        yield same(
            "execution.num_fed_tokens", "tokens fed, padding included", (padded[0], padded[1]),
            layout.METRICS,
        )  # fmt: skip


def _execution(documents: Documents) -> dict[str, Any]:
    events = Context(documents).stage_events("execution", "train")
    return dict(events[-1].data) if events else {}


def _scalar(found: dict[str, Any], key: str) -> Scalar:
    value = found.get(key)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return value if isinstance(value, (str, int, float)) else None
