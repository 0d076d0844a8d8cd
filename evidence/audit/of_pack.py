"""What a pack knows: every value of its results, at its address.

Responsible for the names of results.json in the terms of claims, of a pack and of a folder that
holds one, and for which files of a pack are evidence: its rendered set and attached words are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.audit.known import Known, stage_of_path
from evidence.audit.meaning import Meaning, meaning_of, words_of
from evidence.foreign import reading
from evidence.foreign.facts import Fact, Place, Source
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
_RATE: Final = re.compile(r"^(?:[^.]+\.)?eval\.(?:by\.(?P<group>.+)\.)?(?P<scorer>[^.]+)\.rate$")


def values(results: ResultsRecord | None) -> Iterator[Known]:
    """Every value that a summary may show, those of a stage under its name: `A.train.loss_end`."""
    records = {} if results is None else results.values
    stages = frozenset(stage_of_path(record.address) for record in records.values()) - {""}
    for name, record in records.items():
        if record.value is not None:
            yield from _of(name, record, stages)


def values_stated(sources: Sequence[Source]) -> Iterator[Known]:
    """The same of each results.json among the files of a folder, which verify has not looked at:
    such a value is called by its own name there, and not `value`."""
    for source in sources:
        folder, _, name = source.path.rpartition("/")
        if name == layout.RESULTS:
            tables = _tables(source)
            addresses = (one["address"].text for one in tables.values() if "address" in one)
            stages = frozenset(map(stage_of_path, addresses)) - {""}
            for called, fields in tables.items():
                yield from _stated(called, fields, stages, f"{folder}/" if folder else "")


def _tables(source: Source) -> dict[str, dict[str, Fact]]:
    """By the name of a value, the fields of its table."""
    found: dict[str, dict[str, Fact]] = {}
    for fact in source.facts:
        if len(fact.scope) == 2 and fact.scope[0] == "values":
            found.setdefault(fact.scope[1], {})[fact.name] = fact
    return found


def _stated(
    name: str, fields: dict[str, Fact], stages: frozenset[str], folder: str
) -> Iterator[Known]:
    value, address, unit = (fields.get(key) for key in ("value", "address", "unit"))
    if value is None or value.value is None or address is None or unit is None:
        return  # of another results.json than ours, or not measured
    record = ValueRecord(value.value, None, unit.text, address.text, "as-recorded", "observed")
    for one in _of(name, record, stages):
        places = tuple(replace(place, file=f"{folder}{place.file}") for place in one.places)
        yield replace(one, places=places)


def _of(name: str, record: ValueRecord, stages: frozenset[str]) -> Iterator[Known]:
    first = name.partition(".")[0]
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
        stage=first if first in stages else "",
    )
    rate = _RATE.match(name)
    if rate is not None and rate["group"]:
        known = replace(known, group=frozenset(words_of(rate["group"].replace(".", " "))))
    yield known
    if name.endswith("train.num_tokens"):  # with padding or without: both were fed
        rest, subject = known.meaning.rest | {"fed"}, known.subject | {"fed"}
        yield replace(known, meaning=replace(known.meaning, rest=rest), subject=subject)
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
