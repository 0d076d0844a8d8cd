"""The documents of one stage as those of a pack with this stage alone.

Responsible for the view: files of the stage's folder lie at the top, the milestone is the narrowed
one, events and samples are the stage's own, under the name of its kind. What a check, a value or a
section of the summary asks of a pack it asks of a view likewise; `placed` puts what it says of a
file back to where that file lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from evidence import layout
from evidence.pack.documents import Documents
from evidence.records.inputs import InputsRecord
from evidence.records.run import IntervalRow, JournalEvent, ResultsRecord
from evidence.stages.stage import Stage, stages_of

T = TypeVar("T")

SHARED: Final = frozenset(
    {
        layout.MANIFEST,
        layout.MILESTONE,
        layout.PARENTS,
        layout.OVERRIDES,
        layout.NOTES,
        layout.JOURNAL,
        layout.ENVIRONMENT,
        layout.ENV_SNAPSHOT,
        layout.HARDWARE,
        layout.GPU_SNAPSHOT,
        layout.GIT,
        layout.PATCH,
        layout.PACKAGES,
        layout.WORKER,
        layout.FROZEN,
        layout.TELEMETRY,
        layout.RESULTS,
        layout.WITHHELD,
        layout.COMMITMENTS,
    }
)
"""Files of the run as a whole, which every stage has in its view where they lie."""


def views(documents: Documents) -> Iterator[tuple[Stage, Documents]]:
    """Each stage that has a folder of its own, in order, with its view."""
    for stage in stages_of(documents.milestone):
        if stage.is_named:
            yield stage, view_of(documents, stage)


def view_of(documents: Documents, stage: Stage) -> Documents:
    """The view of one of its stages, made once. What its folder lacks is not there."""
    if stage.name not in documents.views:
        documents.views[stage.name] = _view(documents, stage)
    return documents.views[stage.name]


def _view(documents: Documents, stage: Stage) -> Documents:
    inputs = documents.of_stages.get(stage.path(layout.INPUTS))
    return replace(
        documents,
        sizes=within(stage, documents.sizes),
        digests=within(stage, documents.digests),
        milestone=stage.milestone,
        journal=tuple(_events(documents, stage)),
        inputs=documents.inputs if inputs is None else inputs,
        results=_results(documents, stage),
        of_stages=within(stage, documents.of_stages),
        telemetry=tuple(
            replace(row, stage=stage.kind.name)
            for row in documents.telemetry
            if row.stage == stage.name
        ),
        outcomes=(),
        stage=stage,
    )


def within(stage: Stage, files: Mapping[str, T]) -> dict[str, T]:
    """Of files by their paths those of the stage, and those of the run as a whole."""
    start = f"{stage.folder}/"
    found = {path: one for path, one in files.items() if path in SHARED}
    for path, one in files.items():
        if path.startswith(start):
            found[path.removeprefix(start)] = one
    return found


def _results(documents: Documents, stage: Stage) -> ResultsRecord | None:
    """The values of a stage under the names that they have where it is alone, and those of the
    run; its own loss table. Addresses stay where they lead."""
    results = documents.results
    if results is None:
        return None
    by_stage = documents.values_of_stages
    values = by_stage[""] | by_stage.get(stage.name, {})
    table = tuple(replace(row, stage=None) for row in results.loss_table if row.stage == stage.name)
    return replace(results, values=values, loss_table=table, gates=())


def placed(stage: Stage, address: str) -> str:
    """An address within a view as one of the pack."""
    return " + ".join(_placed(stage, part) for part in address.split(" + "))


def placed_row(stage: Stage, row: IntervalRow) -> IntervalRow:
    """A row of a view's loss table as one of the pack."""
    return replace(row, stage=stage.name, address=placed(stage, row.address))


def inputs_of(documents: Documents, stage: Stage) -> InputsRecord | None:
    """What went into a stage; None where its folder does not say."""
    found: InputsRecord | None = documents.of_stages.get(stage.path(layout.INPUTS))
    return found


def _placed(stage: Stage, address: str) -> str:
    path, mark, place = address.partition("#")
    return address if not path or path in SHARED else f"{stage.path(path)}{mark}{place}"


def _events(documents: Documents, stage: Stage) -> Iterator[JournalEvent]:
    """Events of the run and of this stage; in the place of another stage's one that says
    nothing."""
    for event, nothing in zip(documents.journal, documents.events_of_others, strict=True):
        of: Any = event.data.get("stage")
        if of is None:
            yield event
        elif of == stage.name:
            yield replace(event, data={**event.data, "stage": stage.kind.name})
        else:
            yield nothing
