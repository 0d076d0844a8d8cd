"""The worker process: `python -m evidence.worker.main JOB.json FD SUPERVISOR`.

One that is started before its stage is, `… main module:function FD SUPERVISOR JOB_FD`, imports the
backend and is told its job then.

Responsible for importing the backend, for turning whatever goes wrong into a `failed` event and
words on stderr (a traceback where it has no name), and for dying with its supervisor. The work
itself is the backend's; what an error means is said by `failures`.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import EvidenceError
from evidence.worker.events import EventPipe
from evidence.worker.failures import kind_and_message
from evidence.worker.interface import (
    FAILED_STATUS,
    STOPPED_STATUS,
    Job,
    RunStage,
    StageFailure,
    Stopped,
)

_PR_SET_PDEATHSIG: Final = 1


def main() -> int:
    """Run the job; return the exit status."""
    what, events, supervisor, *early = sys.argv[1:]
    _die_with(int(supervisor))
    if early and not (what := _told_later(what, int(early[0]))):
        return 0  # there is no stage for it
    emit = EventPipe(int(events)).emit
    try:
        job = decode(Job, jsonio.load_document(Path(what).read_bytes()))
        _run_stage(job)(job, emit)
    except Stopped as stop:
        print(f"stopped: {stop}", file=sys.stderr)
        return STOPPED_STATUS
    except Exception as error:
        kind, message = kind_and_message(error)
        if isinstance(error, (StageFailure, EvidenceError)):
            print(message, file=sys.stderr)  # it has a name: the code that noticed is no news
        else:
            traceback.print_exc()
        emit("failed", kind=kind, type=type(error).__name__, message=message)
        return FAILED_STATUS
    return 0


def _told_later(run_stage: str, pipe: int) -> str:
    """Import the backend of `run_stage`, and wait for the job's path; empty where none comes.

    Of a framework whose import broke off half is left, and a second import says something else or
    fails where the first one need not have: then this process starts anew, with the job.
    """
    is_imported = False
    with suppress(Exception), _nothing_thrown_away():
        import_module(run_stage.partition(":")[0])
        is_imported = True
    with open(pipe, "rb") as told:
        job = os.fsdecode(told.read())
    if job and not is_imported:
        command, (events, supervisor, _) = sys.orig_argv[:-4], sys.argv[2:]
        os.execv(sys.executable, [*command, job, events, supervisor])  # noqa: S606 - ourselves
    return job


def _run_stage(job: Job) -> RunStage:
    """The function of the backend. What goes wrong inside its module is an exception like any."""
    module, _, name = job.run_stage.partition(":")
    try:
        with _nothing_thrown_away():
            found: object = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise  # a module that the backend's own imports
        found = None
    if not callable(found):
        raise StageFailure(
            "requirement-not-met",
            f"the backend {job.plan.backend!r} says that it is run by {job.run_stage}, "
            "and there is no such function",
        )
    return cast(RunStage, found)


@contextmanager
def _nothing_thrown_away() -> Iterator[None]:
    """For the import of a framework: what it makes stays until the end, so that looking for garbage
    among it is a sixth of the time it takes, then and whenever it is looked for later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _die_with(supervisor: int) -> None:
    """Ask the kernel for SIGKILL when the supervisor dies; its guard does so on other systems."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:  # it died before the kernel was asked
        os._exit(FAILED_STATUS)


if __name__ == "__main__":
    sys.exit(main())
