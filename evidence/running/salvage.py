"""A run whose files are not as it wrote them, or cannot be sealed: closed all the same.

Responsible for a pack that says so. What is as it was written at the start stays in its place;
everything else is set aside unread, below damaged/, and named in a new journal; a document that
was lost is there as one in which nothing is known. Whatever is wrong, there is such a pack.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from evidence import __version__, layout, limits
from evidence.capture.environ import env_snapshot
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_hex, sha256_stream
from evidence.errors import EvidenceError, MalformedError, UsageError
from evidence.milestone.parse import load_milestone, parse_milestone
from evidence.pack import journal, lost
from evidence.pack.journal import Journal, continued_clock
from evidence.records.availability import Unavailable
from evidence.records.capture import EnvironmentRecord, GitRecord, HardwareRecord, PackagesRecord
from evidence.records.hollow import hollow
from evidence.records.milestone import AllowSpec, Milestone
from evidence.records.record import Record
from evidence.records.run import DamagedFile, DamagedRecord, ParentRecord
from evidence.running.damage import Damage
from evidence.running.finish import remove_derived, withheld_document
from evidence.running.memory import recall
from evidence.running.observation import journal_state
from evidence.running.unfinished_run import newly_allowed
from evidence.running.workspace import Workspace
from evidence.stages.registry import schema_for
from evidence.system.durable import make_folder, move, remove, write_file
from evidence.text.escape import one_line
from evidence.verification.reading.schemas import document_problems
from evidence.verification.ruleset import RULESET

R = TypeVar("R", bound=Record)

MAX_NAMED: Final = 1000
"""Damaged files that the journal names; more are counted."""
_MAX_REASON_CHARS: Final = 500
_JOURNAL: Final = f"{layout.STAGED}/{layout.JOURNAL}"
_WITH_THE_REST: Final = "set aside with the rest"
_KEPT_IN_PLACE: Final = (
    *(path for path in lost.DOCUMENTS if path != layout.FROZEN),
    layout.GIT,
    layout.ENV_SNAPSHOT,
    layout.GPU_SNAPSHOT,
    layout.PATCH,
    layout.NOTES,
)
"""What was written at the start and needs nothing else to be understood."""


class _Closing(Record):
    """What the journal of the closing is made of."""

    milestone: Milestone
    source: bytes
    allowed: tuple[AllowSpec, ...]
    git: GitRecord
    begun: bytes
    """The first events of the run's own journal; empty where these are lost."""


def salvage(
    root: Path,
    space: Workspace,
    milestone_id: str,
    damages: tuple[Damage, ...],
    spoilt: frozenset[str] | None,
) -> tuple[ParentRecord, ...]:
    """Make the staged pack one of a failed run of which some was lost; its parents.

    `spoilt`: paths in the pack that cannot be sealed, though nobody changed them; None: all of
    them. Doing it twice keeps what was set aside before. Raises UsageError where no milestone file
    is to be had.
    """
    remove_derived(space.staging)
    if is_salvaged(space):
        remove(space.staging / layout.JOURNAL)
    source, milestone = _milestone(root, space, milestone_id)
    write_file(space.staging / layout.MILESTONE, source)
    parents = parents_of(space)
    reasons = {one.path: one.reason for one in damages}
    not_kept = {*reasons, *(_KEPT_IN_PLACE if spoilt is None else spoilt)}
    kept = {path for path in _KEPT_IN_PLACE if _is_whole(space, path, not_kept)}
    git = _git(space, kept)
    closing = _Closing(
        milestone=milestone,
        source=source,
        allowed=newly_allowed(root, milestone, ()),
        git=git,
        begun=_beginning(space, source, git) if _JOURNAL not in reasons else b"",
    )
    files, num_left_out = _set_aside(space, kept, reasons)
    missing = [path for path in lost.DOCUMENTS if path not in kept]
    for path in missing:
        write_file(space.staging / path, lost.in_its_place(path))
    _complete(space, milestone, kept, git)
    damaged = DamagedRecord(files, num_left_out, tuple(missing), begins_anew=not closing.begun)
    _write_journal(space, closing, damaged)
    return parents


def is_salvaged(space: Workspace) -> bool:
    """Whether what is staged was made by `salvage`, and only has to be sealed."""
    try:
        events = tuple(journal.read((space.staging / layout.JOURNAL).read_bytes()))
    except (OSError, EvidenceError):
        return False
    return any(one.event == "damaged" for one in events)


