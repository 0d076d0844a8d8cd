"""`evidence.run`: a milestone run from a script or a notebook.

Responsible for plain arguments and for leaving the caller's process as it was. What a run does is
`running`'s.
"""

from __future__ import annotations

import os
import threading
from contextlib import nullcontext
from pathlib import Path

from evidence.progress import Observer, Silent
from evidence.running.run import RunOptions, RunResult, run_milestone
from evidence.running.signals import StopRequest


def run(
    milestone: str,
    *,
    root: str | os.PathLike[str] = ".",
    runs: str | os.PathLike[str] | None = None,
    attempt: str | None = None,
    resume: bool = False,
    close: bool = False,
    again: bool = False,
    observer: Observer | None = None,
) -> RunResult:
    """Run milestones/MILESTONE.toml of the project `root` and leave a sealed pack in `runs`.

    As `evidence run` does, with its options of the same names; `runs` is `root`/runs by default.
    Progress goes to `observer` only. A run that ended by its own decision is returned, a failed
    one too: ask `result.exit_code`, which is 0 when it is complete and every required gate is met.

    In the main thread SIGINT, SIGTERM and SIGHUP stop the run at its next step, with a checkpoint,
    and StoppedError is raised; their handlers are put back at the end. In another thread none is
    installed, and nothing stops the run but its end.

    Raises UsageError or MilestoneError when nothing was started, BusyError when another process
    holds the pack, StoppedError, WorkerLostError, RanOutError, DurabilityError or
    SecretFoundError when the run stays unfinished.
    """
    project = Path(root).resolve()
    options = RunOptions(
        root=project,
        runs=project / "runs" if runs is None else Path(runs).resolve(),
        again=again,
        attempt=attempt,
        resume=resume,
        close=close,
    )
    stop = StopRequest()
    in_main_thread = threading.current_thread() is threading.main_thread()
    with stop if in_main_thread else nullcontext():
        return run_milestone(milestone, options, observer or Silent(), stop)
