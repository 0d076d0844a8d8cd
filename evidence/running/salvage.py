"""A run whose files are not as it wrote them, or cannot be sealed: closed all the same.

Responsible for a pack that says so. What is as it was written at the start stays in its place;
everything else is moved unread, below damaged/ (`moving`), and named in a new journal; a document
that was lost is there as one in which nothing is known. Whatever is wrong, there is such a pack,
and whoever is interrupted begins again where it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from evidence import __version__, layout, limits
from evidence.attempt.kept import read_kept, write_kept
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import EvidenceError, MalformedError, UsageError
from evidence.milestone.effective import sealed_as, with_settings
from evidence.milestone.overrides import settings_of
from evidence.milestone.parse import load_milestone, parse_milestone
from evidence.pack import journal, lost
from evidence.pack.commitments import commitment_documents
from evidence.pack.journal import Journal, continued_clock
from evidence.publish.runs_folder import ignore_rows
from evidence.records.availability import Unavailable
from evidence.records.capture import EnvironmentRecord, GitRecord, HardwareRecord, PackagesRecord
from evidence.records.hollow import hollow
from evidence.records.milestone import AllowSpec, Milestone
from evidence.records.overrides import OverrideRecord
from evidence.records.record import Record
from evidence.records.run import DamagedRecord, ParentRecord
from evidence.running.damage import Damage
from evidence.running.expected import AT_THE_START
from evidence.running.finish import withheld_document
from evidence.running.memory import recall
from evidence.running.moving import make_room, move_the_rest, stands_in
from evidence.running.observation import journal_state
from evidence.running.set_aside import put_aside
from evidence.running.settings import overrides_to_close_with, set_by
from evidence.running.unfinished_run import newly_allowed
from evidence.running.workspace import Workspace
from evidence.stages.registry import schema_for
from evidence.system.durable import move, remove, remove_partials, write_file
from evidence.system.entries import read_regular, type_of
from evidence.text.escape import is_utf8, visible
from evidence.text.snapshot import env_snapshot
from evidence.verification.reading.schemas import document_problems
from evidence.verification.ruleset import RULESET

R = TypeVar("R", bound=Record)


_JOURNAL: Final = f"{layout.STAGED}/{layout.JOURNAL}"


class _Closing(Record):
    """What the journal of the closing is made of."""

    milestone: Milestone
    source: bytes
    overrides: tuple[OverrideRecord, ...]
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
    remove_partials(space.work)
    reasons = _reasons(space, damages)
    begun = _begun(space)
    if is_salvaged(space):
        remove(space.staging / layout.JOURNAL)
    make_room(space)
    source, milestone = _milestone(root, space, milestone_id)
    parents = parents_of(space)
    not_kept = {*reasons, *(AT_THE_START if spoilt is None else spoilt)}
    kept = {path for path in AT_THE_START if _is_whole(space, path, not_kept)}
    git = _git(space, kept)
    begun = _beginning(begun, source, git) if _JOURNAL not in reasons else b""
    whole = layout.OVERRIDES in kept
    overrides = overrides_to_close_with(space, source, begun, whole=whole)
    if overrides:
        milestone = with_settings(source, settings_of(overrides))[0]
    closing = _Closing(
        milestone=milestone,
        source=source,
        overrides=overrides,
        allowed=newly_allowed(root, milestone, ()),
        git=git,
        begun=begun,
    )
    files, num_left_out = move_the_rest(space, milestone, kept, reasons)
    write_file(space.staging / layout.MILESTONE, source)
    if overrides:
        write_file(space.staging / layout.OVERRIDES, sealed_as(overrides))
    missing = [path for path in lost.DOCUMENTS if path not in kept]
    for path in missing:
        write_file(space.staging / path, lost.in_its_place(path))
    _complete(space, milestone, kept, git)
    damaged = DamagedRecord(files, num_left_out, tuple(missing), begins_anew=not closing.begun)
    _write_journal(space, closing, damaged)
    return parents


def has_begun(space: Workspace) -> bool:
    """Whether a process began to close the run like this: nothing is as it was by now."""
    return space.is_being_closed or is_salvaged(space)


def _reasons(space: Workspace, damages: tuple[Damage, ...]) -> dict[str, str]:
    """What was wrong when the closing began; only that is known once files are moved."""
    path = space.work / layout.CLOSING
    now = {one.path: one.reason for one in damages}
    try:
        then = decode(dict[str, str], read_kept(path))
    except (OSError, MalformedError):
        then = {}
    if not then:
        if type_of(path) not in (None, "file"):
            put_aside(space, [layout.CLOSING])
        write_kept(path, {_holdable(name): reason for name, reason in now.items()})
    return then or now


def _holdable(name: str) -> str:
    return name if is_utf8(name) else visible(name)


def _begun(space: Workspace) -> bytes:
    """The journal as the run wrote it, as far as it is still there."""
    place = space.staging / layout.JOURNAL
    if not is_salvaged(space):
        moved = space.staging / layout.DAMAGED / _JOURNAL
        return _bytes_of(place) or _bytes_of(moved)
    told = lost.damaged_in(tuple(journal.read(_bytes_of(place))))
    return b"" if told is None or told.begins_anew else _bytes_of(place)


def is_salvaged(space: Workspace) -> bool:
    """Whether what is staged was made by `salvage`, and only has to be sealed."""
    try:
        events = tuple(journal.read(read_regular(space.staging / layout.JOURNAL)))
    except (OSError, EvidenceError):
        return False
    return any(one.event == "damaged" for one in events)


def _milestone(root: Path, space: Workspace, milestone_id: str) -> tuple[bytes, Milestone]:
    """The milestone file of the run, from the first place where it can be read."""
    for path in (space.staging / layout.MILESTONE, space.milestone_copy):
        try:
            source = read_regular(path)
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
        data = read_regular(place)
        if stands_in(space, place):
            return False
        if schema_for(path) is None:
            data.decode("utf-8")
            return True
        return len(data) <= limits.MAX_JSON_BYTES and not any(document_problems(path, data))
    except (OSError, UnicodeDecodeError):
        return False


def _read(kind: type[R], path: Path) -> R:
    return decode(kind, jsonio.load_document(read_regular(path)))


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
    committed = commitment_documents(staging, milestone)
    if committed:
        ignore_rows(space.work)
    for path, data in committed.items():
        write_file(staging / path, data)
    for path, data in withheld_document(staging, milestone).items():
        write_file(staging / path, data)


def _beginning(begun: bytes, source: bytes, git: GitRecord) -> bytes:
    """The first events of the run's own journal; empty where they do not tell of this run."""
    lines = begun.split(b"\n")[:2]
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
        return read_regular(path)
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
                **set_by(closing.overrides),
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
