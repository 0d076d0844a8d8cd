"""A run that was never published: its last known state, and the command to type next. Reads only.

Responsible for reading the work folder: the reason that the run recorded, or else the last event of
its journal. Files there may be incomplete or foreign: what cannot be read is left out.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import MalformedError
from evidence.records.record import Record
from evidence.records.run import JournalEvent, StopRecord
from evidence.stages.registry import kinds
from evidence.system import posix
from evidence.text import commands, endings
from evidence.text.escape import one_line
from evidence.verification.reading.directory import SafeDirectory

TAIL_BYTES: Final = 256 * limits.KIB
"""Of a journal: some hundred events, the last of which say where the run was."""
MAX_SENTENCE_CHARS: Final = 600


class LastKnownState(Record):
    """One line about what happened, and one with the command to type."""

    happened: str
    next_step: str


def work_folder(path: Path) -> Path | None:
    """The folder of an unfinished run, named by its pack or by itself; None where there is none."""
    inside = path.parent.name == layout.WORK
    if path.exists() and not inside:
        return None
    work = path if inside else path.parent / layout.WORK / path.name
    return work if layout.is_unfinished(work) else None


def work_around(staged: Path) -> Path | None:
    """The folder of an unfinished run of which this is what would become the pack; None where it
    is none. Only its publisher judges it as the pack that it is to be."""
    work = staged.absolute().parent
    if staged.name != layout.STAGED or work.parent.name != layout.WORK or staged.is_symlink():
        return None
    return work if layout.is_unfinished(work) else None


def last_known_state(work: Path) -> LastKnownState:
    """The last known state of the run in this folder."""
    if posix.is_locked(work.with_name(f"{work.name}.lock")):
        return LastKnownState("the run is at work at this moment", "wait until it ends")
    events, stop = _read(work)
    where = _where(events)
    resume = commands.to_resume(work.name, work.parent.parent)
    closed = next((one for one in (work, work / layout.STAGED) if _is_closed(one)), None)
    if closed is not None:
        return LastKnownState(
            _sentence(f"the run was begun and not published, and {closed} cannot be looked into"),
            f"allow it (chmod -R u+rwX {shlex.quote(str(closed))}), then: {resume}",
        )
    lost = _lost(work)
    if lost:
        return LastKnownState(
            _sentence(f"the run was begun and not published, and {lost} is gone"),
            "put it back, then: " + resume,
        )
    if stop is None:
        return LastKnownState(
            _sentence(endings.of_stopped_run("killed", endings.NO_REASON_LEFT, where)), resume
        )
    first = {
        "disk-full": "free some space, then: ",
        "out-of-memory": "free some memory, then: ",
        "gpu-lost": "see that the GPU is there again (nvidia-smi), then: ",
        "secret-found": "take it out, or allow it as the message of the run says, then: ",
    }.get(stop.kind, "")
    happened = endings.of_stopped_run(stop.kind, stop.reason, where)
    return LastKnownState(_sentence(happened), first + resume)


def _is_closed(folder: Path) -> bool:
    return folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK)


def _lost(work: Path) -> str:
    """What no run lacks and this one does: its journal, or all that becomes the pack."""
    staged = work / layout.STAGED
    if not work.is_dir():
        return ""  # all of it is gone, meanwhile
    if not staged.is_dir():
        return f"the folder {staged}"
    remembered = os.path.lexists(work / layout.REMEMBERED)
    if remembered and os.path.lexists(staged / layout.JOURNAL):
        return ""
    missing = staged / layout.JOURNAL if remembered else work / layout.REMEMBERED
    has_attempts = any(work.glob("attempt-*")) or any(work.glob("scratch-*"))
    return f"the file {missing}" if has_attempts or not remembered else ""


def _sentence(text: str) -> str:
    return one_line(text, MAX_SENTENCE_CHARS)


def _read(work: Path) -> tuple[list[JournalEvent], StopRecord | None]:
    try:
        with SafeDirectory(work) as folder:
            stop = _stop(_tail(folder, layout.STOPPED, limits.RESERVE_BYTES))
            journal = _tail(folder, f"{layout.STAGED}/{layout.JOURNAL}", TAIL_BYTES)
    except OSError:
        return [], None
    return list(_events(journal)), stop


def _tail(folder: SafeDirectory, name: str, limit: int) -> bytes:
    """The last bytes of a file; empty where it cannot be opened."""
    try:
        with folder.open(name) as handle:
            size_bytes = os.fstat(handle).st_size
            os.lseek(handle, max(0, size_bytes - limit), os.SEEK_SET)
            return os.read(handle, limit)
    except OSError:
        return b""


def _stop(data: bytes) -> StopRecord | None:
    try:
        return decode(StopRecord, jsonio.load_document(data))
    except MalformedError:
        return None


def _events(data: bytes) -> Iterator[JournalEvent]:
    """The events that can be read. The chain is not checked: nothing is proven by them here."""
    for line in data.split(b"\n"):
        try:
            yield decode(JournalEvent, jsonio.load_document(line))
        except MalformedError:
            continue


def _where(events: list[JournalEvent]) -> str:
    """Where in its life the run was; empty where that is not known."""
    last = next((event for event in reversed(events) if event.event != "recovered"), None)
    if last is None:
        return "before anything was recorded"
    if last.event == "sealing" or (last.event == "captured" and last.data.get("moment") == "end"):
        return "while it was being sealed"
    if last.attempt is None:
        return "before its first attempt"
    if last.event == "attempt-finished":
        return f"after attempt {last.attempt}"
    return _in_attempt(last.attempt, events)


def _in_attempt(attempt: str, events: list[JournalEvent]) -> str:
    own = [event for event in reversed(events) if event.attempt == attempt]
    last = next((event for event in own if "stage" in event.data), None)
    if last is None:
        return f"at the beginning of attempt {attempt}"
    stage = last.data["stage"]
    if last.event == "stage-finished":
        return f"after the {stage} stage of attempt {attempt}"
    note = next((kind.stopped for kind in kinds() if kind.name == stage), "")
    if note:
        return f"in the {stage} stage of attempt {attempt} ({note})"
    saved = [one for one in own if one.event == "checkpoint" and one.data.get("stage") == stage]
    step = next((event.data.get("step") for event in saved), None)
    note = f" (last checkpoint: step {step})" if step is not None else ""
    return f"in the {stage} stage of attempt {attempt}{note}"
