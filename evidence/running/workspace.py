"""The folder of a run that is not sealed yet, and what it must remember to survive a kill.

Responsible for runs/.work/<id>/: `pack/` becomes the pack; beside it lie checkpoints and what a
later process needs to go on (`memory`). Nothing beside `pack/` is ever sealed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from evidence import layout, limits
from evidence.attempt.attempt import AttemptResult
from evidence.attempt.kept import read_kept
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.errors import DurabilityError, MalformedError, UsageError
from evidence.pack.journal import utc_now
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, OutcomeRecord, StopRecord
from evidence.system.durable import make_folder, move, remove, reserve, write_file, write_reserved
from evidence.system.entries import read_regular, type_of
from evidence.text import endings

ENDED: Final = "ended.json"
"""Beside the checkpoints of an attempt: its outcome, if nobody goes on with it."""


class Workspace(Record):
    """The folders of an unsealed run."""

    work: Path

    @property
    def staging(self) -> Path:
        """What becomes the pack."""
        return self.work / layout.STAGED

    @property
    def milestone_copy(self) -> Path:
        """The milestone file a second time: nothing can be closed without it."""
        return self.work / layout.MILESTONE

    @property
    def weights(self) -> Path:
        """Where weights are kept that no pack will hold."""
        return self.work.parent / layout.WEIGHTS_KEPT / self.work.name

    @property
    def runs(self) -> Path:
        """The folder of packs."""
        return self.work.parent.parent

    @contextmanager
    def created(self) -> Iterator[None]:
        """Make the folder, and keep room on disk for one last record; the block does the rest.

        Raises UsageError, and leaves nothing, where there is no room for that much.
        """
        try:
            make_folder(self.staging)
            self.reserve_room()
            yield
        except DurabilityError as error:
            with suppress(DurabilityError):
                self.remove()
            raise UsageError(f"{error.message}; nothing was started", hint=error.hint) from error

    def reserve_room(self) -> None:
        """Reserve the blocks of `write_stop`, in a file that nobody else has a name for."""
        remove(self.work / layout.RESERVE)
        reserve(self.work / layout.RESERVE, limits.RESERVE_BYTES)

    def write_stop(self, record: StopRecord) -> None:
        """Say why the run stops here. Uses up the room that was kept."""
        data = jsonio.dump_document(encode(record))
        write_reserved(self.work / layout.RESERVE, self.work / layout.STOPPED, data)

    def read_stop(self) -> StopRecord:
        """Why the process before this one stopped; `killed` where it could not say."""
        try:
            data = read_regular(self.work / layout.STOPPED)
            return decode(StopRecord, jsonio.load_document(data))
        except (OSError, MalformedError):
            return StopRecord("killed", endings.NO_REASON_LEFT, utc_now())

    def write_published(self, root_sha256: str) -> None:
        """Say what is about to be published: once it is, the rest of this folder is a leftover."""
        data = jsonio.dump_document({"root_sha256": root_sha256})
        write_file(self.work / layout.PUBLISHED, data)

    def forget_stop(self) -> None:
        """The journal has it now."""
        remove(self.work / layout.STOPPED)

    @property
    def is_run(self) -> bool:
        """Whether a run was begun here and not published. Anything else is a leftover."""
        return layout.is_unfinished(self.work)

    @property
    def is_being_closed(self) -> bool:
        """Whether a process began to move away what is damaged: nothing is as it was by now."""
        try:
            read_kept(self.work / layout.CLOSING)
        except (OSError, MalformedError):
            return False
        return True

    def output(self, plan: AttemptPlan) -> Path:
        """Evidence of an attempt under way."""
        return self.work / f"attempt-{plan.number:02d}-{plan.name}"

    def scratch(self, plan: AttemptPlan) -> Path:
        """Checkpoints of an attempt under way."""
        return self.scratch_named(plan.number, plan.name)

    def scratch_named(self, number: int, name: str) -> Path:
        """The same, of an attempt that the journal names."""
        return self.work / f"scratch-{number:02d}-{name}"

    def place_evidence(self, plan: AttemptPlan, *, completed: bool) -> None:
        """Put an attempt's evidence where the pack wants it. Doing it twice changes nothing."""
        output = self.output(plan)
        if output.exists():
            if completed:
                for path in sorted(output.iterdir()):
                    move(path, self.staging / path.name)
                remove(output)
            else:
                of_stages = sorted(output.glob(f"{layout.STAGES}/*/{layout.FINAL_MODEL}"))
                for model in (output / layout.FINAL_MODEL, *of_stages):
                    remove(model)
                _drop_empty(output)
                folder = self.staging / layout.attempt_dir(plan.number, plan.name)
                make_folder(folder.parent)
                move(output, folder)
        if not completed:
            # What the workers of a completed attempt reported is needed until the pack is sealed.
            remove(self.scratch(plan))

    def outcome(self, plan: AttemptPlan, result: AttemptResult) -> dict[Path, bytes]:
        """outcome.json of an attempt that did not complete, by where it is to lie."""
        return {self.output(plan) / "outcome.json": jsonio.dump_document(encode(result.record))}

    def keep_ended(self, plan: AttemptPlan, record: OutcomeRecord) -> None:
        """How the last worker of an attempt ended that can go on."""
        write_file(self.scratch(plan) / ENDED, jsonio.dump_document(encode(record)))

    def forget_ended(self, plan: AttemptPlan) -> None:
        """Another worker is about to begin."""
        remove(self.scratch(plan) / ENDED)

    def read_ended(self, plan: AttemptPlan) -> OutcomeRecord | None:
        """How the last worker ended; None where one is not known to have been lost."""
        try:
            data = read_regular(self.scratch(plan) / ENDED)
            return decode(OutcomeRecord, jsonio.load_document(data))
        except (OSError, MalformedError):
            return None

    def remove(self) -> None:
        """Nothing of the work is needed any more: the run is published, or never began."""
        remove(self.work)


def _drop_empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        empty = not any(path.iterdir()) if path.is_dir() else path.stat().st_size == 0
        if empty:
            remove(path)


def free_name(path: Path) -> Path:
    """The path where nothing is, with a number behind it where something is."""
    found, number = path, 1
    while type_of(found) is not None:
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def retired(place: Path, label: str) -> Path | None:
    """Move a folder to a name of its own, for good; where it lies then, if it was there at all."""
    if type_of(place) is None:
        return None
    target = free_name(place.with_name(f"{place.name}-{label}"))
    move(place, target)
    return target
