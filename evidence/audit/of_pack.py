"""What a pack knows: every value of its results, at its address.

Responsible for the names of results.json in the terms of claims, and for which files of a pack are
evidence: its rendered set and attached words are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.audit.known import Known
from evidence.audit.meaning import Meaning, meaning_of, words_of
from evidence.foreign import reading
from evidence.foreign.facts import Place, Source
from evidence.pack.imported import Imported, PackDocuments
from evidence.records.finding import Report
from evidence.records.run import ResultsRecord, ValueRecord

_LINE: Final = re.compile(r"L(\d+)")
_UNITS: Final = {
    "s": "s",
    "bytes": "bytes",
    "%": "%",
    "samples/s": "samples_per_s",
    "steps/s": "steps_per_s",
    "tokens/s": "tokens_per_s",
    "steps": "steps",
    "epochs": "epochs",
    "tokens": "tokens",
    "parameters": "parameters",
    "rows": "rows",
    "examples": "rows",
    "samples": "rows",
    "prompts": "rows",
    "files": "files",
}
_MEASURES: Final = {
    "samples/s": "samples_per_s",
    "steps/s": "steps_per_s",
    "tokens/s": "tokens_per_s",
    "rows": "rows",
    "examples": "rows",
    "files": "files",
}
_RATE: Final = re.compile(r"^eval\.(?:by\.(?P<group>.+)\.)?(?P<scorer>[^.]+)\.rate$")


def values(results: ResultsRecord | None) -> Iterator[Known]:
    """Every value that a summary may show."""
    for name, record in (results.values if results is not None else {}).items():
        if record.value is not None:
            yield from _of(name, record)


def _of(name: str, record: ValueRecord) -> Iterator[Known]:
    is_number = isinstance(record.value, (int, float)) and not isinstance(record.value, bool)
    meaning = meaning_of(name.replace(".", " "))
    if record.unit in _MEASURES and meaning.measure not in (_MEASURES[record.unit], "steps"):
        meaning = replace(meaning, measure=_MEASURES[record.unit])
    known = Known(
        meaning=meaning,
        name=name,
        text=str(record.value),
        places=(_place(record.address),),
        value=Decimal(str(record.value)) if is_number else None,
        unit=_UNITS.get(record.unit, "" if is_number else record.unit),
        subject=frozenset(words_of(name.replace(".", " "))),
    )
    yield known
    rate = _RATE.match(name)
    if rate is not None:
        words = frozenset(words_of((rate["group"] or "").replace(".", " ")))
        key = "exact_match" if rate["scorer"] == "exact" else rate["scorer"]
        for measure in dict.fromkeys(("accuracy", key)):
            yield replace(known, meaning=Meaning(measure, "eval", rest=words))


def _place(address: str) -> Place:
    """`metrics.jsonl#L138/loss` is a file, a line and a pointer."""
    file, _, inside = address.partition(" + ")[0].partition("#")
    line = _LINE.match(inside)
    pointer = inside[inside.find("/") :] if "/" in inside else ""
    return Place(file, int(line[1]) if line is not None else None, pointer)


def pages_of(pack: Path, report: Report) -> frozenset[Path]:
    """The summary, where verify has found that it is what rendering the evidence gives."""
    passed = {one.id for one in report.checks if one.outcome == "pass"}
    if not {"rendered-list", "rendered-bytes"} <= passed:
        return frozenset()
    return frozenset(path.resolve() for path in pack.glob("*_summary.md"))


def evidence_of(pack: Path, documents: PackDocuments) -> list[Source]:
    """Files of a pack that were sealed as evidence: the originals of an imported one, and all but
    the author's words of a run's."""
    sealed = frozenset(documents.digests)
    if isinstance(documents, Imported):
        return [one for one in reading.folder(pack) if layout.is_original(one.path)]
    return [one for one in reading.folder(pack) if one.path in sealed and one.path != layout.NOTES]