def _milestone(root: Path, space: Workspace, milestone_id: str) -> tuple[bytes, Milestone]:
    """The milestone file of the run, from the first place where it can be read."""
    for path in (space.staging / layout.MILESTONE, space.milestone_copy):
        try:
            source = path.read_bytes()
            milestone = parse_milestone(source)
        except (OSError, EvidenceError):
            continue
        if milestone.id == milestone_id:
            return source, milestone
    try:
        milestone, source = load_milestone(layout.milestone_file(root, milestone_id))
    except EvidenceError as error:
        raise UsageError(
            f"both copies of the milestone file in {space.work} are damaged, and the project's "
            f"own cannot be read: {error.message}",
            hint=f"Put it back as {layout.milestone_file(root, milestone_id)}, then close the run.",
        ) from error
    return source, milestone


def parents_of(space: Workspace) -> tuple[ParentRecord, ...]:
    """Packs that the run is made from, as far as that is known."""
    try:
        return recall(space.work).parents
    except MalformedError:
        return ()


def _is_whole(space: Workspace, path: str, damaged: set[str]) -> bool:
    """Whether a file of the start is there as it was written, and can be sealed."""
    place = space.staging / path
    if f"{layout.STAGED}/{path}" in damaged or path in damaged:
        return False
    try:
        if place.is_symlink() or not place.is_file():
            return False
        data = place.read_bytes()
        if _is_ours(space, place):
            return False
        if schema_for(path) is None:
            data.decode("utf-8")
            return True
        return len(data) <= limits.MAX_JSON_BYTES and not any(document_problems(path, data))
    except (OSError, UnicodeDecodeError):
        return False


def _set_aside(
    space: Workspace, kept: set[str], reasons: dict[str, str]
) -> tuple[tuple[DamagedFile, ...], int]:
    """Move everything else below damaged/; what was moved, and how much was not named."""
    found: list[DamagedFile] = []
    num_left_out = 0
    for place in list(_to_set_aside(space, kept)):
        name = place.relative_to(space.work).as_posix()
        inside = name.removeprefix(f"{layout.STAGED}/{layout.DAMAGED}/")
        if _is_ours(space, place):
            continue
        if len(found) == MAX_NAMED:
            remove(place)
            num_left_out += 1
            continue
        reason = one_line(reasons.pop(inside, _WITH_THE_REST), _MAX_REASON_CHARS)
        found.append(_moved(space, place, inside, reason))
    for name, reason in reasons.items():  # what is gone
        found.append(DamagedFile(name, one_line(reason, _MAX_REASON_CHARS), None, None, None))
    for folder in (layout.ATTEMPTS, layout.FINAL_MODEL.partition("/")[0], layout.PLOTS):
        remove(space.staging / folder)
    first = sorted(found, key=lambda one: (one.reason == _WITH_THE_REST, one.path))
    return tuple(first), num_left_out


def _is_ours(space: Workspace, path: Path) -> bool:
    """Whether a document is one that stands in the place of a lost one."""
    name = path.relative_to(space.staging).as_posix() if path.is_relative_to(space.staging) else ""
    return name in lost.DOCUMENTS and path.read_bytes() == lost.in_its_place(name)


def _to_set_aside(space: Workspace, kept: set[str]) -> Iterator[Path]:
    """Every file that does not stay: of the pack, and of attempts that were under way."""
    stays = {space.staging / path for path in (*kept, layout.MILESTONE)}
    folders = [space.staging, *sorted(space.work.glob("attempt-*"))]
    for folder in folders:
        model = folder / layout.FINAL_MODEL
        remove(model)  # as of every attempt that did not complete
        for path in sorted(folder.rglob("*")):
            if path not in stays and (path.is_symlink() or not path.is_dir()):
                yield path
    remembered = space.work / layout.REMEMBERED
    if remembered.exists() and not _can_be_recalled(space):
        yield remembered


def _can_be_recalled(space: Workspace) -> bool:
    try:
        recall(space.work)
    except MalformedError:
        return False
    return True


