"""How the numbers in the files agree with one another, by the arithmetic of a training.

Responsible for the formulas of docs/arithmetic.md as far as files allow: steps, epochs, learning
rates, rates per second, mean losses, FLOPs, size of the weights. Tolerances are half a unit of the
last digit shown. What cannot be told is not checked, and its reason is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Final

from evidence.foreign import names
from evidence.foreign.digits import Shown, shown
from evidence.foreign.facts import Fact
from evidence.foreign.trainings import LoggedRow
from evidence.records.imported import FindingRecord
from evidence.records.training import Schedule
from evidence.results.imported.counting import (
    PLANNED,
    RUNTIME,
    STEPS_PER_S,
    Counted,
    Counts,
)
from evidence.results.imported.main import Main
from evidence.results.imported.model import DTYPE_BYTES, ModelFacts
from evidence.results.imported.places import addresses_of, clean
from evidence.results.imported.recipe import SCHEDULES, Setting, Stated, schedule_of
from evidence.results.imported.training import FLOS
from evidence.rules import arithmetic

RATE_TOLERANCE: Final = Decimal("1e-15")
"""Relative: of a rate that is shown in full."""
SINGLE: Final = Decimal("1e-5")
"""Relative: of a sum that was made in single precision."""
MAX_CHARS: Final = 400
Findings = Iterator[FindingRecord]
Told = dict[Setting, Stated]
RULES: Final = {
    "recipe": "the milestone states what the files say",
    "steps": "as many steps as rows, batch, accumulation and epochs give",
    "epochs": "each row's epoch is that of its step",
    "learning-rates": "each row's learning rate is that of its step",
    "throughput": "rows fed and steps, divided by the runtime, are the rates that are logged",
    "mean-loss": "the mean loss of the run can be that of its rows",
    "flops": "FLOPs are those of the model and the tokens fed",
    "weights": "the size of the weights is that of the parameters",
}


def of(main: Main, told: Told, known: Counts, model: ModelFacts) -> Findings:
    """One finding a rule at least."""
    steps, rows, planned = known.done, known.rows, known.planned
    yield from _guarded("recipe", _recipe(told))
    yield from _guarded("steps", _steps(known, told))
    yield from _guarded("epochs", _epochs(rows, told, main))
    yield from _guarded("learning-rates", _learning_rates(planned, told, main))
    yield from _guarded("throughput", _throughput(known, main))
    yield from _guarded("mean-loss", _mean_loss(steps, main))
    yield from _guarded("flops", _flops(known, told, model, main))
    yield from _guarded("weights", _weights(model))


def _guarded(rule: str, found: Findings) -> list[FindingRecord]:
    """Files may hold any number: where one is too large to compute with, nothing is concluded."""
    try:
        return list(found)
    except (ArithmeticError, ValueError):
        return [_not_checked(rule, "the numbers are too large to compute with")]


def _holds(rule: str, message: str, *facts: Fact) -> FindingRecord:
    return FindingRecord(rule, "holds", clean(message), addresses_of(facts))


def _not_checked(rule: str, why: str) -> FindingRecord:
    return FindingRecord(rule, "not-checked", clean(why)[:MAX_CHARS], "")


def _contradicts(
    rule: str, message: str, expected: object, actual: object, *facts: Fact
) -> FindingRecord:
    address = addresses_of(facts)
    shown = [clean(str(one))[:MAX_CHARS] for one in (expected, actual)]
    return FindingRecord(rule, "contradicts", clean(message), address, *shown)


def _recipe(told: Told) -> Findings:
    compared = [one for one in told.values() if one.fact is not None and one.declared is not None]
    if not compared:
        yield _not_checked("recipe", "no milestone was given, or the files say nothing it states")
        return
    found = [one for one in compared if one.fact is not None and _differs(one.fact, one.declared)]
    for one in found:
        if one.fact is not None:
            text = f"the milestone states another {one.name.replace('_', ' ')} than the file says"
            yield _contradicts("recipe", text, one.declared, one.fact.text, one.fact)
    if not found:
        facts = [one.fact for one in compared if one.fact is not None]
        yield _holds("recipe", f"{len(compared)} settings are those of the milestone", *facts)


def _differs(fact: Fact, declared: object) -> bool:
    if isinstance(declared, str) or isinstance(fact.value, str):
        return str(declared).lower() not in str(fact.value).lower()
    return fact.value != declared


def _steps(known: Counts, told: Told) -> Findings:
    """T = ceil(E · ceil(ceil(N / b) / g)), on one device: what was planned."""
    rule, steps, rows = "steps", known.planned, known.rows
    batch, accumulation = told["batch_size"].number, told["gradient_accumulation"].number
    epochs = told["epochs"].number
    most = told["max_steps"]
    if most.number is not None:
        if most.fact is None or steps.number is None or not steps.facts:
            yield _not_checked(rule, "a number of steps was set, and none is logged")
        elif steps.number == most.number:
            yield _holds(rule, f"{steps.number} steps were asked for", *steps.facts, most.fact)
        else:
            text = f"{most.number} steps were asked for in one file, {steps.number} in another"
            yield _not_checked(rule, text)
        return
    unknown = [
        what
        for what, value in (
            ("the number of steps", steps.number),
            ("the number of rows", rows.number),
            ("the batch size", batch),
            ("the accumulation", accumulation),
            ("the epochs", epochs),
        )
        if value is None
    ]
    if unknown or not _whole(batch) or not _whole(accumulation):
        yield _not_checked(rule, f"no file says {', '.join(unknown) or 'them as whole numbers'}")
        return
    per_epoch = arithmetic.steps_per_epoch(
        int(rows.number or 0), int(batch or 1), int(accumulation or 1)
    )
    expected = arithmetic.total_steps(float(epochs or 1), per_epoch)
    facts = (*steps.facts, *_facts(told, "batch_size", "gradient_accumulation", "epochs"))
    if expected == steps.number:
        yield _holds(rule, f"{rows.number} rows make {expected} steps", *facts)
    else:
        text = "rows, batch, accumulation and epochs make another number of steps on one device"
        yield _not_checked(rule, f"{text} ({expected}, not {steps.number}): several devices?")


def _whole(value: float | int | None) -> bool:
    return isinstance(value, int) and value > 0


def _facts(told: Told, *wanted: Setting) -> list[Fact]:
    return [fact for name in wanted if (fact := told[name].fact) is not None]


def _rows(main: Main) -> list[LoggedRow]:
    return [] if main.training is None else list(main.training.rows)


def _epochs(rows: Counted, told: Told, main: Main) -> Findings:
    """min(s·g, m) / m, with whole epochs before, at the digits that the row shows."""
    rule = "epochs"
    batch, accumulation = told["batch_size"].number, told["gradient_accumulation"].number
    pairs = [(r, f) for r in _rows(main) if (f := r.get(names.EPOCH)) and isinstance(r.step, int)]
    if rows.number is None or not (_whole(batch) and _whole(accumulation)) or not pairs:
        yield _not_checked(rule, "rows, batch, accumulation or the steps of the rows are not known")
        return
    for row, fact in pairs:
        said = shown(fact)
        expected = arithmetic.epoch_after_step(
            int(row.step or 0), rows.number, int(batch or 1), int(accumulation or 1)
        )
        if said is not None and not _near(said, expected):
            text = f"step {row.step} of these rows on one device ends at another epoch: several?"
            yield _not_checked(rule, f"{text} ({expected:.6g}, not {fact.text})")
            return
    yield _holds(rule, f"{len(pairs)} epochs are those of their steps", *(f for _, f in pairs[:3]))


def _near(said: Shown, expected: float) -> bool:
    exact = Decimal(repr(expected))
    return abs(said.value - exact) <= max(said.half, abs(exact) * RATE_TOLERANCE)


def _learning_rates(steps: Counted, told: Told, main: Main) -> Findings:
    """The rate that the step used, or, as some programs log, that of the step after it."""
    rule = "learning-rates"
    pairs = [
        (row.step, fact)
        for row in _rows(main)
        if isinstance(row.step, int) and (fact := row.get(names.RATE)) is not None
    ]
    base, total = told["learning_rate"].number, steps.number
    warmup = int(told["warmup_steps"].number or 0)
    if base is None or total is None or not pairs:
        yield _not_checked(rule, "the base rate, the number of steps or logged rates are not known")
        return
    stated = schedule_of(told["schedule"])
    asked = (stated,) if stated is not None else SCHEDULES
    if stated is None and told["schedule"].text:
        yield _not_checked(rule, f"the schedule {told['schedule'].text!r:.60} has no formula here")
        return
    facts = [*_facts(told, "learning_rate", "schedule"), pairs[0][1], pairs[-1][1]]
    for schedule in asked:
        for later in (0, 1):
            if all(
                _is_rate(f, s + later, total, float(base), schedule, int(warmup)) for s, f in pairs
            ):
                of = "the steps after them" if later else "their steps"
                text = f"{len(pairs)} rates are those of {of}: {schedule}, {total} steps"
                yield _holds(rule, text, *facts)
                return
    if stated is None:
        yield _not_checked(rule, "no file names the schedule, and the rates are of none known here")
        return
    step, fact = next(
        (s, f) for s, f in pairs if not _is_rate(f, s, total, float(base), stated, warmup)
    )
    expected = arithmetic.learning_rate_used(step, total, float(base), stated, warmup)
    text = f"another learning rate than the schedule {stated} has at step {step}"
    yield _contradicts(rule, text, repr(expected), fact.text, fact, *_facts(told, "schedule"))


def _is_rate(
    fact: Fact, step: int, total: int, base: float, schedule: Schedule, warmup: int
) -> bool:
    said = shown(fact)
    expected = arithmetic.learning_rate_used(step, total, base, schedule, warmup)
    return said is not None and _near(said, expected)


def _throughput(known: Counts, main: Main) -> Findings:
    """T / runtime at the digits that the log shows; of a run that was stopped, T as planned."""
    rule = "throughput"
    runtime = main.total(RUNTIME)
    rate = main.total(STEPS_PER_S)
    if runtime is None or rate is None:
        yield _not_checked(rule, "no file has a runtime and steps per second")
        return
    steps, samples = known.done, known.samples
    time, per_s = shown(runtime), shown(rate)
    if time is None or per_s is None or steps.number is None:
        yield _not_checked(rule, steps.why_not or "they are no numbers")
        return
    low, high = time.low * per_s.low, time.high * per_s.high
    stated = main.total(PLANNED)
    planned = known.planned.number if stated is not None else None
    if low <= steps.number <= high:
        text = f"{steps.number} steps" + (f", {samples.number} samples" if samples.number else "")
        facts = (*samples.facts, rate, runtime) if samples.number else (rate, runtime)
        yield _holds(rule, f"{text} in {runtime.text} s", *facts)
    elif planned is not None and low <= planned <= high:
        text = f"the rate is of the {planned} steps that were planned; {steps.number} were done"
        yield _holds(rule, text, rate, runtime, *known.planned.facts, *steps.facts)
    elif planned is None:
        yield _not_checked(rule, "the rate is of other steps than were done: of those planned?")
    else:
        expected = f"{steps.number / float(time.value):.6g}" if time.value else "-"
        text = f"{steps.number} steps in {runtime.text} s are another number of steps per second"
        yield _contradicts(rule, text, expected, rate.text, rate, runtime, *steps.facts)


def _mean_loss(steps: Counted, main: Main) -> Findings:
    """Σ loss · (steps since the row before) + what the steps after the last have = mean · T."""
    rule = "mean-loss"
    mean, rows = main.total(("train_loss", "training_loss")), _rows(main)
    pairs = [(row.step, row.loss) for row in rows if row.loss is not None]
    ends = [step for step, _ in pairs if isinstance(step, int)]
    if mean is None or steps.number is None or not pairs or len(ends) < len(pairs):
        yield _not_checked(rule, "the mean, the number of steps or the steps of rows are not known")
        return
    widths = [after - before for before, after in pairwise((0, *ends))]
    said, losses = shown(mean), [one for _, fact in pairs if (one := shown(fact)) is not None]
    rest = steps.number - ends[-1]
    if said is None or len(losses) != len(pairs) or min(widths) < 1 or rest < 0:
        yield _not_checked(rule, "the rows are of other steps than the run")
        return
    weighed = list(zip(losses, widths, strict=True))
    total = sum((one.value * width for one, width in weighed), Decimal(0))
    slack = sum((one.half * width for one, width in weighed), said.half * steps.number)
    slack += abs(total) * SINGLE
    left = said.value * steps.number - total
    facts = (mean, pairs[0][1], pairs[-1][1])
    if rest == 0 and abs(left) > slack:
        text = f"the mean of the run is logged as {mean.text}; that of its rows is"
        text = f"{text} {float(total) / steps.number:.6g}: a run that was resumed logs such a mean"
        yield FindingRecord(rule, "warning", text, addresses_of(facts))
    elif rest and left < -slack and min(one.value for one in losses) >= 0:
        text = f"with a mean of {mean.text} the {rest} steps after the last row would have a loss"
        yield FindingRecord(
            rule,
            "warning",
            f"{text} below 0: a run that was resumed logs such a mean",
            addresses_of(facts),
        )
    elif rest:
        text = f"the {rest} steps after the last row would have a mean loss of"
        spread = float(slack) / rest
        yield _holds(rule, f"{text} {float(left) / rest:.4g} ± {spread:.1g}", *facts)
    else:
        yield _holds(rule, "it is the mean of the rows", *facts)


def _flops(known: Counts, told: Told, model: ModelFacts, main: Main) -> Findings:
    """6 · (parameters − embedding tables) · tokens fed, padding included."""
    rule = "flops"
    samples = known.samples if known.is_whole else Counted(None)
    said, parameters = main.total(FLOS), model.num_parameters
    if said is None or parameters is None or model.embedding is None:
        missing = "total_flos" if said is None else "the parameters and tables of the model"
        yield _not_checked(rule, f"no file says {missing}" if said is None else
                           model.why_not or f"no file says {missing}")  # fmt: skip
        return
    tables, told_by = model.embedding
    if not isinstance(parameters.value, int) or not isinstance(said.value, (int, float)):
        yield _not_checked(rule, "they are no numbers")
        return
    per_token = arithmetic.training_flops(parameters.value, tables, 1)
    facts = (said, parameters, *told_by, *_facts(told, "max_length"))
    number = int(said.value) if math.isfinite(said.value) else 0
    tokens, left = divmod(number, per_token) if per_token > 0 else (0, 1)
    length = told["max_length"].number
    if left or tokens <= 0:
        text = "they are no whole number of tokens of this model: adapters, or another model?"
        yield _not_checked(rule, text)
    elif samples.number and _whole(length) and tokens == samples.number * int(length or 0):
        text = f"{samples.number} rows of {length} tokens, padding included: {number} FLOPs"
        yield _holds(rule, text, *facts)
    elif samples.number and _whole(length) and tokens > samples.number * int(length or 0):
        text = f"more tokens than {samples.number} rows of at most {length} have"
        most = samples.number * int(length or 0) * per_token
        yield _contradicts(rule, text, f"at most {most}", said.text, *facts)
    else:
        yield _holds(rule, f"they are {tokens} tokens of this model", *facts)


def _weights(model: ModelFacts) -> Findings:
    """Bytes = parameters · bytes of the type, where one type is all there is."""
    rule = "weights"
    parameters, size = model.num_parameters, model.total_size
    width = None if model.dtype is None else DTYPE_BYTES.get(model.dtype.text)
    if parameters is None or size is None or model.dtype is None or width is None:
        yield _not_checked(rule, "parameters, size or type of the weights are not said")
    elif not isinstance(parameters.value, int) or not isinstance(size.value, (int, float)):
        yield _not_checked(rule, "they are no numbers")
    elif size.value == parameters.value * width:
        text = f"{parameters.value} parameters of {width} bytes"
        yield _holds(rule, text, parameters, size, model.dtype)
    elif size.value < parameters.value:
        text = "fewer bytes than parameters"
        yield _contradicts(rule, text, parameters.value * width, size.text, size, parameters)
    else:
        yield _not_checked(rule, "the weights are of several types, or more than the parameters")
