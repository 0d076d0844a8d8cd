"""What the summary says of checkpoints that lie beside the pack: which, and by which digest."""

from __future__ import annotations

from pathlib import Path

from evidence import layout
from evidence.pack import kept
from evidence.pack.documents import Documents
from evidence.records.run import KeptCheckpoint
from evidence.text import formatting, marked


def kept_checkpoints(documents: Documents) -> list[str]:
    """A sentence of each that was asked for, with the line of the journal that tells of it."""
    event = kept.event_in(documents.journal)
    if event is None:
        return []
    place = marked.code(f"{layout.JOURNAL}#L{event.seq + 1}")
    own, others = kept.kept_in((event,)), kept.lost_in((event,))
    found = [(one.step, _kept(documents, one)) for one in own]
    found += [
        (one.step, f"The checkpoint after step {one.step} is not kept: {marked.inline(one.reason)}")
        for one in others
    ]
    return [f"{text} ({place})" for _, text in sorted(found)]


def _kept(documents: Documents, one: KeptCheckpoint) -> str:
    where = kept.folder_of(Path(layout.RUNS), documents.milestone.id, one).as_posix()
    return (
        f"The checkpoint after step {one.step}: {marked.code(where)}, "
        f"{formatting.size(one.size_bytes)}, digest {marked.code(one.sha256)}"
    )
