"""Values of a recorded program: its steps, its model, what it fed, numbers that it wrote or told.

Of several processes that step together the first that stepped most gives losses and rates, and
tokens are the sum over all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.program import ProgramModel, ProgramRecord, ProgramStep
from evidence.records.run import ValueRecord
from evidence.results.context import (
    Context,
    Named,
    Values,
    at,
    journal_at,
    known,
    number_in,
    observed,
    ratio,
    rows_at,
    unknown,
)
from evidence.rules import arithmetic
from evidence.rules.program import (
    Remark,
    declared,
    doubts,
    is_number,
    not_finite,
    remarks,
    untold,
)
from evidence.stages.command import (
    COMMAND,
    PROGRAM,
    PROGRAM_FILES,
    PROGRAM_NUMBERS,
    PROGRAM_REPORTED,
    PROGRAM_SEEN,
    PROGRAM_STEPS,
)

NO_STEPS: Final = "no step of an optimizer was seen"
NO_LOSS: Final = "no loss was seen"
MAX_REPORTED: Final = 1_000
"""Names of reported values that become values of their own."""
_OF_STEPS: Final = (
    ("loss_first", "", "first-loss"),
    ("loss_last", "", "last-loss"),
    ("loss_mean", "", "mean-loss"),
    ("learning_rate_first", "", "as-recorded"),
    ("learning_rate_last", "", "as-recorded"),
)
_TOKENS: Final = ("num_rows", "num_tokens", "num_fed_tokens", "num_target_tokens")
_UNITS: Final = {"num_rows": "rows"}


def program_values(context: Context) -> Values:
    """program.*, metric.* and reported.*"""
    record = context.documents.document(PROGRAM) if context.plan is not None else None
    yield from _steps(context)
    yield from _fed(context)
    yield from _process(context, record)
    yield from _model(context, record)
    yield from _evaluated(context, record)
    yield from _data(context)
    yield from _metrics(context)
    yield from _reported(context)


def main_steps(steps: tuple[ProgramStep, ...]) -> tuple[ProgramStep, ...]:
    """The steps of the process and optimizer that stepped most, over all segments."""
    counts = Counter((one.process, one.optimizer) for one in steps if not one.skipped)
    if not counts:
        return ()
    most = max(counts.values())
    chosen = min(key for key, count in counts.items() if count == most)
    return tuple(one for one in steps if (one.process, one.optimizer) == chosen and not one.skipped)


def _rows(context: Context) -> tuple[ProgramStep, ...]:
    return context.documents.rows(PROGRAM_STEPS) if context.plan is not None else ()


def _steps(context: Context) -> Values:
    rows = _rows(context)
    steps = main_steps(rows)
    place = rows_at(PROGRAM_STEPS.path, 1, max(1, len(rows)), "loss")
    if not steps:
        why = context.why_not if context.plan is None else NO_STEPS
        for name in ("num_steps", "num_skipped"):
            yield f"program.{name}", unknown(why, "steps", place, "count-of-steps")
        for name, unit, rule in _OF_STEPS:
            yield f"program.{name}", unknown(why, unit, place, rule)
        return
    skipped = sum(one.skipped for one in rows)
    whole = rows_at(PROGRAM_STEPS.path, 1, len(rows), "step")
    yield "program.num_steps", known(len(steps), "steps", whole, "count-of-steps")
    yield "program.num_skipped", known(skipped, "steps", whole, "count")
    lines = {id(one): line for line, one in enumerate(rows, 1)}
    yield from _losses(steps, lines, place)
    for name, one in (("first", steps[0]), ("last", steps[-1])):
        where = rows_at(PROGRAM_STEPS.path, lines[id(one)], lines[id(one)], "learning_rates/0")
        rates = one.learning_rates
        value = known(rates[0], "", where) if rates else unknown("it was not seen", "", where)
        yield f"program.learning_rate_{name}", value


def _losses(steps: tuple[ProgramStep, ...], lines: dict[int, int], place: str) -> Values:
    told = [one for one in steps if one.loss is not None]
    if not told:
        for name, rule in (("first", "first-loss"), ("last", "last-loss"), ("mean", "mean-loss")):
            yield f"program.loss_{name}", unknown(NO_LOSS, "", place, rule)
        return
    for name, one, rule in (("first", told[0], "first-loss"), ("last", told[-1], "last-loss")):
        where = rows_at(PROGRAM_STEPS.path, lines[id(one)], lines[id(one)], "loss")
        yield f"program.loss_{name}", _finite(one.loss, "", where, rule)
    endless = not_finite(told)
    if endless:
        why = f"the loss of step {endless[0].step} is {endless[0].loss}"
        yield "program.loss_mean", unknown(why, "", place, "mean-loss")
        return
    mean = arithmetic.mean([float(one.loss or 0) for one in told])
    yield "program.loss_mean", known(mean, "", place, "mean-loss")


def _finite(value: Any, unit: str, place: str, rule: str) -> ValueRecord:
    """Of what is no finite number, which it is."""
    if isinstance(value, str):
        return unknown(f"it is {value}, which is no finite number", unit, place, rule)
    return known(value, unit, place, rule)


def _fed(context: Context) -> Values:
    seen = context.documents.document(PROGRAM_SEEN) if context.plan is not None else None
    for name in _TOKENS:
        place, unit = at(PROGRAM_SEEN.path, name), _UNITS.get(name, "tokens")
        value = None if seen is None else getattr(seen, name)
        why = context.why_not if seen is None else "a step did not know it"
        yield (
            f"program.{name}",
            unknown(why, unit, place) if value is None else known(value, unit, place),
        )


def _process(context: Context, record: ProgramRecord | None) -> Values:
    place = at(PROGRAM.path, "processes")
    names = (("num_processes", "processes"), ("max_rss_bytes", "bytes"))
    if record is None:
        for name, unit in names:
            yield f"program.{name}", unknown(context.why_not, unit, place)
    else:
        yield "program.num_processes", known(len(record.processes), "processes", place, "count")
        peaks = [one.max_rss_bytes for one in record.processes if one.max_rss_bytes is not None]
        yield (
            "program.max_rss_bytes",
            known(max(peaks), "bytes", place, "maximum")
            if peaks
            else unknown("no process told it", "bytes", place, "maximum"),
        )
    finished = context.stage_events("stage-finished", COMMAND.name)
    runtime_s = number_in(finished[-1], "runtime_s") if finished else None
    where = journal_at(finished[-1], "data", "runtime_s") if finished else ""
    yield (
        "program.runtime_s",
        unknown(context.why_not, "s", where) if runtime_s is None else known(runtime_s, "s", where),
    )


def main_model(record: ProgramRecord | None) -> tuple[int, ProgramModel] | None:
    """The largest model that was trained, and its place in the list."""
    return _largest(record, is_trained=True)


def _largest(record: ProgramRecord | None, *, is_trained: bool) -> tuple[int, ProgramModel] | None:
    models = () if record is None else record.models
    kept = [index for index, one in enumerate(models) if one.is_trained is is_trained]
    if not kept:
        return None
    index = max(kept, key=lambda one: (models[one].num_parameters, -one))
    return index, models[index]


def _evaluated(context: Context, record: ProgramRecord | None) -> Values:
    """Of passes without training, and of the largest model that nothing but that was done to."""
    phases = () if record is None else record.evaluations
    place = at(PROGRAM.path, "evaluations")
    why = context.why_not if record is None else "no model was seen to be called without training"
    name = "program.num_eval_forwards"
    if phases:
        count = sum(one.num_forwards for one in phases)
        yield name, known(count, "passes", place, "sum")
    else:
        yield name, unknown(why, "passes", place, "sum")
    found = _largest(record, is_trained=False)
    for key, unit in (("num_parameters", "parameters"), ("evaluated_sha256", "")):
        name = f"program.evaluated.{key.removeprefix('evaluated_')}"
        if found is None:
            yield name, unknown(why, unit, at(PROGRAM.path, "models"))
            continue
        where, value = at(PROGRAM.path, "models", found[0], key), getattr(found[1], key)
        yield name, known(value, unit, where) if unit else observed(value, unit, where)


def _model(context: Context, record: ProgramRecord | None) -> Values:
    found = main_model(record)
    if found is None:
        why = context.why_not if record is None else "no model was seen in training"
        place = at(PROGRAM.path, "models")
        for name, unit in (
            ("num_parameters", "parameters"),
            ("num_trainable", "parameters"),
            ("share_trainable", ""),
            ("num_changed", "numbers"),
            ("num_compared", "numbers"),
            ("share_changed", ""),
            ("weights_before_sha256", ""),
            ("weights_after_sha256", ""),
        ):
            yield f"program.{name}", unknown(why, unit, place)
        return
    index, model = found

    def place_of(name: str) -> str:
        return at(PROGRAM.path, "models", index, name)

    for name in ("num_parameters", "num_trainable"):
        yield f"program.{name}", known(getattr(model, name), "parameters", place_of(name))
    share = (model.num_trainable, model.num_parameters)
    where = place_of("num_trainable")
    yield "program.share_trainable", ratio(*share, "", where, "share-of-numbers", "it has none")
    for name in ("before", "after"):
        where = place_of(f"{name}_sha256")
        yield (
            f"program.weights_{name}_sha256",
            observed(getattr(model, f"{name}_sha256"), "", where),
        )
    yield from _changed(model, place_of("num_changed"), place_of("num_compared"))


def _changed(model: ProgramModel, changed_at: str, compared_at: str) -> Values:
    changed, compared = model.num_changed, model.num_compared
    if changed is None or compared is None:
        why = "its numbers before and after were not compared"
        yield "program.num_changed", unknown(why, "numbers", changed_at)
        yield "program.num_compared", unknown(why, "numbers", compared_at)
        yield "program.share_changed", unknown(why, "", changed_at, "share-of-numbers")
        return
    yield "program.num_changed", known(changed, "numbers", changed_at)
    yield "program.num_compared", known(compared, "numbers", compared_at)
    share = ratio(changed, compared, "", changed_at, "share-of-numbers", "nothing was compared")
    yield "program.share_changed", share


def _data(context: Context) -> Values:
    seen = context.documents.document(PROGRAM_SEEN) if context.plan is not None else None
    for index, one in enumerate(() if seen is None else seen.data):
        place = at(PROGRAM_SEEN.path, "data", index)
        name = f"program.data.{index}"
        for key in ("num_rows", "num_rows_looked_at", "num_rows_found"):
            yield f"{name}.{key}", known(getattr(one, key), "rows", f"{place}/{key}")
        for number, field in enumerate(one.fields):
            where = f"{place}/fields/{number}"
            for key in ("num_rows", "num_rows_in_sequence", "num_rows_in_target"):
                value = getattr(field, key)
                yield (
                    f"{name}.{field.field}.{key}",
                    unknown("which tokens carry loss is not known", "rows", f"{where}/{key}")
                    if value is None
                    else known(value, "rows", f"{where}/{key}"),
                )


def _metrics(context: Context) -> Values:
    found = context.documents.document(PROGRAM_NUMBERS) if context.plan is not None else None
    places = {} if found is None else {one.name: n for n, one in enumerate(found.metrics)}
    for spec in context.documents.milestone.metric:
        name, rule = f"metric.{spec.name}", "metric-in-file"
        if found is None or spec.name not in places:
            yield name, unknown(context.why_not, spec.unit, PROGRAM_NUMBERS.path, rule)
            continue
        index = places[spec.name]
        place = at(PROGRAM_NUMBERS.path, "metrics", index, "value")
        value = found.metrics[index].value
        yield (
            name,
            unknown(value.reason, spec.unit, place, rule)
            if isinstance(value, Unavailable)
            else known(value, spec.unit, place, rule),
        )


def _reported(context: Context) -> Values:
    found = context.documents.document(PROGRAM_REPORTED) if context.plan is not None else None
    last: dict[str, Named] = {}
    for index, one in enumerate(() if found is None else found.values):
        if not is_number(one):
            continue
        name, place = f"reported.{one.name}", at(PROGRAM_REPORTED.path, "values", index, "value")
        last[name] = name, _finite(one.value, one.unit, place, "reported-last")
    yield from list(last.values())[:MAX_REPORTED]


def outcome(context: Context) -> dict[str, Any] | Unavailable:
    """What must be equal for a program to be reproduced bit for bit: losses, rates, weights, and
    the numbers that it wrote."""
    steps, record = _rows(context), context.documents.document(PROGRAM)
    numbers = context.documents.document(PROGRAM_NUMBERS)
    if not steps and (numbers is None or not numbers.metrics):
        return Unavailable("neither a step nor a number of the program is known")
    found = main_model(record)
    return {
        "losses": [[one.optimizer, one.loss] for one in steps],
        "learning_rates": [list(one.learning_rates) for one in steps],
        "weights": None
        if found is None or isinstance(found[1].after_sha256, Unavailable)
        else found[1].after_sha256,
        "metrics": metrics_of(context.documents),
    }


def metrics_of(documents: Documents) -> dict[str, float | int | None]:
    """The numbers that the milestone takes from files, by name; None where one is not known."""
    numbers = documents.document(PROGRAM_NUMBERS)
    return {
        one.name: None if isinstance(one.value, Unavailable) else one.value
        for one in (() if numbers is None else numbers.metrics)
    }


def remarks_of(documents: Documents) -> Iterator[Remark]:
    """What weakens a recorded program, most serious first; nothing where none was recorded."""
    record, seen = documents.document(PROGRAM), documents.document(PROGRAM_SEEN)
    numbers, told = documents.document(PROGRAM_NUMBERS), documents.document(PROGRAM_REPORTED)
    files = documents.document(PROGRAM_FILES)
    if record is None or seen is None or numbers is None or told is None or files is None:
        return
    steps, model = main_steps(documents.rows(PROGRAM_STEPS)), main_model(record)
    yield from remarks(record, seen, steps, None if model is None else model[1])
    known = documents.inputs.data
    paths = {
        name: (spec.path, known[name].num_rows)
        for name, spec in documents.milestone.data.items()
        if spec.path is not None and name in known
    }
    yield from declared(paths, record, files)
    yield from doubts(record, numbers, told)
    yield from untold(told)
    for index, one in enumerate(numbers.differing):
        text = f"The {one.what} in {one.where} says {one.told}; seen was {one.hooked!r}."
        yield Remark(text, f"{PROGRAM_NUMBERS.path}#/differing/{index}")
