"""All that an imported pack says besides its originals, from their facts alone. Pure.

Responsible for bringing the groups together, and for the status. Import writes what this gives,
and verify computes it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from evidence.foreign.among import among
from evidence.foreign.facts import Source
from evidence.foreign.finding import Finding
from evidence.foreign.trainings import trainings
from evidence.milestone.parse import document_of
from evidence.records.imported import (
    FindingRecord,
    FindingsRecord,
    ImportedRow,
    Outcome,
    SourceRecord,
)
from evidence.records.record import Record
from evidence.records.run import ResultsRecord, Status
from evidence.results.imported import (
    evaluation,
    findings,
    harness,
    machine,
    model,
    scores,
    training,
)
from evidence.results.imported.counting import counts
from evidence.results.imported.lookup import Lookup
from evidence.results.imported.main import Main, main_of
from evidence.results.imported.places import clean
from evidence.results.imported.recipe import recipe

MAX_MESSAGE_CHARS: Final = 2_000


class Derived(Record):
    """What the originals give."""

    rows: tuple[ImportedRow, ...]
    results: ResultsRecord
    findings: FindingsRecord
    status: Status


def derived(name: str, sources: Sequence[Source], milestone: bytes | None) -> Derived:
    """Rows, values, findings and status; `name` is the id of the pack.

    `milestone`: the bytes of one that was parsed before. Raises MalformedError.
    """
    every = trainings(sources)
    main = main_of(sources, every)
    lookup = Lookup(sources, every)
    told = recipe(lookup, _train_of(milestone))
    facts = model.model_facts(lookup)
    known = counts(main, told)
    values = dict(
        (
            *training.values(main, told, known),
            ("train.num_rows_left_out", training.num_left_out(every)),
            *model.values(lookup, facts),
            *machine.values(lookup, main.totals),
            *evaluation.values(lookup, every),
            *harness.values(lookup),
        )
    )
    found = (
        *findings.of(main, told, known, facts),
        *scores.of(sources),
        *map(_among, among(sources, every)),
    )
    return Derived(
        rows=training.logged(every),
        results=ResultsRecord(
            schema="results.v1",
            milestone=name,
            values=values,
            loss_table=training.loss_table(main.training),
            gates=(),
        ),
        findings=FindingsRecord("findings.v1", found),
        status=_status(main),
    )


def _train_of(milestone: bytes | None) -> dict[str, Any]:
    if milestone is None:
        return {}
    table: dict[str, Any] = document_of(milestone.decode("utf-8")).get("train", {})
    return table


def _among(found: Finding) -> FindingRecord:
    """What the files say among themselves, as findings.json has it."""
    places = " + ".join(
        clean(f"{one.file}#{'' if one.line is None else f'L{one.line}'}") for one in found.places
    )
    outcome: Outcome = "contradicts" if found.severity == "contradiction" else found.severity
    return FindingRecord(found.code, outcome, clean(found.message)[:MAX_MESSAGE_CHARS], places)


def source_record(source: Source, found_as: str | None) -> SourceRecord:
    """What sources.json says of an original."""
    return SourceRecord(
        path=source.path,
        found_as=found_as,
        size_bytes=source.size_bytes,
        sha256=source.sha256,
        text_sha256=source.text_sha256,
        encoding=source.encoding,
        encoding_why=source.encoding_why,
        format=source.format,
        num_facts=len(source.facts),
        notes=source.notes,
    )


def _status(main: Main) -> Status:
    """Complete where the totals that end a training were written, or its state is at its last
    step; failed where its log ends in an error instead; else nothing is known: a log may have been
    cut, and its run gone on."""
    if main.has_ended:
        return "complete"
    done, planned = main.total(("global_step",)), main.total(("max_steps",))
    if done is not None and planned is not None and done.value == planned.value:
        return "complete"
    return "unknown" if main.error is None else "failed"
