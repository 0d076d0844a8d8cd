"""The import use case: from a folder of files to a sealed pack that says it was imported.

Responsible for the order: refuse, hold the name, copy and read, seal, render, verify, publish. The
pack appears by one rename, or not at all.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from evidence import __version__, layout, limits
from evidence.encoding import schema
from evidence.encoding.codec import encode
from evidence.errors import ExitCode, MalformedError, MilestoneError, RejectedError, UsageError
from evidence.importing.folder import look_at
from evidence.importing.staging import Staged, stage, work_folder
from evidence.milestone.parse import parse_milestone
from evidence.pack.imported import parse_imported
from evidence.pack.journal import utc_now
from evidence.pack.seal import seal, staged_files
from evidence.publish.held_name import held_name
from evidence.publish.index import update_index
from evidence.publish.runs_folder import archive_pack, prepare_runs_folder
from evidence.publish.summaries import rendered_files, write_rendered
from evidence.records.finding import Report
from evidence.records.imported import FindingRecord, SourcesRecord
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.records.run import ManifestRecord, ResultsRecord, ToolRecord
from evidence.render.render import TEMPLATE
from evidence.system.durable import make_folder, publish
from evidence.system.entries import read_given
from evidence.text import commands
from evidence.text.escape import is_utf8
from evidence.verification.imported.checks import NOT_OBSERVED
from evidence.verification.options import VerifyOptions
from evidence.verification.ruleset import RULESET
from evidence.verification.verification import verify_pack

DIGEST: Final = "0123456789abcdef"


class ImportOptions(Record):
    """What the caller chose."""

    runs: Path
    milestone: Path | None = None
    again: bool = False
    """Archive the pack that is there."""
    not_secret: tuple[str, ...] = ()
    """SHA-256 of what looks like a secret and is none."""


class ImportResult(Record):
    """A pack that was written."""

    pack: Path
    summary: Path
    root_sha256: str
    status: str
    sources: SourcesRecord
    results: ResultsRecord
    findings: tuple[FindingRecord, ...]
    num_rows: int
    """Rows that trainings logged, of all files."""
    report: Report
    """What verify said of it before it was published."""


def import_folder(root: Path, name: str, options: ImportOptions) -> ImportResult:
    """Make a pack of a folder and publish it as runs/NAME.

    Raises UsageError when nothing can be imported, PastLimitError past a limit, BusyError when
    another process holds the name.
    """
    root, runs = root.resolve(), options.runs.resolve()
    _refuse_names(root, runs, name, options.not_secret)
    milestone = None if options.milestone is None else _milestone(options.milestone)
    pack = layout.pack_dir(runs, name)
    _refuse_taken(pack, name, root, again=options.again)
    folder = look_at(root, runs)
    make_folder(runs / layout.WORK)
    with held_name(runs, name):
        _refuse_taken(pack, name, root, again=options.again)
        prepare_runs_folder(runs)
        with work_folder(runs, name) as staging:
            staged = stage(
                root, folder, staging, name, milestone, tuple(sorted(options.not_secret))
            )
            root_sha256 = _seal(staging, name, staged)
            report = verify_pack(staging, VerifyOptions(known_as=pack))
            if report.exit not in (ExitCode.DONE, ExitCode.UNFINISHED):
                first = next(one for one in report.findings if one.severity in ("error", "refused"))
                raise RejectedError(
                    f"our own verify rejects the pack: {first.address}: {first.message}",
                    hint="This is a bug of evidence-pack: please report it. Nothing was published.",
                )
            if pack.exists():
                archive_pack(pack)
            publish(staging, pack)
    update_index(runs, {pack: report})
    return ImportResult(
        pack=pack,
        summary=pack / layout.summary_name(name),
        root_sha256=root_sha256,
        status=staged.derived.status,
        sources=staged.sources,
        results=staged.derived.results,
        findings=staged.derived.findings.findings,
        num_rows=len(staged.derived.rows),
        report=report,
    )


def _seal(staging: Path, name: str, staged: Staged) -> str:
    manifest = ManifestRecord(
        schema="manifest.v1",
        ruleset=RULESET,
        tool=ToolRecord(name="evidence-pack", version=__version__),
        template=TEMPLATE,
        milestone=name,
        status=staged.derived.status,
        attempt=None,
        stand_in=False,
        commit=NOT_OBSERVED,
        outcome_sha256=staged.outcome_sha256,
        parents=(),
        files=(),
        origin="imported",
        imported_utc=utc_now(),
    )
    for what, record in (
        ("manifest.v1", manifest),
        ("sources.v1", staged.sources),
        ("results.v1", staged.derived.results),
        ("findings.v1", staged.derived.findings),
    ):
        for problem in schema.validate(what, encode(record)):
            raise MalformedError(f"{what}: {problem.pointer}: {problem.message}")
    sealed = seal(staging, manifest)
    files = staged_files(staging)
    documents = (*layout.NEEDED_WHEN_IMPORTED, layout.MILESTONE)
    contents = {
        one.path: (staging / one.path).read_bytes() for one in files if one.path in documents
    }
    sizes = {one.path: one.size_bytes for one in files if one.path != layout.SUMS}
    parsed = parse_imported(contents, sizes, sealed.digests)
    write_rendered(staging, rendered_files(parsed, sealed.root_sha256, {}))
    return sealed.root_sha256


def _refuse_names(root: Path, runs: Path, name: str, not_secret: tuple[str, ...]) -> None:
    if layout.MILESTONE_ID.fullmatch(name) is None:
        raise UsageError(f"{name!r} is no id of a pack", hint="Give an id such as OLD: --id OLD")
    for path in (root, runs):
        if not is_utf8(str(path)):
            raise UsageError(f"the path {path} is no UTF-8; nothing was imported")
    for one in not_secret:
        if len(one) != len(DIGEST) * 4 or not set(one) <= set(DIGEST):
            raise UsageError(
                f"--not-secret takes a SHA-256 of 64 lower-case digits, not {one!r:.80}",
                hint="The message that names a secret has its digest.",
            )


def _refuse_taken(pack: Path, name: str, root: Path, *, again: bool) -> None:
    work = layout.work_dir(pack.parent, name)
    if layout.is_unfinished(work):
        raise UsageError(
            f"an unfinished run of {name} is in {work}",
            hint=f"Give another id, or go on: {commands.to_resume(name, pack.parent)}",
        )
    if not os.path.lexists(pack):
        return
    sealed = (pack / layout.SUMS).is_file()
    if pack.is_symlink() or not sealed:
        raise UsageError(
            f"{pack} is there but is no sealed pack", hint="Move it away, or give another id."
        )
    if not again:
        anew = commands.evidence("import", str(root), "--id", name, "--again")
        raise UsageError(
            f"{pack} is sealed already and is never overwritten",
            hint=f"Check it: {commands.evidence('verify', str(pack))}\n  "
            f"To import anew (this one goes to the archive): {anew}",
        )


def _milestone(path: Path) -> tuple[bytes, Milestone]:
    data = read_given(path, limits.MAX_TOML_BYTES)
    try:
        return data, parse_milestone(data)
    except MalformedError as error:
        where = f"{path}:{error.line}" if error.line else str(path)
        raise MilestoneError(f"{where}: {error.message}", hint=error.hint) from error
