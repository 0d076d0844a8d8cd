"""What a run leaves in its work folder, and where each of it lies by now.

Responsible for the names alone, from the plan, the journal and what the run remembered of itself;
no file is looked at. `damage` holds what is there against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

from msgspec import field

from evidence import layout
from evidence.encoding.codec import decode
from evidence.pack import lost
from evidence.records.inputs import FileDigest
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, JournalEvent
from evidence.running.memory import FileState, KeptFile, Remembered
from evidence.stages.kind import Kind
from evidence.stages.stage import Stage, stages_of
from evidence.system.durable import PARTIAL

AT_THE_START: Final = (
    *(path for path in lost.DOCUMENTS if path != layout.FROZEN),
    layout.GIT,
    layout.ENV_SNAPSHOT,
    layout.GPU_SNAPSHOT,
    layout.PATCH,
    layout.NOTES,
    layout.OVERRIDES,
    layout.PARENTS,
)
"""What is written at the start and needs nothing else to be understood."""
BESIDE: Final = (
    layout.MILESTONE,
    layout.REMEMBERED,
    layout.RESERVE,
    layout.STOPPED,
    layout.PUBLISHED,
)
"""Beside what becomes the pack, and never sealed."""
DERIVED: Final = (
    layout.SUMS,
    layout.MANIFEST,
    layout.RESULTS,
    layout.RENDERED,
    layout.REPORT,
)
"""Computed from everything else when a run is sealed, but for the summary and its plots."""
_OUTCOME: Final = "outcome.json"
_PARTIAL: Final = f".*.[0-9]*{PARTIAL}"


class Expected(Record):
    """Names below the work folder."""

    kept: dict[str, KeptFile] = field(default_factory=dict)
    """Files whose bytes are known, by where they lie, or lay."""
    may: set[str] = field(default_factory=set)
    """Files that may be there, and of which no more is known."""
    trees: set[str] = field(default_factory=set)
    """Folders in which a run or its worker may leave any file."""
    emptied: set[str] = field(default_factory=set)
    """Folders whose files were moved out, and which are about to be removed."""
    exact: dict[str, frozenset[str]] = field(default_factory=dict)
    """Of some folders in these, every file that was left there."""

    def folders(self) -> frozenset[str]:
        """Every folder that something of this lies in."""
        exact = (one for names in self.exact.values() for one in names)
        names = {*self.trees, *self.kept, *self.may, *exact}
        above = {str(one) for name in names for one in PurePosixPath(name).parents}
        return frozenset((above | self.trees | self.emptied) - {"."})

    def has(self, name: str) -> bool:
        """Whether a run may leave a file of this name."""
        for folder, names in self.exact.items():
            if name.startswith(f"{folder}/"):
                return name in names
        return (
            name in self.kept
            or name in self.may
            or any(name.startswith(f"{tree}/") for tree in self.trees)
            or is_partial(name)
        )


def is_partial(name: str) -> bool:
    """Whether a process that was killed was writing this: it is removed before all else."""
    return any(fnmatchcase(part, _PARTIAL) for part in name.split("/"))


def expected(
    facts: Remembered,
    plans: tuple[AttemptPlan, ...],
    events: tuple[JournalEvent, ...],
    there: Collection[str],
    milestone: Milestone,
) -> Expected:
    """What may be in the work folder, where these names are there."""
    found = Expected(may={*BESIDE, f"{layout.STAGED}/{layout.JOURNAL}"})
    told = {event.event for event in events}
    end_observed = any(one.event == "captured" and one.data["moment"] == "end" for one in events)
    of_attempts = tuple(f"{_output(plan)}/" for plan in plans)
    for name, kept in facts.files.items():
        if not name.startswith(of_attempts):
            settled = end_observed and name.startswith(f"{layout.STAGED}/")
            found.kept[name] = KeptFile(
                kept.grows, kept.states, may_lack=kept.may_lack and not settled
            )
    if not facts.observed:
        start = (*AT_THE_START, layout.WITHHELD, layout.FROZEN)
        found.may.update(f"{layout.STAGED}/{name}" for name in start)
    if "sealing" in told:
        derived = (*DERIVED, layout.summary_name(milestone.id))
        found.may.update(f"{layout.STAGED}/{name}" for name in derived)
        found.trees.add(f"{layout.STAGED}/{layout.PLOTS}")
    for plan in plans:
        own = [one for one in events if one.attempt == plan.name]
        _add_attempt(found, plan, own, facts.files, there, stages_of(milestone))
    return found


def _output(plan: AttemptPlan) -> str:
    return f"attempt-{plan.number:02d}-{plan.name}"


def _add_attempt(
    found: Expected,
    plan: AttemptPlan,
    events: list[JournalEvent],
    files: Mapping[str, KeptFile],
    there: Collection[str],
    stages: Sequence[Stage],
) -> None:
    output, scratch = _output(plan), f"scratch-{plan.number:02d}-{plan.name}"
    if not events:
        return
    found.trees.add(scratch)
    for stage in stages:
        own = events_of(stage, events)
        place = f"{scratch}/{stage.name}" if stage.is_named else scratch
        for step, names in checkpoints(own, [stage.name] if stage.kind.resumes else ()).items():
            folder = f"{place}/checkpoint-{step}"
            if folder in there:
                found.exact[folder] = frozenset(f"{folder}/{name}" for name in names)
    for inside, kept in _known(plan, events, files, stages):
        found.kept[_place(plan, events, inside, there)] = _as_by_now(kept, events)
    if _ended(events):
        found.emptied.add(output)
        if not _completed(events) and output in there:
            for stage in stages:  # about to be removed
                if stage.kind.weights_folder:
                    found.trees.add(f"{output}/{stage.path(stage.kind.weights_folder)}")
            found.trees.add(f"{layout.STAGED}/{layout.ATTEMPTS}")
        return
    found.may.update(f"{output}/{name}" for name in (layout.TELEMETRY, layout.WORKER, _OUTCOME))
    for stage in stages:
        _add_stage(found, output, stage)


def _add_stage(found: Expected, output: str, stage: Stage) -> None:
    """What a stage of an attempt under way may have written."""
    found.may.update(f"{output}/{stage.path(name)}" for name in _files_of(stage.kind))
    if stage.kind.folder:
        found.trees.add(f"{output}/{stage.path(stage.kind.folder)}")
    weights = f"{output}/{stage.path(stage.kind.weights_folder)}"
    if stage.kind.weights_folder and not any(n.startswith(f"{weights}/") for n in found.kept):
        found.trees.add(weights)


def events_of(stage: Stage, events: Iterable[JournalEvent]) -> list[JournalEvent]:
    """Those of an attempt that are of one stage, or, where it is the only one of its kind, of
    none: what follows from them is asked of its kind."""
    return [one for one in events if not stage.is_named or one.data.get("stage") == stage.name]


def checkpoints(events: list[JournalEvent], resuming: Collection[str]) -> dict[int, frozenset[str]]:
    """Files of each checkpoint that was whole, by its step; none that may have been begun anew."""
    found: dict[int, frozenset[str]] = {}
    for event in events:
        if event.event == "stage-started" and event.data["stage"] in resuming:
            last = event.data["resumed_from_step"] or 0
            found = {step: names for step, names in found.items() if step <= last}
        if event.event == "checkpoint":
            files = decode(tuple[FileDigest, ...], event.data["files"])
            found[event.data["step"]] = frozenset(one.path for one in files)
    return found


def _known(
    plan: AttemptPlan,
    events: list[JournalEvent],
    files: Mapping[str, KeptFile],
    stages: Sequence[Stage],
) -> Iterator[tuple[str, KeptFile]]:
    """Files of an attempt whose bytes are known, by their paths in its own folder."""
    output = f"{_output(plan)}/"
    for name, kept in files.items():
        if name.startswith(output):
            yield name.removeprefix(output), kept
    for stage in stages:
        yield from final_model(stage, events)


def final_model(stage: Stage, events: list[JournalEvent]) -> Iterator[tuple[str, KeptFile]]:
    """The model of an attempt that trained it to the end, and did not fail later."""
    finished = {one.data.get("stage") for one in events if one.event == "stage-finished"}
    saved = [one for one in events_of(stage, events) if one.event == "final-model"]
    trained = stage.kind.weights_folder and stage.name in finished
    if not trained or not saved or (_ended(events) and not _completed(events)):
        return
    for file in decode(tuple[FileDigest, ...], saved[-1].data["files"]):
        state = FileState(file.size_bytes, file.sha256)
        yield stage.path(file.path), KeptFile(grows=False, states=(state,))


def _place(
    plan: AttemptPlan, events: list[JournalEvent], inside: str, there: Collection[str]
) -> str:
    """Where a file of an attempt lies, or would: one that ended is moved into the pack."""
    before = f"{_output(plan)}/{inside}"
    if not _ended(events):
        return before
    if _completed(events):
        place, first = f"{layout.STAGED}/{inside}", f"{layout.STAGED}/{inside.partition('/')[0]}"
    else:
        first = f"{layout.STAGED}/{layout.attempt_dir(plan.number, plan.name)}"
        place = f"{first}/{inside}"
    not_moved_yet = first not in there and _output(plan) in there
    return before if not_moved_yet else place


def _as_by_now(kept: KeptFile, events: list[JournalEvent]) -> KeptFile:
    """What is known of a file by the state of its attempt: once that is over, nothing grows, and
    nothing is about to be written."""
    if not _ended(events):
        return kept
    if _completed(events):
        return KeptFile(grows=False, states=kept.states)
    emptied = any(one.size_bytes == 0 for one in kept.states)  # what is empty is dropped
    return KeptFile(kept.grows, kept.states, may_lack=emptied)


def _files_of(kind: Kind) -> Iterator[str]:
    yield kind.log
    yield from (one.path for one in kind.documents)
    if kind.rows is not None:
        yield kind.rows.path


def _ended(events: list[JournalEvent]) -> bool:
    return any(one.event == "attempt-finished" for one in events)


def _completed(events: list[JournalEvent]) -> bool:
    return any(
        one.event == "attempt-finished" and one.data["outcome"] == "completed" for one in events
    )
