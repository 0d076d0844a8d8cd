"""Paths that a milestone promises not to touch: before, after, and at a git ref."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from evidence.capture.git import Repository, blob_at, resolve_ref
from evidence.digest import sha256_hex
from evidence.records.availability import Unavailable
from evidence.records.capture import FrozenFileRecord, FrozenRecord, FrozenSetRecord
from evidence.records.milestone import FrozenSpec

Digests = Mapping[str, str]
"""SHA-256 by project-relative POSIX path."""


def match_paths(root: Path, patterns: Sequence[str]) -> tuple[str, ...]:
    """Regular files that match, project-relative, sorted. Links and caches are left out."""
    found = {
        path.relative_to(root).as_posix()
        for pattern in patterns
        for path in root.glob(pattern)
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts
    }
    return tuple(sorted(found))


def digest_set(root: Path, spec: FrozenSpec) -> dict[str, str]:
    """Digests of one promise's files as they are now."""
    return {path: sha256_hex((root / path).read_bytes()) for path in match_paths(root, spec.paths)}


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
    after = digest_set(root, spec)
    commit = (
        Unavailable("the milestone names no ref to compare with")
        if spec.ref is None
        else resolve_ref(found, spec.ref)
    )
    files = tuple(
        FrozenFileRecord(
            path=path,
            before_sha256=before.get(path),
            after_sha256=after.get(path),
            ref_sha256=_at_ref(found, commit, path),
        )
        for path in sorted({*before, *after})
    )
    return FrozenSetRecord(
        name=spec.name,
        ref=spec.ref,
        ref_commit=commit,
        policy=spec.policy,
        unchanged_during_run=all(one.before_sha256 == one.after_sha256 for one in files),
        equal_to_ref=commit
        if isinstance(commit, Unavailable)
        else all(one.after_sha256 == one.ref_sha256 for one in files),
        files=files,
    )


def _at_ref(
    found: Repository | Unavailable, commit: str | Unavailable, path: str
) -> str | Unavailable | None:
    if isinstance(found, Unavailable):
        return found
    if isinstance(commit, Unavailable):
        return commit
    blob = blob_at(found, commit, path)
    return None if blob is None else sha256_hex(blob)
