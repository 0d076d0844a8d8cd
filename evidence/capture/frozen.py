"""Paths that a milestone promises not to touch: before, after, and at a git ref.

Responsible for digests and for saying what differs. Whether a difference fails the run is the
milestone's policy (`results.gates`); which paths a pattern names is `patterns`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from evidence import limits
from evidence.capture.blobs import digests_at
from evidence.capture.git import resolve_ref
from evidence.capture.patterns import files_matching, matches
from evidence.capture.repository import Repository
from evidence.encoding.digest import sha256_stream
from evidence.errors import UsageError
from evidence.records.availability import Unavailable
from evidence.records.capture import FrozenFileRecord, FrozenRecord, FrozenSetRecord
from evidence.records.milestone import FrozenSpec
from evidence.text.escape import visible

Digests = Mapping[str, str]
"""SHA-256 by project-relative POSIX path."""


def match_paths(root: Path, patterns: Sequence[str]) -> tuple[str, ...]:
    """Regular files that match, project-relative, sorted. Links and caches are left out."""
    return tuple(sorted({path for pattern in patterns for path in files_matching(root, pattern)}))


def digest_set(root: Path, spec: FrozenSpec) -> dict[str, str]:
    """Digests of one promise's files before the run. Raises UsageError where one is unreadable."""
    found: dict[str, str] = {}
    for path, digest in _digests_now(root, spec).items():
        if isinstance(digest, Unavailable):
            raise UsageError(
                f"the promise {spec.name!r} cannot be kept: {path}: {digest.reason}",
                hint="Make the file readable, or take it out of [[frozen]].",
            )
        found[path] = digest
    return found


def compare_frozen(
    root: Path,
    specs: Sequence[FrozenSpec],
    before: Sequence[Digests],
    found: Repository | Unavailable,
) -> FrozenRecord:
    """frozen.json: what the files are now, against `before` and against each promise's ref."""
    return FrozenRecord(
        schema="frozen.v1",
        sets=tuple(
            _compare(root, spec, old, found) for spec, old in zip(specs, before, strict=True)
        ),
    )


def _compare(
    root: Path, spec: FrozenSpec, before: Digests, found: Repository | Unavailable
) -> FrozenSetRecord:
    after = _digests_now(root, spec)
    commit, at_ref = _at_ref(found, spec, {*before, *after})
    known = {} if isinstance(at_ref, Unavailable) else _spelled(at_ref)
    files = tuple(
        FrozenFileRecord(
            path=path,
            before_sha256=before.get(path),
            after_sha256=after.get(path),
            ref_sha256=at_ref if isinstance(at_ref, Unavailable) else known.get(path),
        )
        for path in sorted({*before, *after, *known})
    )
    return FrozenSetRecord(
        name=spec.name,
        ref=spec.ref,
        ref_commit=commit,
        policy=spec.policy,
        unchanged_during_run=all(one.before_sha256 == one.after_sha256 for one in files),
        equal_to_ref=at_ref
        if isinstance(at_ref, Unavailable)
        else all(one.after_sha256 == one.ref_sha256 for one in files),
        files=files,
    )


def _at_ref(
    found: Repository | Unavailable, spec: FrozenSpec, present: set[str]
) -> tuple[str | Unavailable, dict[str, str] | Unavailable]:
    """The commit of the ref, and digests there: of what is present, and of what should be."""
    if spec.ref is None:
        none = Unavailable("the milestone names no ref to compare with")
        return none, none
    if isinstance(found, Unavailable):
        return found, found
    commit = resolve_ref(found, spec.ref)
    if isinstance(commit, Unavailable):
        return commit, commit
    at_ref = digests_at(
        found,
        commit,
        lambda path: path in present or any(matches(pattern, path) for pattern in spec.paths),
    )
    more = set() if isinstance(at_ref, Unavailable) else at_ref.keys() - present
    if len(more) > limits.MAX_FROZEN_FILES:
        at_ref = Unavailable(
            f"the commit has {len(more)} files of this promise that are not here; a pack names "
            f"{limits.MAX_FROZEN_FILES}"
        )
    return commit, at_ref


def _spelled(digests: Digests) -> dict[str, str]:
    """By names that a document can hold; a commit's may be any bytes."""
    return {visible(path): digest for path, digest in digests.items()}


def _digests_now(root: Path, spec: FrozenSpec) -> dict[str, str | Unavailable]:
    found: dict[str, str | Unavailable] = {}
    for path in match_paths(root, spec.paths):
        name = visible(path)  # a file that came after preflight may have any
        try:
            with (root / path).open("rb", buffering=0) as stream:
                found[name] = sha256_stream(stream)[0]
        except FileNotFoundError:
            continue  # gone between the two looks: it is not there
        except OSError as error:
            found[name] = Unavailable(f"it cannot be read: {error.strerror}")
    return found
