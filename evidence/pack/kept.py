"""What a pack says of checkpoints that lie beside it: which were kept, and by which digest.

Responsible for the digest of a checkpoint as a whole, for its folder's name and for reading the
journal's event. Moving them is `running`'s, looking for them `reproduce`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.encoding.codec import decode
from evidence.encoding.digest import combine
from evidence.records.inputs import FileDigest
from evidence.records.run import JournalEvent, KeptCheckpoint, LostCheckpoint

EVENT: Final = "checkpoints-kept"
_SHORT: Final = 12


def files_of(event: JournalEvent) -> tuple[FileDigest, ...]:
    """The files that a `checkpoint` event names."""
    return decode(tuple[FileDigest, ...], event.data["files"])


def digest_of(files: Iterable[FileDigest]) -> str:
    """One digest of a whole checkpoint: the SHA-256 of what `sha256sum` prints of its files,
    sorted by digest."""
    return combine((one.path, one.sha256) for one in files)


def saved_after(events: Iterable[JournalEvent], attempt: str | None) -> dict[int, JournalEvent]:
    """The last `checkpoint` event of each step of an attempt."""
    own = (one for one in events if one.event == "checkpoint" and one.attempt == attempt)
    return {one.data["step"]: one for one in own}


def event_in(events: Iterable[JournalEvent]) -> JournalEvent | None:
    """The event that says what was kept; None where nothing was asked for, or the run failed."""
    return next((one for one in events if one.event == EVENT), None)


def kept_in(events: Iterable[JournalEvent]) -> tuple[KeptCheckpoint, ...]:
    """The checkpoints that were kept."""
    event = event_in(events)
    return () if event is None else decode(tuple[KeptCheckpoint, ...], event.data["kept"])


def lost_in(events: Iterable[JournalEvent]) -> tuple[LostCheckpoint, ...]:
    """Those that were asked for, and were not."""
    event = event_in(events)
    return () if event is None else decode(tuple[LostCheckpoint, ...], event.data["not_kept"])


def folder_of(runs: Path, milestone_id: str, one: KeptCheckpoint) -> Path:
    """Where a checkpoint lies, named by its bytes: whichever pack is asked for it, of a run that
    was archived too, finds its own."""
    return runs / layout.CHECKPOINTS_KEPT / milestone_id / f"step-{one.step}-{one.sha256[:_SHORT]}"
