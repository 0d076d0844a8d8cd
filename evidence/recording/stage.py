"""The worker's side of a `command` stage: run a program as it is, and tell what it did.

Responsible for the order: the spool before the program, rows while it runs, documents when it is
over. It imports no framework; the program's own processes do.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Any, Final, NoReturn

from msgspec.structs import replace

from evidence import limits
from evidence.encoding.codec import decode, encode
from evidence.recording import child, documents, places
from evidence.recording.child import Child, End
from evidence.recording.collected import Kept, collect, numbers
from evidence.recording.earlier import Earlier, earlier, note
from evidence.recording.echo import Echo
from evidence.recording.gathering import Gathering
from evidence.recording.opened import OpenedFiles
from evidence.recording.spool import Spool, made
from evidence.recording.typed import places_of
from evidence.records.program import CommandSpec, ProgramFiles, ProgramNumbers, ProgramStep
from evidence.records.record import Record
from evidence.redact.privacy import Privacy
from evidence.redact.this_process import identity_of_this_process, secrets_of_this_process
from evidence.rules.tellings import as_logged, tellings, written_in_run
from evidence.stages.command import (
    COLLECTED,
    COMMAND,
    OUTPUT,
    PROGRAM,
    PROGRAM_FILES,
    PROGRAM_NUMBERS,
    PROGRAM_REPORTED,
    PROGRAM_SEEN,
    PROGRAM_STEPS,
)
from evidence.stages.kind import Document
from evidence.worker.interface import (
    FAILED_STATUS,
    STOPPED_STATUS,
    Emit,
    Job,
    StageFailure,
)

POLL_S: Final = 0.2
PATIENCE_S: Final = 5.0
"""Who asks the program to stop asks its whole group; after that long it is asked by name."""
MAX_OFFERED: Final = 5
OFFER: Final = (
    "with [[metric]] in a milestone (name, file, pointer or column) a number of it is a value"
)


class _Program(Record):
    """What is to be run, with everything filled in."""

    asked: tuple[str, ...]
    """As the milestone spells it."""
    command: tuple[str, ...]
    executable: str
    cwd: Path
    output: Path
    spool: Path


class _Heard(Record):
    """What is known of a program so far; its parts grow while it runs."""

    gathered: Gathering
    opened: OpenedFiles
    totals: documents.Totals
    steps: list[ProgramStep]
    before: Earlier


def run_stage(job: Job, emit: Emit) -> None:
    """Run the program of a job, and end as it ended: with its status, or by its signal.

    What this process prints is the log of the program, so that it says nothing itself.
    """
    try:
        _record(job, emit)
    except StageFailure as failure:
        _fail(emit, failure, FAILED_STATUS)


def _record(job: Job, emit: Emit) -> None:
    began_s = time.monotonic()
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: asked.append(number))
    emit("ready", framework={"unavailable": f"the program says it itself: {PROGRAM.path}"})
    spec = decode(CommandSpec, job.plan.stages[COMMAND.name])
    program = _prepared(job, spec)
    gathered = Gathering(job.segment, began_s)
    before = earlier(Path(job.scratch), job.segment, Path(job.output) / PROGRAM_STEPS.path)
    for row in before.rows:
        emit(PROGRAM_STEPS.event, row=encode(row))
    heard = _Heard(gathered, OpenedFiles(Path(job.root)), documents.Totals(), [], before)
    spool = made(program.spool)
    note(program.spool, began_s, ())
    variables = child.environment(spec.environment, program.spool)
    running = Child(program.command, program.cwd, variables)
    _listen(running, spool, heard, emit, asked)
    end = running.end()
    for problem in spool.problems:
        gathered.say("a part of what was told", problem)
    _tell(job, program, running, end, heard, emit)
    _conclude(end, asked, emit)
    emit("done", runtime_s=time.monotonic() - began_s)


def _prepared(job: Job, spec: CommandSpec) -> _Program:
    root, scratch = Path(job.root), Path(job.scratch)
    words = spec.resume if spec.resume and job.segment > 1 else spec.run
    output = places.output(scratch)
    if any(OUTPUT in word for word in words):
        output.mkdir(parents=True, exist_ok=True)
    cwd = root / spec.cwd
    if not cwd.is_dir():
        raise StageFailure("requirement-not-met", f"there is no folder {spec.cwd} to run it in")
    command = places.filled(words, output)
    executable = child.found(command[0], cwd, os.environ.get("PATH"))
    return _Program(
        tuple(words), command, executable, cwd, output, places.spool(scratch, job.segment)
    )


def _listen(running: Child, spool: Spool, heard: _Heard, emit: Emit, asked: list[int]) -> None:
    """Hand on what the program prints and tells until it is gone and has been heard."""
    gone_s: float | None = None
    asked_s: float | None = None
    looked_s = 0.0
    echo = Echo()
    while True:
        data = b"" if echo.is_full else running.output(POLL_S)
        echo.wait(POLL_S) if echo.is_full else echo.put(data)
        now = time.monotonic()
        if now - looked_s >= POLL_S or not data:
            looked_s = now
            _look(spool, heard, emit)
        if asked and asked_s is None:
            asked_s = now
        if asked_s is not None and now - asked_s > PATIENCE_S:
            running.ask_to_stop(asked[0])
            asked_s = now
        if running.is_running:
            continue
        gone_s = now if gone_s is None else gone_s
        is_over = running.is_heard or now - gone_s > child.GRACE_AFTER_EXIT_S
        if (is_over and not data) or now - gone_s > PATIENCE_S:
            _look(spool, heard, emit)
            echo.close()
            return


def _look(spool: Spool, heard: _Heard, emit: Emit) -> None:
    """Take what the hooks told since the last look."""
    num_known = len(heard.gathered.sources)
    for source, event in spool.read():
        row = heard.gathered.take(source, event)
        if row is not None:
            if len(heard.steps) >= limits.MAX_JSONL_LINES:
                heard.gathered.forget(source)
                continue
            heard.totals.add(row)
            heard.steps.append(row)
            emit(PROGRAM_STEPS.event, row=encode(row))
    if len(heard.gathered.sources) > num_known:
        note(spool.folder, heard.gathered.began_s, heard.gathered.sources)
    heard.opened.look(heard.gathered.opened, all_of_them=False)


def _tell(job: Job, program: _Program, running: Child, end: End, heard: _Heard, emit: Emit) -> None:
    """Everything that is known when the program is over."""
    root, plan, gathered = Path(job.root), job.plan, heard.gathered
    privacy = Privacy(secrets_of_this_process(), identity_of_this_process())
    heard.opened.look(gathered.opened, all_of_them=True)
    written = [Path(one.path) for one in gathered.opened.values() if one.mode == "written"]
    kept = collect(plan.collect, plan.metric, written, root, program.output, privacy)
    for name, data in kept.bytes_of.items():
        emit("collected", path=name, data=b64encode(data).decode("ascii"))
    for problem in kept.not_there:
        gathered.say("files to keep", problem)
    offered = [one.path for one in kept.files if one.path in kept.known and one.kept_as]
    if offered and not plan.metric:
        emit("warning", message=f"{', '.join(offered[:MAX_OFFERED])}: kept; {OFFER}")
    seen = documents.seen_record(
        gathered, heard.opened, root, plan.data, heard.totals, program.spool, privacy.secrets
    )
    _document(emit, PROGRAM_SEEN, seen)
    files = documents.files_record(gathered, heard.opened, kept)
    _document(emit, PROGRAM_FILES, files)
    _document(emit, PROGRAM_REPORTED, documents.reported_record(gathered, heard.before.reported))
    _document(emit, PROGRAM_NUMBERS, _numbers(job, program, kept, running, heard, files))
    ran = documents.Ran(
        command=program.asked,
        executable=program.executable,
        cwd=os.path.relpath(program.cwd, root),
        end=end,
        num_output_bytes=running.num_output_bytes,
        spool=program.spool,
        num_steps=heard.totals.num_steps,
        earlier=heard.before.runs,
    )
    _document(emit, PROGRAM, documents.program_record(gathered, ran))


def _document(emit: Emit, document: Document[Any], record: Record) -> None:
    emit(document.event, record=encode(record))


def _numbers(
    job: Job, program: _Program, kept: Kept, running: Child, heard: _Heard, record: ProgramFiles
) -> ProgramNumbers:
    files = {f"{COLLECTED}/{name}": kept.bytes_of[name] for name in sorted(written_in_run(record))}
    told = tellings(as_logged(running.printed), heard.steps, heard.gathered.logged, files)
    return ProgramNumbers(
        schema="program-numbers.v1",
        metrics=tuple(
            replace(one, typed_in=places_of(one.text, heard.opened.sources, program.command))
            for one in numbers(job.plan.metric, kept, Path(job.root), program.output)
        ),
        num_told_twice=told.num_compared,
        differing=told.differing,
    )


def _conclude(end: End, asked: list[int], emit: Emit) -> None:
    if asked:
        emit("stopped")
        sys.exit(STOPPED_STATUS)
    if end.signal is not None:
        emit("signalled", number=end.signal)
        _leave_no_core()
        signal.signal(end.signal, signal.SIG_DFL) if end.signal not in _FIXED else None
        os.kill(os.getpid(), end.signal)
        time.sleep(PATIENCE_S)  # a signal that does not end us
        raise StageFailure("program-failed", f"the program was ended by signal {end.signal}")
    if end.exit_status:
        text = f"the program ended with status {end.exit_status}"
        _fail(emit, StageFailure("program-failed", text), end.exit_status)


def _fail(emit: Emit, failure: StageFailure, status: int) -> NoReturn:
    emit("failed", kind=failure.kind, type=type(failure).__name__, message=failure.message)
    sys.exit(status)


def _leave_no_core() -> None:
    """The program may have left one; ours would be no evidence of anything."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


_FIXED: Final = tuple(
    getattr(signal, name) for name in ("SIGKILL", "SIGSTOP") if hasattr(signal, name)
)
"""Signals of which nobody can say what they do."""
