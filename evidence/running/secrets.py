"""Secrets around a run: inputs are scanned before it, the staged pack before it is sealed.

Responsible for what is scanned and what a finding means. Both keep their bytes: a hit is refused
with file, line and kind, and never with the secret. Recognising secrets is `redact`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from evidence import limits
from evidence.capture.git import capture_patch
from evidence.capture.repository import open_repository
from evidence.encoding.codec import decode, encode
from evidence.encoding.cut import cut
from evidence.errors import MilestoneError, SecretFoundError
from evidence.records.availability import Unavailable
from evidence.records.milestone import AllowSpec, Milestone
from evidence.records.run import JournalEvent
from evidence.redact.identity import Identity
from evidence.redact.known import Secrets
from evidence.redact.privacy import Privacy
from evidence.redact.search import SecretMatch, scan, scan_stream
from evidence.redact.this_process import (
    TAKE_OUT,
    identity_of_this_process,
    secrets_of_this_process,
)
from evidence.running.patch import binary_files, place_in_patch, without_marks
from evidence.text import commands
from evidence.text.escape import one_line, visible

T = TypeVar("T")

SAFETENSORS: Final = ".safetensors"
_LENGTH_BYTES: Final = 8


def privacy_of(milestone: Milestone) -> Privacy:
    """What logs and captured facts of a run must not show."""
    identity = identity_of_this_process() if milestone.publish.pseudonyms else Identity()
    return Privacy(secrets_of_this_process(milestone.secrets.allow), identity)


def cleaned(record: T, kind: type[T], privacy: Privacy) -> T:
    """A record without secrets and names in any of its strings, each as long as one may be,
    and of characters that show."""
    redactor = privacy.redactor()

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return cut(redactor.text(visible(value)), limits.MAX_CAPTURED_CHARS)
        if isinstance(value, list):
            return [clean(item) for item in value]
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items()}
        return value

    if isinstance(record, Unavailable):
        return type(record)(clean(record.reason))
    return decode(kind, clean(encode(record)))


def scan_inputs(
    root: Path, files: Iterable[Path], milestone: Milestone, written: bytes = b""
) -> None:
    """Raise MilestoneError for secrets in the files that go into a pack, or in the patch; or in
    what was `written` of a command line."""
    secrets = secrets_of_this_process(milestone.secrets.allow)
    problems = {
        f"{_shown(path, root, secrets)}:{match.line}: {match.kind}": match
        for path in files
        for match in _in_file(path, secrets)
    }
    problems |= {f"the command line: {match.kind}": match for match in scan(written, secrets)}
    for place, match in _in_changes(root, secrets):
        shown = one_line(_clean(place, secrets), limits.MAX_MESSAGE_CHARS)
        problems[f"{shown}: {match.kind} (a change that is not committed)"] = match
    if problems:
        raise MilestoneError(
            "a secret would be published with the pack:\n" + "\n".join(problems),
            hint=f"{TAKE_OUT} Nothing was run.\n{_allow_hint(milestone.id, problems)}",
        )


def _allow_hint(milestone_id: str, problems: Mapping[str, SecretMatch]) -> str:
    """The lines that let a run go on with what only looks like a secret."""
    path = f"milestones/{milestone_id}.toml"
    entries = {one.sha256: place for place, one in reversed(list(problems.items()))}
    lines = [
        f'\n[[secrets.allow]]                # {place}\nsha256 = "{sha256}"\nreason = ""'
        for sha256, place in reversed(list(entries.items()))
    ]
    return (
        f"What is no secret, say so in {path} with a reason, and it is published as it is:\n"
        + "\n".join(lines)
    )


def _in_changes(root: Path, secrets: Secrets) -> Iterator[tuple[str, SecretMatch]]:
    """Place and finding of every secret in what differs from the commit."""
    found = open_repository(root)
    patch = capture_patch(found)
    if isinstance(found, Unavailable) or isinstance(patch, Unavailable):
        return
    for match in scan(without_marks(patch), secrets):
        yield place_in_patch(patch, match), match
    for name in binary_files(patch):  # compressed in the patch, so read where they are
        path = Path(str(found.repo.working_tree_dir)) / name
        if path.is_file() and not path.is_symlink():
            for match in _in_file(path, secrets):
                yield f"{name}:{match.line}", match


def allowed_in(milestone: Milestone, journal: Iterable[JournalEvent]) -> tuple[AllowSpec, ...]:
    """What the milestone allows, and what was allowed when the run was gone on with."""
    later = [
        decode(AllowSpec, one)
        for event in journal
        if event.event == "recovered"
        for one in event.data["allowed"]
    ]
    return (*milestone.secrets.allow, *later)


def refuse_secrets(staging: Path, milestone_id: str, allow: Iterable[AllowSpec]) -> None:
    """Raise SecretFoundError for a secret in any staged file or its name.

    Read are all bytes, but of safetensors the header only: what follows are numbers.
    """
    secrets = secrets_of_this_process(allow)
    problems: dict[str, SecretMatch] = {}
    for path in sorted(path for path in staging.rglob("*") if path.is_file()):
        name = path.relative_to(staging).as_posix()
        shown = _clean(name, secrets)
        named = scan(name.encode(), secrets)
        problems |= {f"{shown}: {one.kind} in its name": one for one in named}
        problems |= {f"{shown}:{one.line}: {one.kind}": one for one in _in_file(path, secrets)}
    if problems:
        raise SecretFoundError(
            "the pack holds a secret and is not sealed:\n" + "\n".join(problems),
            hint=f"What there is stays in {staging.parent}, unpublished; move that folder away "
            f"to start anew. {TAKE_OUT}\n{_allow_hint(milestone_id, problems)}\n\n"
            f"Then: {commands.to_resume(milestone_id, staging.parents[2])}",
        )


def _in_file(path: Path, secrets: Secrets) -> tuple[SecretMatch, ...]:
    with path.open("rb") as stream:
        if path.name.endswith(SAFETENSORS):
            header = _header(stream)
            if header is not None:
                return scan(header, secrets)
        return scan_stream(stream, secrets)


def _header(stream: IO[bytes]) -> bytes | None:
    """Length and header of a safetensors file; None (rewound) where it has no sane one."""
    start = stream.read(_LENGTH_BYTES)
    size_bytes = int.from_bytes(start, "little")
    if len(start) == _LENGTH_BYTES and 0 < size_bytes <= limits.MAX_SAFETENSORS_HEADER_BYTES:
        header = stream.read(size_bytes)
        if len(header) == size_bytes and header.startswith(b"{"):
            return start + header
    stream.seek(0)
    return None


def _shown(path: Path, root: Path, secrets: Secrets) -> str:
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    return _clean(inside.as_posix(), secrets)


def _clean(name: str, secrets: Secrets) -> str:
    return Privacy(secrets).clean(name)
