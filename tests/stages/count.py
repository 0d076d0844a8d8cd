"""A third kind of stage, registered by tests alone: it leaves one JSON document of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from evidence.pack.documents import Documents
from evidence.records.record import Record
from evidence.render.values import Sheet
from evidence.results.context import Context, Values, at, known, unknown
from evidence.stages.kind import Document, Kind, Section
from evidence.text import markdown


class CountsRecord(Record):
    """counts.json: words of a data set."""

    schema: Literal["counts.v1"]
    data: str
    num_words: int
    words_of_rows: tuple[int, ...]


COUNTS: Final = Document(
    path="counts.json",
    schema="counts.v1",
    record=CountsRecord,
    event="counts",
    described="Words of a data set, counted",
)
COUNT: Final = Kind(
    name="count",
    unit="row",
    log="count_log.txt",
    described={"count_log.txt": "Output of the counting"},
    stopping="stopping; the counting begins anew when you go on",
    stopped="what came before it is kept",
    level="reported",
    documents=(COUNTS,),
    checks=("tests.stages.count_checks",),
    results=("tests.stages.count:values",),
    rules={"words-per-row": "words / rows"},
    outcome="tests.stages.count:outcome",
    sections=(Section("count.md.j2", "tests.stages.count:view", "details"),),
    settings_schema="count-settings.v1",
    shipped=Path(__file__).with_name("shipped"),
)


def values(context: Context) -> Values:
    """count.*"""
    counts = context.documents.document(COUNTS)
    place = at(COUNTS.path, "num_words")
    if counts is None or context.plan is None:
        yield "count.num_words", unknown(context.why_not, "words", place)
        return
    yield "count.num_words", known(counts.num_words, "words", place)
    mean = counts.num_words / len(counts.words_of_rows)
    place = at(COUNTS.path, "words_of_rows")
    yield "count.words_per_row", known(mean, "words", place, "words-per-row")


def outcome(context: Context) -> dict[str, Any]:
    """What of it must be equal for a run to be reproduced bit for bit."""
    counts = context.documents.document(COUNTS)
    return {"counts": None if counts is None else list(counts.words_of_rows)}


def view(documents: Documents, sheet: Sheet) -> dict[str, Any]:
    """Names for count.md.j2."""
    del sheet
    counts = documents.document(COUNTS)
    return {"counted_data": "" if counts is None else markdown.code(counts.data)}
