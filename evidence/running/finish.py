"""The end of a run: documents, results, schema validation, seal, summary.

Responsible for turning a staging folder whose attempts are over into one that can be published.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence import __version__, layout
from evidence.attempt.attempt import AttemptResult
from evidence.attempt.reported import Reported
from evidence.encoding import jsonio, schema
from evidence.encoding.codec import encode
from evidence.errors import MalformedError
from evidence.milestone.plan import plan_attempts
from evidence.pack.documents import Documents, parse_documents
from evidence.pack.seal import seal, staged_files, withheld_record
from evidence.publish.summaries import rendered_files, write_rendered
from evidence.records.availability import Unavailable
from evidence.records.capture import WorkerRecord
from evidence.records.inputs import DataRecord, InputsRecord
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.records.run import (
    ManifestRecord,
    OutcomeRecord,
    ParentRecord,
    ResultsRecord,
    ToolRecord,
)
from evidence.render.render import TEMPLATE
from evidence.results.compute import compute_results
from evidence.results.outcome_digest import outcome_digest
from evidence.results.parents import begun_from
from evidence.rules import scoring
from evidence.running.observation import Observation
from evidence.running.preflight import Prepared
from evidence.running.secrets import allowed_in, refuse_secrets
from evidence.stages.eval import EVAL
from evidence.stages.registry import is_document, schema_for
from evidence.stages.stage import stages_of
from evidence.system.durable import remove, write_file
from evidence.verification.ruleset import RULESET


class Finished(Record):
    """A sealed staging folder."""

    root_sha256: str
    manifest: ManifestRecord
    results: ResultsRecord
    outcomes: tuple[OutcomeRecord, ...]


NOT_REPORTED: Final = Unavailable(
    "the worker reported none; what a recorded program had, program/program.json says"
)


def observed_documents(
    prepared: Prepared,
    observed: Observation,
    completed: AttemptResult | None,
    worker: WorkerRecord | None = None,
) -> dict[str, bytes]:
    """Every document that is known by now, by its path: at the start, and again at the end."""
    framework = None if completed is None else completed.reported.framework or NOT_REPORTED
    files = observed.files(framework, worker)
    reported = None if completed is None else completed.reported
    top = _inputs(prepared.milestone, prepared.data, completed, reported)
    if not prepared.milestone.is_staged:
        top = replace(top, ancestors=prepared.ancestors.get(EVAL.name, {}))
    files[layout.INPUTS] = jsonio.dump_document(encode(top))
    for stage in stages_of(prepared.milestone):
        if stage.is_named and completed is not None:
            reported, data = completed.of_stages[stage.name], prepared.of_stages[stage.name]
            own = _inputs(stage.milestone, data, completed, reported)
            own = replace(own, ancestors=prepared.ancestors.get(stage.name, {}))
            files[stage.path(layout.INPUTS)] = jsonio.dump_document(encode(own))
    return files


def withheld_document(staging: Path, milestone: Milestone) -> dict[str, bytes]:
    """withheld.json, once everything that it may name is staged."""
    record = withheld_record(staged_files(staging), milestone.publish)
    return {layout.WITHHELD: jsonio.dump_document(encode(record))}


def seal_staging(staging: Path, parents: tuple[ParentRecord, ...] = ()) -> Finished:
    """Compute results, seal, and render, from nothing but what is staged.

    The journal is closed by now and its last record says which status is sealed.
    """
    remove_derived(staging)
    documents = _documents(staging, {})
    results = compute_results(documents)
    _write(staging, layout.RESULTS, results)
    manifest = _manifest(documents, parents)
    _validate(staging)
    milestone = documents.milestone
    refuse_secrets(staging, milestone.id, allowed_in(milestone, documents.journal))
    sealed = seal(staging, manifest)
    documents = _documents(staging, sealed.digests)
    write_rendered(staging, rendered_files(documents, sealed.root_sha256, {}))
    return Finished(
        root_sha256=sealed.root_sha256,
        manifest=manifest,
        results=results,
        outcomes=documents.outcomes,
    )


def remove_derived(staging: Path) -> None:
    """Remove what an earlier process derived before it died, the commit point first."""
    remove(staging / layout.SUMS)
    for entry in staged_files(staging):
        if entry.path in (layout.MANIFEST, layout.RESULTS) or layout.is_rendered(entry.path):
            remove(staging / entry.path)


def _inputs(
    milestone: Milestone,
    data: Mapping[str, DataRecord],
    completed: AttemptResult | None,
    reported: Reported | None,
) -> InputsRecord:
    """inputs.json of a run, or of one of its stages."""
    no = Unavailable("no attempt completed" if completed is None else "not reported")
    name = None if completed is None else completed.record.name
    plan = next((one for one in plan_attempts(milestone) if one.name == name), None)
    return InputsRecord(
        schema="inputs.v1",
        data=dict(data),
        model=(reported and reported.model) or no,
        tokenizer=(reported and reported.tokenizer) or no,
        text=(reported and reported.text) or no,
        scorers=scoring.records((plan or milestone).given_eval),
    )


def _manifest(documents: Documents, parents: tuple[ParentRecord, ...]) -> ManifestRecord:
    name = documents.journal[-1].attempt
    plan = next((p for p in plan_attempts(documents.milestone) if p.name == name), None)
    start = documents.git.start
    return ManifestRecord(
        schema="manifest.v1",
        ruleset=RULESET,
        tool=ToolRecord(name="evidence-pack", version=__version__),
        template=TEMPLATE,
        milestone=documents.milestone.id,
        status="failed" if plan is None else "complete",
        attempt=None if plan is None else plan.name,
        stand_in=plan is not None and (plan.stand_in or documents.begins_at_stand_in),
        commit=start if isinstance(start, Unavailable) else start.commit,
        outcome_sha256=outcome_digest(documents),
        parents=(*parents, *begun_from(documents.parents)),
        files=(),
    )


def _documents(staging: Path, digests: Mapping[str, str]) -> Documents:
    files = staged_files(staging)
    contents = {
        entry.path: (staging / entry.path).read_bytes()
        for entry in files
        if is_document(entry.path)
    }
    return parse_documents(contents, {entry.path: entry.size_bytes for entry in files}, digests)


def _validate(staging: Path) -> None:
    """Refuse to seal a document that our own schemas refuse: that would be our bug."""
    for entry in staged_files(staging):
        name = schema_for(entry.path)
        if name is None:
            continue
        data = (staging / entry.path).read_bytes()
        try:
            rows = (
                jsonio.iter_rows(data)
                if entry.path.endswith(".jsonl")
                else [(0, jsonio.load_document(data))]
            )
            problems = ((line, p) for line, value in rows for p in schema.validate(name, value))
            line, problem = next(problems, (0, None))
        except MalformedError as error:
            raise MalformedError(f"{entry.path}:{error.line}: {error.message}") from error
        if problem is not None:
            raise MalformedError(f"{entry.path}:{line}{problem.pointer}: {problem.message}")


def _write(staging: Path, name: str, record: object) -> None:
    write_file(staging / name, jsonio.dump_document(encode(record)))
