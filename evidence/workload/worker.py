"""The worker process: `python -m evidence.workload.worker JOB.json FD`.

Responsible for finding the backend, for turning whatever goes wrong into a `failed` event and a
traceback on stderr, and for dying with its supervisor. The work itself is the backend's.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Final

from evidence import jsonio
from evidence.errors import EvidenceError, MilestoneError
from evidence.records.codec import decode
from evidence.workload.events import EventPipe
from evidence.workload.interface import Backend, Emit, Job, StageFailure, Stopped

BACKENDS: Final = {
    "transformers": "evidence.workload.transformers_backend",
    "stub": "evidence.workload.stub_backend",
}
"""Backend → module with a function `run_stage`. Strings: nothing heavy is imported before."""

STOPPED_STATUS: Final = 3
FAILED_STATUS: Final = 1
_PR_SET_PDEATHSIG: Final = 1
_PARENT_POLL_S: Final = 1.0


def main() -> int:
    """Run the job; return the exit status."""
    _die_with_parent()
    emit = EventPipe(int(sys.argv[2])).emit
    try:
        job = decode(Job, jsonio.load_document(Path(sys.argv[1]).read_bytes()))
        _backend(job.plan.backend)(job, emit)
    except Stopped as stop:
        print(f"stopped: {stop}", file=sys.stderr)
        return STOPPED_STATUS
    except Exception as error:
        traceback.print_exc()
        _report(error, emit)
        return FAILED_STATUS
    return 0


def _backend(name: str) -> Backend:
    if name not in BACKENDS:
        raise StageFailure("requirement-not-met", f"there is no backend {name!r} in this version")
    backend: Backend = import_module(BACKENDS[name]).run_stage
    return backend


def _report(error: Exception, emit: Emit) -> None:
    message = error.message if isinstance(error, EvidenceError) else str(error)
    kind = "exception"
    if isinstance(error, StageFailure):
        kind, message = error.kind, error.message
    elif isinstance(error, MilestoneError):
        kind = "bad-data"
    elif isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        kind = "out-of-memory"
    emit("failed", kind=kind, type=type(error).__name__, message=message)


def _die_with_parent() -> None:
    """No orphan, ever: ask the kernel for SIGKILL when the parent dies, and watch besides."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_POLL_S)
        os._exit(FAILED_STATUS)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
