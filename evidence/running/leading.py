"""A run by the first of the processes that a launcher started.

Responsible for the folder in which they speak with each other, for waiting until all have come, and
for telling them how the run ended. The run is `run`'s; what the others do is `following`'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.attempt.lead import POLL_S, Lead
from evidence.errors import DurabilityError, EvidenceError, ExitCode, UsageError
from evidence.records.milestone import Milestone
from evidence.running.launching import Launched
from evidence.running.signals import StopRequest
from evidence.system.durable import make_folder
from evidence.text.escape import one_line

PATIENCE_S: Final = 60.0
"""How long the others may take to come."""
MAX_LINE_CHARS: Final = 600


def folder_of(launched: Launched, runs: Path, milestone_id: str) -> Path:
    """Where the processes of a launch speak with each other; it is made here.

    Raises UsageError for a name that no milestone has, and where it cannot be made.
    """
    if layout.MILESTONE_ID.fullmatch(milestone_id) is None:
        raise UsageError(f"{milestone_id!r} is no milestone id", hint="Give an id such as M43.")
    folder = runs / layout.WORK / layout.LAUNCHED / f"{launched.key}~{milestone_id}"
    try:
        make_folder(folder)
    except (DurabilityError, OSError) as error:
        raise UsageError(
            f"cannot make {folder}: {error}; nothing was started",
            hint="Give a folder that can be read and written: --runs DIR",
        ) from error
    return folder


@contextmanager
def leading(launched: Launched, folder: Path) -> Iterator[Lead]:
    """Speak with the others while the block runs, and let an error of it end them likewise. Of a
    block that comes to its end, who calls tells them how."""
    lead = Lead(folder, launched.world, launched.local_rank, launched.by)
    try:
        with lead:
            try:
                yield lead
            except EvidenceError as error:
                lead.end(int(error.exit_code), one_line(error.message, MAX_LINE_CHARS))
                raise
            except KeyboardInterrupt:
                lead.end(int(ExitCode.INTERRUPTED), "stopped")
                raise
            except BaseException as error:
                lead.end(int(ExitCode.BUG), f"failed: {type(error).__name__}")
                raise
    finally:
        for place in (folder.parent, folder.parent.parent, folder.parent.parent.parent):
            with suppress(OSError):  # what the run, or another one, left in it
                place.rmdir()


def refuse_other_number(lead: Lead | None, milestone: Milestone) -> None:
    """Raise UsageError where as many processes were started as the milestone does not ask for."""
    if lead is None or lead.world == milestone.processes:
        return
    asked = milestone.processes
    raise UsageError(
        f"{lead.by} started {lead.world} processes, and [launch] of {milestone.id} asks for "
        f"{asked}; nothing was done"
        if asked > 1
        else f"{lead.by} started {lead.world} processes, and {milestone.id} trains in one (it has "
        "no [launch] processes); nothing was done",
        hint=f"Start {asked}, or let [launch] say processes = {lead.world}.\n  A program with a "
        "launcher of its own is recorded around it: evidence record ID -- torchrun "
        "--nproc-per-node 2 train.py",
    )


def wait_for_others(lead: Lead | None, stop: StopRequest) -> None:
    """Return once all are here. Raises UsageError where one does not come."""
    if lead is None:
        return
    until_s = time.monotonic() + PATIENCE_S
    with stop.at_once(stop.nothing_started):
        while missing := lead.missing():
            if time.monotonic() > until_s:
                raise UsageError(
                    f"rank {missing[0]} of {lead.world} has not come within {PATIENCE_S:g} s; "
                    "nothing was started",
                    hint="Every process needs the same milestone and the same runs folder, on a "
                    "disk that all see.",
                )
            time.sleep(POLL_S)
