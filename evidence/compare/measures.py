"""The table of a comparison: the same quantity of every pack, in one row. Pure.

The mean train loss, the loss at the end and the probe losses are different quantities: each has
a row of its own, and no two of them are ever subtracted or set side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evidence.compare.configuration import plan_of
from evidence.compare.functions import by_function
from evidence.pack.documents import Documents
from evidence.records.comparison import MeasuredValue, MeasureRecord
from evidence.records.run import ValueRecord
from evidence.stages.command import COMMAND
from evidence.stages.eval import EVAL
from evidence.stages.stage import stages_of
from evidence.stages.train import TRAIN

_ROWS: Final = (
    ("train.epochs", "Epochs"),
    ("train.num_steps", "Steps"),
    ("train.runtime_s", "Runtime"),
    ("train.samples_per_s", "Samples/s"),
    ("train.loss_mean", "Mean train loss (all steps)"),
    ("train.loss_end", "Loss at end (last logging interval)"),
    ("probe.loss_before", "Probe loss before training"),
    ("probe.loss_after", "Probe loss after training"),
    ("eval.num_examples", "Examples evaluated"),
)
_OF_PROGRAMS: Final = (
    ("program.num_steps", "Optimizer steps of a program"),
    ("program.runtime_s", "Runtime of a program"),
    ("program.loss_first", "Loss of its first step"),
    ("program.loss_last", "Loss of its last step"),
    ("program.loss_mean", "Mean loss of its steps"),
    ("program.num_target_tokens", "Tokens that carried loss"),
    ("program.num_changed", "Numbers of the model that changed"),
)
_WHERE_MEASURED: Final = (
    ("train.lora.num_trainable", "Parameters that were trained"),
    ("validation.loss_best", "Smallest validation loss"),
    ("validation.loss_last", "Last validation loss"),
    ("eval.mean_loss", "Mean loss of the expected answers"),
    ("eval.perplexity", "Perplexity of the expected answers"),
    ("eval.squad_f1", "Mean word F1 (SQuAD)"),
    ("eval.rouge_l", "Mean ROUGE-L"),
)
"""Said where one of the packs has it."""
_COMPILING: Final = "train.compile_in_loop_s"
_AT: Final = 3
"""Behind the runtime."""
MAX_NUMBERS: Final = 100
_NUMBERS: Final = ("metric.", "reported.")
_OF_KIND: Final = {TRAIN.name: ("train.", "probe."), EVAL.name: ("eval.",)}
_NOT_IN_PACK: Final = "this pack does not have it"


def measures(packs: Sequence[Documents]) -> tuple[MeasureRecord, ...]:
    """Fixed rows of what was run, one for each scorer that any of the packs used, and one for each
    number that a recorded program wrote or told."""
    recorded = [COMMAND.name in plan_of(one).stages for one in packs]
    plain = [one for one in packs if not one.milestone.is_staged]
    ours = _ROWS if not all(recorded) and plain else ()
    fixed = (*ours, *_of_stages(packs), *(_OF_PROGRAMS if any(recorded) else ()))
    rows = [_row(packs, name, title) for name, title in fixed]
    if any(one.results is not None and _COMPILING in one.results.values for one in packs):
        rows.insert(_AT, _row(packs, _COMPILING, "Of the runtime, compiling"))
    for name, title in _WHERE_MEASURED:
        if any(one.results is not None and name in one.results.values for one in plain):
            rows.append(_row(packs, name, title))
    rows += [_row(packs, name, name) for name in _numbers(packs)]
    scorers = dict.fromkeys(name for one in plain for name in _scorers(one))
    measured = dict.fromkeys(name for one in plain for name in _measured_in(one))
    rows += [_row(packs, f"eval.{name}.rate", f"Score: {name}") for name in scorers]
    rows += [_row(packs, f"eval.{name}.mean", f"Mean of {name}") for name in measured]
    return tuple(by_function(packs, rows))


def _of_stages(packs: Sequence[Documents]) -> tuple[tuple[str, str], ...]:
    """The same of each stage that any of the packs has, under its name."""
    found: dict[str, str] = {}
    for stage in (one for pack in packs for one in stages_of(pack.milestone) if one.is_named):
        names: tuple[tuple[str, str], ...] = _ROWS
        if stage.kind is EVAL:
            scorers = stage.milestone.eval.all_scorers
            measured = stage.milestone.eval.measured
            names = (*_ROWS, *((f"eval.{name}.rate", f"Score: {name}") for name in scorers))
            names = (*names, *((f"eval.{name}.mean", f"Mean of {name}") for name in measured))
        for name, title in names:
            if name.startswith(_OF_KIND.get(stage.kind.name, ())):
                found.setdefault(stage.value(name), f"{stage.name}: {title}")
    return tuple(found.items())


def _numbers(packs: Sequence[Documents]) -> tuple[str, ...]:
    known = (one.results.values for one in packs if one.results is not None)
    names = dict.fromkeys(name for values in known for name in values if name.startswith(_NUMBERS))
    return tuple(names)[:MAX_NUMBERS]


def _scorers(pack: Documents) -> tuple[str, ...]:
    spec = plan_of(pack).given_eval
    return () if spec is None else spec.all_scorers


def _measured_in(pack: Documents) -> tuple[str, ...]:
    spec = plan_of(pack).given_eval
    return () if spec is None else spec.measured


def _row(packs: Sequence[Documents], name: str, title: str) -> MeasureRecord:
    found = [_value(one, name) for one in packs]
    unit = next((record.unit for record in found if record is not None), "")
    return MeasureRecord(
        name=name,
        title=title,
        unit=unit,
        values=tuple(map(_measured, packs, found, [name] * len(found))),
    )


def _measured(documents: Documents, record: ValueRecord | None, name: str) -> MeasuredValue:
    if record is None:
        return MeasuredValue(None, _NOT_IN_PACK)
    low = high = None
    if name.endswith(".rate"):
        low, high = (_number(_value(documents, name[:-4] + end)) for end in ("low", "high"))
    elif name.endswith(".mean"):
        low, high = (_number(_value(documents, f"{name}_{end}")) for end in ("low", "high"))
    value = _number(record)
    missing = None if value is not None else record.unavailable or _NOT_IN_PACK
    return MeasuredValue(value, missing, low, high)


def _value(documents: Documents, name: str) -> ValueRecord | None:
    return None if documents.results is None else documents.results.values.get(name)


def _number(record: ValueRecord | None) -> float | int | None:
    value = None if record is None else record.value
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
