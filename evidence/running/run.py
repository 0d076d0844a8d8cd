"""The run use case: from a milestone file to a sealed pack.

Responsible for the order of the whole: preflight, lock, journal, capture, attempts, capture,
results, seal, render, publish, verify. Each part is done elsewhere. Prints nothing.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NoReturn

from msgspec.structs import replace

from evidence import layout, limits
from evidence.attempt.attempt import StartPoint
from evidence.attempt.lead import Lead
from evidence.errors import DurabilityError, ExitCode, StoppedError, UsageError
from evidence.milestone.effective import in_a_sentence
from evidence.milestone.parse import parse_milestone
from evidence.milestone.recorded import to_run_anew
from evidence.progress import Observer
from evidence.publish.held_name import held_name
from evidence.publish.index import Reports, update_index
from evidence.publish.runs_folder import archive_pack, prepare_runs_folder
from evidence.records.finding import Report
from evidence.records.overrides import Setting
from evidence.records.record import Record
from evidence.records.run import GateResult, OutcomeRecord, ParentRecord
from evidence.running import kept_checkpoints, kept_weights
from evidence.running.execution import execute
from evidence.running.finish import Finished
from evidence.running.launching import refuse_several
from evidence.running.leading import refuse_other_number, wait_for_others
from evidence.running.preflight import Prepared, prepare
from evidence.running.set_aside import retire
from evidence.running.settings import refuse_other_settings, refuse_settings_to_close
from evidence.running.signals import StopRequest
from evidence.running.taking_up import recover
from evidence.running.usable import refuse_unusable
from evidence.running.workspace import Workspace
from evidence.system.durable import make_folder
from evidence.system.entries import type_of
from evidence.text import commands
from evidence.text.escape import is_utf8


class RunOptions(Record):
    """What the caller chose."""

    root: Path
    runs: Path
    again: bool = False
    attempt: str | None = None
    resume: bool = False
    """Go on with the unfinished run."""
    close: bool = False
    """Seal the unfinished run as failed."""
    pack_name: str | None = None
    """Name of the pack's folder; None: the milestone's id."""
    parents: tuple[ParentRecord, ...] = ()
    """Packs that this run is made from."""
    written: bytes | None = None
    """The bytes of a milestone that lies in no file; None: it is milestones/<ID>.toml."""
    interpreter: str | None = None
    """The path to take for the `interpreter` that attempts name; None: as they name it."""
    settings: tuple[Setting, ...] = ()
    """What takes the place of what the milestone says, for this run."""
    begin: StartPoint = StartPoint()
    """Where the first attempt begins: a checkpoint of another run, for a replay."""
    lead: Lead | None = None
    """Speaks with the other processes, where a launcher started several for this run."""


class RunResult(Record):
    """A run that ended by its own decision and left a sealed pack."""

    milestone: str
    pack: Path
    summary: Path
    root_sha256: str
    status: str
    attempt: str | None
    stand_in: bool
    outcomes: tuple[OutcomeRecord, ...]
    gates: tuple[GateResult, ...]
    report: Report
    """What verify said of the pack before it was published."""

    @property
    def intact(self) -> bool:
        """Whether our own verify finds the pack to be what it says."""
        return self.report.exit in (ExitCode.DONE, ExitCode.UNFINISHED)

    @property
    def exit_code(self) -> ExitCode:
        """0 only when the pack verifies, the run is complete and no required gate is open."""
        if not self.intact:
            return ExitCode.FINDINGS
        open_gates = any(gate.is_open for gate in self.gates)
        done = self.status == "complete" and not open_gates
        return ExitCode.DONE if done else ExitCode.UNFINISHED

    def __bool__(self) -> NoReturn:
        """Refused: every result would be true, that of a failed run too."""
        raise TypeError("a result is neither true nor false: ask .exit_code or .status")


def run_milestone(
    milestone_id: str, options: RunOptions, observer: Observer, stop: StopRequest
) -> RunResult:
    """Run a milestone to its end and publish the pack.

    Raises UsageError when nothing can be started, BusyError when another process holds the pack,
    StoppedError, WorkerLostError and DurabilityError when the run stays unfinished in runs/.work.
    """
    if layout.MILESTONE_ID.fullmatch(milestone_id) is None:
        raise UsageError(f"{milestone_id!r} is no milestone id", hint="Give an id such as M43.")
    _refuse_contradiction(options)
    if options.lead is None:
        refuse_several(os.environ)
    if not options.close:  # what began elsewhere can be closed wherever it was moved to
        _refuse_unwritable(options)
    recovering = options.resume or options.close
    name = options.pack_name or milestone_id
    pack = layout.pack_dir(options.runs, name)
    if options.again and options.written is None:
        options = replace(options, written=_written_once(pack, milestone_id, options.root))
    prepared = None
    if not recovering:
        with stop.at_once(stop.nothing_started):
            prepared = _prepared(milestone_id, options, observer)
    if not options.close:
        wait_for_others(options.lead, stop)
    _refuse_sealed(pack, milestone_id, options)  # at once, and once more when nobody else can seal
    if recovering and not layout.work_dir(options.runs, name).with_name(f"{name}.lock").exists():
        _refuse_absent(milestone_id, options, name)  # at once: it makes no folder
    with _nothing_started():
        make_folder(options.runs / layout.WORK)
        _refuse_two_disks(options.runs, prepared)
    with held_name(options.runs, name):
        with _nothing_started():
            _refuse_sealed(pack, milestone_id, options)
            work = _work_folder(milestone_id, options, name)
            prepare_runs_folder(options.runs)
            if not recovering and pack.exists():
                archive_pack(pack)
        with _disk_errors_named(milestone_id, work, pack, options.root):
            places = options.root, work, pack, observer, stop
            if prepared is None:
                close, lead = options.close, options.lead
                done, report = recover(*places, milestone_id, close=close, lead=lead)
            else:
                done, report = execute(prepared, *places, options.parents)
    weights = kept_weights.retire(Workspace(work), done.root_sha256[:12])
    if weights is not None:
        observer.message(kept_weights.said(weights))
    for line in kept_checkpoints.said(options.runs, milestone_id, pack):
        observer.message(line)
    _update_index(options.runs, {pack: report}, observer, stop)
    return _result(milestone_id, pack, done, report)


def _result(milestone_id: str, pack: Path, done: Finished, report: Report) -> RunResult:
    return RunResult(
        milestone=milestone_id,
        pack=pack,
        summary=pack / layout.summary_name(milestone_id),
        root_sha256=done.root_sha256,
        status=done.manifest.status,
        attempt=done.manifest.attempt,
        stand_in=done.manifest.stand_in,
        outcomes=done.outcomes,
        gates=done.results.gates,
        report=report,
    )


def _prepared(milestone_id: str, options: RunOptions, observer: Observer) -> Prepared:
    """The milestone, ready to be started; what should be known of it before is said."""
    found = prepare(options.root, milestone_id, options.attempt, options.written, options.settings)
    refuse_other_number(options.lead, found.milestone)
    for one in found.overrides:
        observer.message(in_a_sentence(one))
    for warning in found.warnings:
        observer.message(f"warning: {warning}")
    return replace(found, interpreter=options.interpreter, lead=options.lead, begin=options.begin)


def _written_once(pack: Path, milestone_id: str, root: Path) -> bytes | None:
    """The milestone of a recorded program, which lies in no file but its pack."""
    copy = pack / layout.MILESTONE
    if os.path.lexists(layout.milestone_file(root, milestone_id)) or type_of(copy) != "file":
        return None
    with _nothing_started():
        return copy.read_bytes() if copy.stat().st_size <= limits.MAX_TOML_BYTES else None


def _update_index(runs: Path, known: Reports, observer: Observer, stop: StopRequest) -> None:
    """The run is over: an index that is not written changes nothing of how it ended."""
    try:
        with stop.at_once(stop.nothing_started):
            update_index(runs, known)
    except (DurabilityError, StoppedError, OSError) as error:
        reason = error if isinstance(error, OSError) else error.message
        render = commands.evidence("render", str(runs))
        observer.message(f"warning: the index is not up to date: {reason}; then: {render}")


def _refuse_contradiction(options: RunOptions) -> None:
    asked = options.resume + options.close + options.again
    if asked > 1 or (options.attempt and (options.resume or options.close)):
        raise UsageError(
            "resume, close and again exclude one another, and attempt excludes resume and close"
        )
    if options.close:
        refuse_settings_to_close(options.settings)


def _refuse_unwritable(options: RunOptions) -> None:
    """No document, and no message to a worker, can hold a path that is not UTF-8."""
    for folder in (options.root, options.runs):
        if not is_utf8(str(folder)):
            raise UsageError(
                f"the path {folder} is no UTF-8; nothing was started",
                hint="Rename the folder, or give another: --root, --runs, for a reproduction "
                "TMPDIR.",
            )


@contextmanager
def _nothing_started() -> Iterator[None]:
    """What the disk refuses before there is a run: nothing of it is left to go on with."""
    try:
        yield
    except DurabilityError as error:
        raise UsageError(f"{error.message}; nothing was started", hint=error.hint) from error
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        raise UsageError(
            f"{error.strerror or error}{place}; nothing was started",
            hint="Give a folder that can be read and written: --runs DIR",
        ) from error


def _refuse_sealed(pack: Path, milestone_id: str, options: RunOptions) -> None:
    if os.path.lexists(pack) and not _is_sealed(pack):
        raise UsageError(
            f"{pack} is there but is no sealed pack{_leads(pack)}",
            hint="Move it away by hand, then run again.",
        )
    work = layout.work_dir(options.runs, pack.name)
    if pack.exists() and layout.is_unfinished(work):  # a backup that was put back
        resume = commands.to_resume(milestone_id, options.runs, options.root)
        aside, outside = _free(pack), _free(options.root.resolve() / f"{pack.name}-unfinished")
        raise UsageError(
            f"{pack} is sealed already, and an unfinished run of the same name is in {work}",
            hint=f"Go on with that run: {_moving(pack, aside)}\n  Then: {resume}\n"
            f"  Or keep the pack in its place: {_moving(work, outside)}",
        )
    if pack.exists() and not options.again:
        anew = commands.run(milestone_id, options.runs, "--again", root=options.root)
        if options.written is not None:
            anew = to_run_anew(parse_milestone(options.written))
        raise UsageError(
            f"{pack} is sealed already and is never overwritten",
            hint=f"Check it: {commands.evidence('verify', str(pack))}\n  "
            f"To run anew (this one goes to the archive): {anew}",
        )


def _is_sealed(pack: Path) -> bool:
    sums = pack / layout.SUMS
    return type_of(sums) == "file" and sums.stat().st_size > 0


def _leads(pack: Path) -> str:
    if not pack.is_symlink():
        return ""
    return f": a link to {pack.readlink()}" + ("" if pack.exists() else ", which leads nowhere")


def _free(path: Path) -> Path:
    """A name beside `path` that nothing has."""
    names = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(name for name in names if not os.path.lexists(name))


def _moving(path: Path, to: Path) -> str:
    return f"mv {shlex.quote(str(path))} {shlex.quote(str(to))}"


def _refuse_two_disks(runs: Path, prepared: Prepared | None) -> None:
    """Found out now, and not by the rename after hours of training."""
    work = runs / layout.WORK
    if work.stat().st_dev != runs.stat().st_dev:
        raise UsageError(
            f"{work} is on another disk than {runs}, and no rename publishes a pack across disks",
            hint="Let both be on one disk: give a folder on the large one with --runs DIR.",
        )
    if prepared is not None:
        kept_checkpoints.refuse_unusable(runs, prepared.milestone)


def _work_folder(milestone_id: str, options: RunOptions, name: str) -> Path:
    """The folder to work in: of a run to go on with, or free for a new one."""
    space = Workspace(layout.work_dir(options.runs, name))
    recovering = options.resume or options.close
    if recovering:
        _refuse_absent(milestone_id, options, name)
        asked = "--close" if options.close else "--resume"
        refuse_unusable(space, commands.run(milestone_id, options.runs, asked, root=options.root))
        refuse_other_settings(space, options.settings, milestone_id, options.root)
    if not recovering and space.is_run:
        raise UsageError(
            f"an unfinished run of {milestone_id} is in {space.work}",
            hint=f"Go on: {commands.to_resume(milestone_id, options.runs, options.root)}",
        )
    if not recovering:
        space.remove()  # left by a run that died before it began, or after it was published
        retire(space, "before")
        kept_weights.retire(space, "before")
    return space.work


def _refuse_absent(milestone_id: str, options: RunOptions, name: str) -> None:
    if not Workspace(layout.work_dir(options.runs, name)).is_run:
        raise UsageError(
            f"there is no unfinished run of {milestone_id} in {options.runs}",
            hint=f"Begin one: {commands.run(milestone_id, options.runs, root=options.root)}",
        )


@contextmanager
def _disk_errors_named(milestone_id: str, work: Path, pack: Path, root: Path) -> Iterator[None]:
    """What the system refuses while a run is under way leaves it unfinished; it is no bug."""
    try:
        yield
    except DurabilityError as error:
        then = _after_an_error(milestone_id, work, pack, root)
        raise DurabilityError(
            error.message, hint=f"{error.hint}\n  {then}".strip(), no_room=error.no_room
        ) from error
    except OSError as error:
        raise DurabilityError(
            f"the run cannot go on: {error.strerror or error}"
            + (f": {error.filename}" if error.filename else ""),
            hint=_after_an_error(milestone_id, work, pack, root),
        ) from error


def _after_an_error(milestone_id: str, work: Path, pack: Path, root: Path) -> str:
    if Workspace(work).is_run:
        return f"Then: {commands.to_resume(milestone_id, pack.parent, root)}"
    if pack.exists():
        return f"The pack is whole: {commands.evidence('verify', str(pack))}"
    return f"Then: {commands.run(milestone_id, pack.parent, root=root)}"
