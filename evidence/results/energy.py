"""Values of energy: of the GPU and the processor while the stages of the completed attempt ran.

Responsible for saying what was not measured beside what was: of one GPU, between samples, and never
of the machine. Packs whose samples do not say whether the processor was measured are from before
there were such values, and have none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.capture import TelemetryRow
from evidence.records.record import Record
from evidence.results.context import (
    Context,
    Values,
    join,
    journal_at,
    known,
    number_in,
    rows_at,
    unknown,
)
from evidence.rules.energy import Energy, Sample, energy_of_counter, energy_of_power
from evidence.stages.command import COMMAND
from evidence.stages.stage import stages_of

_MACHINE: Final = "nothing measures what the whole machine draws"
_TABLE: Final = {COMMAND.name: "program"}


class _Of(Record):
    """One thing whose energy is told."""

    name: str
    field: str
    compute: Callable[[Sequence[Sample]], Energy | None]
    rule: str


_GPU: Final = _Of("gpu", "gpu_power_w", energy_of_power, "energy-of-power")
_CPU: Final = _Of("cpu", "cpu_energy_j", energy_of_counter, "energy-of-counter")


class _Lines(Record):
    """Samples of one stage, and the numbers of their lines."""

    rows: tuple[TelemetryRow, ...]
    first: int
    last: int


def energy_values(context: Context) -> Values:
    """telemetry.*_energy_*, and the same of each stage"""
    if not any(row.cpu_energy_j is not None for row in context.documents.telemetry):
        return
    stages = stages_of(context.documents.milestone)
    lines = [_lines_of(context, stage.name) for stage in stages]
    took = [_duration(context, stage.name) for stage in stages]
    for of in (_GPU, _CPU):
        parts = [_energy(of, one) for one in lines]
        for stage, line, part, time in zip(stages, lines, parts, took, strict=True):
            start = stage.value(f"{_TABLE.get(stage.kind.name, stage.kind.name)}.{of.name}")
            yield from _told(context, start, of, (line,), (part,), (time,))
        yield from _told(context, f"telemetry.{of.name}", of, lines, parts, took)
    yield "telemetry.machine_energy_wh", unknown(_MACHINE, "Wh", layout.TELEMETRY)


def _lines_of(context: Context, stage: str) -> _Lines:
    found = [
        (line, row)
        for line, row in enumerate(context.documents.telemetry, 1)
        if row.attempt == context.attempt and row.stage == stage
    ]
    if not found:
        return _Lines((), 0, 0)
    return _Lines(tuple(row for _, row in found), found[0][0], found[-1][0])


def _duration(context: Context, stage: str) -> tuple[float, str] | None:
    """Seconds that a stage took, and where that stands; None where a part of it has no end."""
    ended = context.stage_events("stage-finished", stage)
    times = [number_in(event, "duration_s") for event in ended]
    known_s = [one for one in times if one is not None]
    if not ended or len(ended) != len(context.stage_events("stage-started", stage)):
        return None
    if len(known_s) != len(times):
        return None
    return sum(known_s), join(*(journal_at(event, "data", "duration_s") for event in ended))


def _energy(of: _Of, lines: _Lines) -> Energy | None:
    cells = [(row.elapsed_s, getattr(row, of.field)) for row in lines.rows]
    return of.compute(
        [(at_s, None if isinstance(cell, Unavailable) else cell) for at_s, cell in cells]
    )


def _told(
    context: Context,
    start: str,
    of: _Of,
    lines: Sequence[_Lines],
    parts: Sequence[Energy | None],
    took: Sequence[tuple[float, str] | None],
) -> Values:
    sampled = [one for one in lines if one.rows]
    places = [rows_at(layout.TELEMETRY, one.first, one.last, of.field) for one in sampled]
    place = join(*places) or layout.TELEMETRY
    measured = [one for one in parts if one is not None]
    names = ("energy_wh", "energy_low_wh", "energy_high_wh")
    if not measured:
        why = _why_not(context, of, lines)
        yield from ((f"{start}_{name}", unknown(why, "Wh", place, of.rule)) for name in names)
    else:
        sums = (
            sum(one.wh for one in measured),
            sum(one.low_wh for one in measured),
            sum(one.high_wh for one in measured),
        )
        rules = (of.rule, f"{of.rule}-low", f"{of.rule}-high")
        for name, value, rule in zip(names, sums, rules, strict=True):
            yield f"{start}_{name}", known(value, "Wh", place, rule)
    times = [one for one in took if one is not None]
    name, rule = f"{start}_energy_missing_s", "seconds-not-sampled"
    if not took or len(times) != len(took):
        why = "a part of it has no end in the journal" if context.plan else context.why_not
        yield name, unknown(why, "s", place, rule)
        return
    left_s = sum(one for one, _ in times) - sum(one.measured_s for one in measured)
    yield name, known(max(0.0, left_s), "s", join(*(at for _, at in times), *places), rule)


def _why_not(context: Context, of: _Of, lines: Sequence[_Lines]) -> str:
    if context.plan is None:
        return context.why_not
    cells = [getattr(row, of.field) for one in lines for row in one.rows]
    if not cells:
        return "it was over before the first sample"
    reasons = [one.reason for one in cells if isinstance(one, Unavailable)]
    return reasons[-1] if reasons else "one sample alone measures no energy"
