"""Settings of the command line, from `--set` to the run that goes on with those it began with.

Responsible for the milestone of a run as its work folder has it, and for refusing other settings
than a run began with. What a setting does to a milestone is `milestone.overrides`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evidence import layout
from evidence.encoding.codec import decode, encode
from evidence.errors import EvidenceError, UsageError
from evidence.milestone.effective import effective, overrides_in, with_settings
from evidence.milestone.overrides import said, settings_of
from evidence.pack import journal
from evidence.records.milestone import Milestone
from evidence.records.overrides import OverrideRecord, Setting
from evidence.running.workspace import Workspace
from evidence.system.entries import read_regular
from evidence.text import commands


def staged_overrides(space: Workspace) -> tuple[OverrideRecord, ...]:
    """What the run began with. Raises MalformedError where it is not as it was written."""
    data = _sealed(space.staging)
    return () if data is None else overrides_in(data)


def staged_milestone(space: Workspace) -> Milestone:
    """The milestone that the run follows. Raises MalformedError where it cannot be read."""
    source = (space.staging / layout.MILESTONE).read_bytes()
    return effective(source, _sealed(space.staging))


def overrides_to_close_with(
    space: Workspace, source: bytes, begun: bytes, *, whole: bool
) -> tuple[OverrideRecord, ...]:
    """What a run with damaged files began with: as its journal says, or else its document.

    `begun`: the first events of its journal, where these are whole; `whole`: the document is. None
    where neither is, and where they do not fit the file: then its damage is all that is told.
    """
    try:
        if begun:
            said_first = next(journal.read(begun)).data.get("overrides", [])
            return decode(tuple[OverrideRecord, ...], said_first)
        found = staged_overrides(space) if whole else ()
        made = with_settings(source, settings_of(found))[1]
    except (EvidenceError, OSError):
        return ()
    return found if made.overrides == found else ()


def _sealed(staging: Path) -> bytes | None:
    path = staging / layout.OVERRIDES
    return read_regular(path) if path.exists() else None


def set_by(overrides: tuple[OverrideRecord, ...]) -> dict[str, Any]:
    """What was set on the command line, where anything was."""
    return {"overrides": encode(overrides)} if overrides else {}


def refuse_settings_to_close(settings: Sequence[Setting]) -> None:
    """A run that is closed computes nothing any more."""
    if settings:
        raise UsageError(
            "a run is closed with what there is: it takes no --set",
            hint="Leave out --set, or go on with the run: --resume",
        )


def refuse_other_settings(
    space: Workspace, asked: Sequence[Setting], milestone_id: str, root: Path
) -> None:
    """Raise UsageError where a run is asked to go on with other settings than it began with.

    None asked for: those it began with. What cannot be read is said as damage, later.
    """
    if not asked:
        return
    try:
        began = staged_overrides(space)
    except (EvidenceError, OSError):
        return
    if {one.key: one.value for one in began} == {one.key: one.value for one in asked}:
        return
    with_what = ", ".join(map(said, began)) if began else "without --set"
    resume = commands.run(milestone_id, space.runs, "--resume", root=root)
    close = commands.run(milestone_id, space.runs, "--close", root=root)
    raise UsageError(
        f"the run began {'with ' if began else ''}{with_what}, and goes on so; it was asked for: "
        + ", ".join(map(said, asked)),
        hint=f"Nothing was touched. Go on as it began: {resume}\n"
        f"  Or seal it as failed, and begin another: {close}",
    )