def _moved(space: Workspace, place: Path, name: str, reason: str) -> DamagedFile:
    """Move one file below damaged/; what no pack can hold is removed, and said."""
    kept_as = f"{layout.DAMAGED}/{name}"
    fits = (
        layout.SEALED_PATH.fullmatch(kept_as) is not None
        and len(kept_as.encode()) <= limits.MAX_PATH_BYTES
        and kept_as.count("/") < limits.MAX_DEPTH
        and place.is_file()
        and not place.is_symlink()
    )
    if not fits:
        remove(place)
        shown = one_line(name, _MAX_REASON_CHARS // 2)
        return DamagedFile(shown, f"{reason}; no pack can hold it", None, None, None)
    target = space.staging / kept_as
    if target != place:
        number = 1
        while target.exists():
            number += 1
            kept_as = f"{layout.DAMAGED}/{name}.{number}"
            target = space.staging / kept_as
        make_folder(target.parent)
        move(place, target)
    with target.open("rb", buffering=0) as stream:
        sha256, size_bytes = sha256_stream(stream)
    return DamagedFile(name, reason, kept_as, sha256, size_bytes)


def _read(kind: type[R], path: Path) -> R:
    return decode(kind, jsonio.load_document(path.read_bytes()))


def _git(space: Workspace, kept: set[str]) -> GitRecord:
    """git.json as far as it is known: of the end nothing is."""
    no = Unavailable(lost.WHY)
    if layout.GIT in kept:
        found = _read(GitRecord, space.staging / layout.GIT)
    else:
        found = hollow(GitRecord, lost.WHY)
    has_patch = layout.PATCH in kept and not isinstance(found.patch_sha256, Unavailable)
    return replace(
        found,
        inputs=found.inputs if layout.INPUTS in kept else None,
        end=no,
        changed_during_run=no,
        patch_sha256=found.patch_sha256 if has_patch else no,
    )


def _complete(space: Workspace, milestone: Milestone, kept: set[str], git: GitRecord) -> None:
    """Write what every pack has and was not kept."""
    staging = space.staging

    write_file(staging / layout.GIT, jsonio.dump_document(encode(git)))
    if layout.ENV_SNAPSHOT not in kept:
        text = env_snapshot(
            _read(EnvironmentRecord, staging / layout.ENVIRONMENT),
            _read(HardwareRecord, staging / layout.HARDWARE),
            git,
            _read(PackagesRecord, staging / layout.PACKAGES),
        )
        write_file(staging / layout.ENV_SNAPSHOT, text.encode("utf-8"))
    if layout.GPU_SNAPSHOT not in kept:
        write_file(staging / layout.GPU_SNAPSHOT, f"{lost.WHY}\n".encode())
    if isinstance(git.patch_sha256, Unavailable):
        remove(staging / layout.PATCH)
    for path, data in withheld_document(staging, milestone).items():
        write_file(staging / path, data)


def _beginning(space: Workspace, source: bytes, git: GitRecord) -> bytes:
    """The first events of the run's own journal; empty where they do not tell of this run."""
    lines = _bytes_of(space.staging / layout.JOURNAL).split(b"\n")[:2]
    data = b"".join(line + b"\n" for line in lines)
    try:
        first, second = journal.read(data)
    except (EvidenceError, ValueError):
        return b""
    commit = git.start if isinstance(git.start, Unavailable) else git.start.commit
    told = (first.event, first.data.get("milestone_sha256"), second.event)
    ours = told == ("run-started", sha256_hex(source), "captured")
    return data if ours and second.data.get("commit") == encode(commit) else b""


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _write_journal(space: Workspace, closing: _Closing, damaged: DamagedRecord) -> None:
    """A journal that says no more of the run than how it began, and that it was closed."""
    stopped = space.read_stop()
    path = space.work / layout.JOURNAL
    write_file(path, closing.begun)
    with Journal(path, continued_clock(tuple(journal.read(closing.begun)))) as written:
        if not closing.begun:
            written.record(
                "run-started",
                milestone=closing.milestone.id,
                milestone_sha256=sha256_hex(closing.source),
                tool_version=__version__,
                ruleset=RULESET,
            )
            journal_state(written, "start", closing.git.start)
        written.record(
            "recovered",
            after=stopped.kind,
            reason=stopped.reason,
            from_step=None,
            num_step_rows_cut=0,
            num_predictions_cut=0,
            num_incomplete_bytes=0,
            allowed=encode(closing.allowed),
        )
        written.record("damaged", **encode(damaged))
        journal_state(written, "end", closing.git.end)
        written.record("sealing", status="failed")
    move(path, space.staging / layout.JOURNAL)  # whole at once: it says that this was done
