"""The worker's side of a `command` stage: run a program as it is, and tell what it did.

Responsible for the order: the spool before the program, rows while it runs, documents when it is
over. It imports no framework; the program's own processes do.
"""

from __future__ import annotations

import os
import signal
import time
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

from evidence.encoding.codec import decode, encode
from evidence.recording import child, documents, places
from evidence.recording.child import Child, End
from evidence.recording.collected import Kept, collect, numbers
from evidence.recording.gathering import Gathering
from evidence.recording.opened import OpenedFiles
from evidence.recording.spool import Spool, made
from evidence.records.program import CommandSpec, ProgramNumbers, ProgramStep
from evidence.records.record import Record
from evidence.redact.this_process import secrets_of_this_process
from evidence.rules.tellings import as_logged, tellings
from evidence.stages.command import (
    COLLECTED,
    COMMAND,
    PROGRAM,
    PROGRAM_FILES,
    PROGRAM_NUMBERS,
    PROGRAM_REPORTED,
    PROGRAM_SEEN,
    PROGRAM_STEPS,
)
from evidence.stages.kind import Document
from evidence.worker.interface import Emit, Job, StageFailure, Stopped

POLL_S: Final = 0.2
PATIENCE_S: Final = 5.0
"""Who asks the program to stop asks its whole group; after that long it is asked by name."""
STDOUT: Final = 1


class _Program(Record):
    """What is to be run, with everything filled in."""

    command: tuple[str, ...]
    executable: str
    cwd: Path
    output: Path
    spool: Path


def run_stage(job: Job, emit: Emit) -> None:
    """Run the program of a job. Raises StageFailure where it fails, Stopped where it was asked to.

    A signal that ends the program ends this process likewise: who looks after it knows what that
    means for a run.
    """
    began_s = time.monotonic()
    emit("ready", framework={"unavailable": f"the program says it itself: {PROGRAM.path}"})
    spec = decode(CommandSpec, job.plan.stages[COMMAND.name])
    program = _prepared(job, spec)
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    gathered = Gathering(job.segment, began_s)
    opened, totals = OpenedFiles(Path(job.root)), documents.Totals()
    spool = made(program.spool)
    variables = child.environment(spec.environment, program.spool)
    running = Child(program.command, program.cwd, variables)
    steps: list[ProgramStep] = []
    _listen(running, spool, gathered, opened, emit, totals, steps, asked)
    end = running.end()
    for problem in spool.problems:
        gathered.say("a part of what was told", problem)
    _tell(job, program, end, running, gathered, opened, totals, steps, emit)
    _conclude(end, asked, emit)
    emit("done", runtime_s=time.monotonic() - began_s)


def _prepared(job: Job, spec: CommandSpec) -> _Program:
    root, scratch = Path(job.root), Path(job.scratch)
    words = spec.resume if spec.resume and job.segment > 1 else spec.run
    output = places.output(scratch)
    if any(places.OUTPUT in word for word in words):
        output.mkdir(parents=True, exist_ok=True)
    cwd = root / spec.cwd
    if not cwd.is_dir():
        raise StageFailure("requirement-not-met", f"there is no folder {spec.cwd} to run it in")
    command = places.filled(words, output)
    executable = child.found(command[0], cwd, os.environ.get("PATH"))
    return _Program(command, executable, cwd, output, places.spool(scratch, job.segment))


def _listen(
    running: Child,
    spool: Spool,
    gathered: Gathering,
    opened: OpenedFiles,
    emit: Emit,
    totals: documents.Totals,
    steps: list[ProgramStep],
    asked: list[int],
) -> None:
    """Hand on what the program prints and tells until it is gone and has been heard."""
    gone_s: float | None = None
    asked_s: float | None = None
    looked_s = 0.0
    while True:
        data = running.output(POLL_S)
        _print(data)
        now = time.monotonic()
        if now - looked_s >= POLL_S or not data:
            looked_s = now
            for source, event in spool.read():
                row = gathered.take(source, event)
                if row is not None:
                    totals.add(row)
                    steps.append(row)
                    emit(PROGRAM_STEPS.event, row=encode(row))
            opened.look(gathered.opened, all_of_them=False)
        if asked and asked_s is None:
            asked_s = now
        if asked_s is not None and now - asked_s > PATIENCE_S:
            running.ask_to_stop()
            asked_s = now
        if running.is_running:
            continue
        gone_s = now if gone_s is None else gone_s
        if not data and (running.is_heard or now - gone_s > child.GRACE_AFTER_EXIT_S):
            return


def _print(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(STDOUT, view) :]


def _tell(
    job: Job,
    program: _Program,
    end: End,
    running: Child,
    gathered: Gathering,
    opened: OpenedFiles,
    totals: documents.Totals,
    steps: list[ProgramStep],
    emit: Emit,
) -> None:
    """Everything that is known when the program is over."""
    root, plan = Path(job.root), job.plan
    secrets = secrets_of_this_process()
    opened.look(gathered.opened, all_of_them=True)
    written = [Path(one.path) for one in gathered.opened.values() if one.mode == "written"]
    kept = collect(plan.collect, plan.metric, written, root, program.output, secrets)
    for name, data in kept.bytes_of.items():
        emit("collected", path=name, data=b64encode(data).decode("ascii"))
    seen = documents.seen_record(gathered, opened, root, plan.data, totals, program.spool, secrets)
    _document(emit, PROGRAM_SEEN, seen)
    _document(emit, PROGRAM_FILES, documents.files_record(gathered, opened, kept))
    _document(emit, PROGRAM_REPORTED, documents.reported_record(gathered))
    _document(emit, PROGRAM_NUMBERS, _numbers(job, program, kept, steps, running))
    record = documents.program_record(
        gathered,
        program.command,
        program.executable,
        os.path.relpath(program.cwd, root),
        end,
        running.num_output_bytes,
        program.spool,
        totals.num_steps,
    )
    _document(emit, PROGRAM, record)


def _document(emit: Emit, document: Document[Any], record: Record) -> None:
    emit(document.event, record=encode(record))


def _numbers(
    job: Job, program: _Program, kept: Kept, steps: list[ProgramStep], running: Child
) -> ProgramNumbers:
    files = {f"{COLLECTED}/{name}": data for name, data in kept.bytes_of.items()}
    told = tellings(as_logged(running.printed), steps, files)
    return ProgramNumbers(
        schema="program-numbers.v1",
        metrics=numbers(job.plan.metric, kept, Path(job.root), program.output, COLLECTED),
        num_told_twice=told.num_compared,
        differing=told.differing,
    )


def _conclude(end: End, asked: list[int], emit: Emit) -> None:
    if asked:
        emit("stopped")
        raise Stopped("as asked")
    if end.signal is not None:
        signal.signal(end.signal, signal.SIG_DFL) if end.signal not in _FIXED else None
        os.kill(os.getpid(), end.signal)
        time.sleep(PATIENCE_S)  # a signal that does not end us
        raise StageFailure("program-failed", f"the program was ended by signal {end.signal}")
    if end.exit_status:
        raise StageFailure("program-failed", f"the program ended with status {end.exit_status}")


_FIXED: Final = (signal.SIGKILL, signal.SIGSTOP)
"""Signals of which nobody can say what they do."""
