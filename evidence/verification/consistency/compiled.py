"""Checks on what a framework that compiles says of it: shapes, padding and seconds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from evidence import layout
from evidence.records.run import JournalEvent, StepRow
from evidence.results.context import journal_at
from evidence.stages.train import STEPS, TRAIN
from evidence.verification.consistency import registry
from evidence.verification.consistency.registry import Evidence, Problems
from evidence.verification.problem import CannotCheckError, Problem

check = partial(registry.check, kind=TRAIN.name)

ROUNDING_S: Final = 0.001
"""Two clocks read a few instructions apart, in float seconds."""


@check("compile-times", "compiling fits into the steps and the stage that it was part of")
def compile_times(evidence: Evidence) -> Problems:
    """Of each stage at most one `compilation` a segment; num_from_cache ≤ num_programs; duration_s
    ≤ the stage's duration_s; compile_s of a step ≤ the time since the step before in its segment;
    their sum in a segment ≤ duration_s of its compilation. Tolerance 1 ms, for the sum 1 ms a
    step."""
    events, rows = evidence.events("compilation"), evidence.documents.rows(STEPS)
    if not events and all(row.compile_s is None for row in rows):
        raise CannotCheckError("the framework compiled nothing, or does not say")
    yield from _events(evidence, events)
    yield from _rows(rows)
    sums: dict[int, float] = {}
    for row in rows:
        sums[row.segment] = sums.get(row.segment, 0.0) + (row.compile_s or 0.0)
    for event in evidence.events("compilation", TRAIN.name):
        whole, stated = sums.get(event.data["segment"], 0.0), event.data["duration_s"]
        if whole > stated + ROUNDING_S * max(1, len(rows)):
            text = "less than its steps say that they spent on compiling"
            place = journal_at(event, "data", "duration_s")
            yield Problem(place, text, f"at least {whole:.6f}", stated)


def _events(evidence: Evidence, events: tuple[JournalEvent, ...]) -> Problems:
    lasted = {
        (one.data["stage"], one.data["segment"]): one.data["duration_s"]
        for one in evidence.events("stage-finished")
    }
    seen: set[tuple[str, int]] = set()
    for event in events:
        data, key = event.data, (event.data["stage"], event.data["segment"])
        if key in seen:
            yield Problem(journal_at(event, "data"), "a segment tells of its compiling once")
        seen.add(key)
        if data["num_from_cache"] > data["num_programs"]:
            text, most = "more than there were programs", data["num_programs"]
            place = journal_at(event, "data", "num_from_cache")
            yield Problem(place, text, f"at most {most}", data["num_from_cache"])
        if data["num_from_cache"] and not data["persistent_cache"]:
            text = "programs came from a cache that there was not"
            yield Problem(journal_at(event, "data", "persistent_cache"), text, True, False)
        most_s = lasted.get(key)
        if most_s is not None and data["duration_s"] > most_s + ROUNDING_S:
            text = "longer than the stage that it was part of"
            place = journal_at(event, "data", "duration_s")
            yield Problem(place, text, f"at most {most_s!r}", data["duration_s"])


def _rows(rows: tuple[StepRow, ...]) -> Problems:
    before: StepRow | None = None
    for line, row in enumerate(rows, 1):
        since_s = row.elapsed_s
        if before is not None and before.segment == row.segment:
            since_s -= before.elapsed_s
        if row.compile_s is not None and row.compile_s > since_s + ROUNDING_S:
            text = "longer than the step took"
            place = f"{layout.METRICS}#L{line}/compile_s"
            yield Problem(place, text, f"at most {since_s!r}", row.compile_s)
        before = row


@check("padding-widths", "rows were padded to the lengths that programs were compiled for")
def padding_widths(evidence: Evidence) -> Problems:
    """Where `execution` names widths: they ascend, and num_fed_tokens of each step is a sum of them
    over its rows: at least the smallest for each row, at most the largest, no less than num_tokens;
    where all rows of a step go through the model at once, the rows times one of them. Exact."""
    ran = {one.data["segment"]: one for one in evidence.events("execution", TRAIN.name)}
    if not any("widths" in one.data for one in ran.values()):
        raise CannotCheckError("rows were padded to no fixed lengths, or it is not recorded")
    for event in ran.values():
        widths = event.data.get("widths", [])
        if widths != sorted(set(widths)):
            text = "the lengths ascend, each once"
            yield Problem(journal_at(event, "data", "widths"), text, sorted(set(widths)), widths)
    for line, row in enumerate(evidence.documents.rows(STEPS), 1):
        widths = ran[row.segment].data.get("widths") if row.segment in ran else None
        if widths:
            for text in _wrong(row, widths, ran[row.segment].data["rows_per_forward"]):
                place = f"{layout.METRICS}#L{line}/num_fed_tokens"
                yield Problem(place, text, widths, row.num_fed_tokens)


def _wrong(row: StepRow, widths: list[int], rows_per_forward: int) -> Iterator[str]:
    least, most = row.num_rows * min(widths), row.num_rows * max(widths)
    if not max(least, row.num_tokens) <= row.num_fed_tokens <= most:
        yield "is not what the rows of the step come to, each padded to one of the lengths"
    elif row.num_rows <= rows_per_forward:
        if row.num_fed_tokens not in {row.num_rows * one for one in widths}:
            yield "the rows went through the model at once, padded to one of the lengths"
    elif rows_per_forward == 1 and not _is_sum(row.num_fed_tokens, row.num_rows, widths):
        yield "is no sum of the lengths over the rows of the step"


def _is_sum(total: int, count: int, widths: list[int]) -> bool:
    """Whether `count` of the lengths, repeated at will, add up to the total."""
    if count > 64:
        return True  # nearly every total is one then
    reached = {0}
    for _ in range(count):
        reached = {one + width for one in reached for width in widths if one + width <= total}
    return total in reached
