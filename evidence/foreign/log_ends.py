"""How logs began and ended: templates, several trainings, errors that are none, runs cut short.

Responsible for saying what a reader of a log may take wrongly. That a log has a traceback is no
failed run: what counts is whether the row that ends a training comes after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from evidence.foreign import marks
from evidence.foreign.facts import Fact, Mark, Place, Source
from evidence.foreign.finding import Finding, cut, note, warning
from evidence.foreign.names import key_of
from evidence.foreign.trainings import Training, is_number

MIN_PLACEHOLDERS: Final = 2
MAX_LOOKED_AT: Final = 10_000


def findings(sources: Sequence[Source], trainings: Sequence[Training]) -> Iterator[Finding]:
    """Of each log by itself."""
    for source in sources:
        own = [one for one in trainings if one.file == source.path]
        yield from _marked(source, own)
        yield from _stopped(source, own)
        if len(own) > 1:
            starts = [one.rows[0].place for one in own if one.rows]
            text = f"{source.path} holds {len(own)} trainings, one after the other"
            yield note("several-trainings", text, starts)
        program = next((one for one in source.notes if "text of a program" in one), "")
        if program:
            yield note("embedded-program", f"{source.path} {program}", (Place(source.path, 1),))


def _marked(source: Source, own: Sequence[Training]) -> Iterator[Finding]:
    by_kind: dict[str, list[Mark]] = {}
    for mark in source.marks:
        by_kind.setdefault(mark.kind, []).append(mark)
    after = _last_result(source, own)
    for kind, found in by_kind.items():
        last = found[-1]
        is_followed = after is not None and _line(after.place) > _line(last.place)
        if kind == marks.POWERSHELL:
            text = (
                f"{source.path} has what PowerShell makes of the error stream "
                "(NativeCommandError): it wraps every text there, and is no error"
            )
            yield note("no-error", text, (found[0].place,))
        elif kind == marks.TEMPLATE:
            yield from _template(source, found)
        elif is_followed and after is not None:
            text = f"{source.path} has {cut(last.text)!r}, and goes on to results ({after.place})"
            yield note("no-failure", text, (last.place, after.place))
        else:
            text = f"{source.path} has {cut(last.text)!r}, and no result of a run after it"
            code = {marks.CANCELLED: "interrupted", marks.MEMORY: "out-of-memory"}
            yield warning(code.get(kind, "ended-in-error"), text, (last.place,))


def _template(source: Source, found: Sequence[Mark]) -> Iterator[Finding]:
    """Placeholders in a log that has results besides are of some message in it."""
    measured = [one for one in source.facts if is_number(one) and one.row is not None]
    if len(found) >= MIN_PLACEHOLDERS and not measured:
        text = f"{source.path} has places for values, and no values: {cut(found[0].text)!r}"
        yield warning("template", text, [one.place for one in found])


def _last_result(source: Source, own: Sequence[Training]) -> Fact | None:
    """The last fact that only a run that went on could print."""
    totals = [one.totals.facts[0] for one in own if one.totals is not None]
    if totals:
        return totals[-1]
    rows = [one.rows[-1].facts[0] for one in own if one.rows]
    rows += [one for one in source.facts[-MAX_LOOKED_AT:] if is_number(one) and _is_result(one)]
    evaluated = [one.evaluations[-1].facts[0] for one in own if one.evaluations]
    return max((*rows, *evaluated), key=lambda one: _line(one.place), default=None)


def _is_result(fact: Fact) -> bool:
    return fact.place.line is not None and any(
        word in key_of(fact.name) for word in ("loss", "acc", "bpb", "score", "eval", "val", "test")
    )


def _stopped(source: Source, own: Sequence[Training]) -> Iterator[Finding]:
    """The last row is of an earlier step than the total that the log states."""
    if len(own) != 1 or not own[0].rows or own[0].totals is not None or source.is_partial:
        return
    planned = [
        fact
        for fact in source.facts
        if fact.row is None and fact.scope[-1:] == ("of",) and isinstance(fact.value, int)
    ]
    last = own[0].rows[-1]
    totals = {fact.value for fact in planned}
    if len(totals) != 1 or last.step is None or last.is_inferred:
        return
    total = planned[0]
    steps = [one.step for one in source.facts if one.step is not None]
    furthest = max(steps, default=last.step)
    if isinstance(total.value, int) and furthest < total.value - _every(own[0]):
        text = (
            f"{source.path} goes to step {furthest} of {total.value}: it was stopped there, by "
            "plan or not, or its end is missing"
        )
        yield note("stops-early", text, (total.place, last.place))


def _every(training: Training) -> float:
    """How many steps may lie after the last row."""
    steps = [row.step for row in training.rows if row.step is not None]
    return max((after - before for before, after in pairwise(steps)), default=0)


def _line(place: Place) -> int:
    return place.line or 0
