"""Checks on promises: which files they are about, what frozen.json concludes from their digests,
and which commit they were compared with.
"""

from __future__ import annotations

from evidence import layout
from evidence.capture.patterns import any_of, is_plain, matches
from evidence.records.availability import Unavailable
from evidence.records.capture import FrozenSetRecord, GitStateRecord
from evidence.records.milestone import FrozenSpec
from evidence.verification.consistency.registry import Evidence, Problems, check, differs, need
from evidence.verification.problem import CannotCheckError, Problem, shown

_HEAD = "HEAD"


@check("frozen-data", "data that are also frozen have one digest in both places")
def frozen_data(evidence: Evidence) -> Problems:
    """inputs.data.*.sha256 = frozen before_sha256 of the same path. Exact."""
    frozen = {
        file.path: (f"{layout.FROZEN}#/sets/{i}/files/{j}/before_sha256", file.before_sha256)
        for i, one in enumerate(evidence.documents.frozen.known)
        for j, file in enumerate(one.files)
    }
    pairs = [
        (file, frozen[file.path])
        for record in evidence.documents.inputs.data.values()
        for _, file in record.sources
        if file.path in frozen
    ]
    if not pairs:
        raise CannotCheckError("no data file is among the frozen paths")
    for read, (place, digest) in pairs:
        text = f"another digest than the run read from {shown(read.path)}"
        yield from differs(place, text, read.sha256, digest)


@check("frozen-promises", "what frozen.json concludes follows from its own digests")
def frozen_promises(evidence: Evidence) -> Problems:
    """One set for each [[frozen]], with its name, ref and policy; unchanged_during_run ⇔ before =
    after for all files; equal_to_ref ⇔ after = ref for all files; a set is compared with its ref
    as a whole or not at all. Exact. Warnings where a promise was broken, and where files were not
    compared with the ref that the milestone names."""
    specs = evidence.documents.milestone.frozen
    sets = need(evidence.documents.frozen.sets, "the promises are not known")
    text = "other promises than the milestone makes"
    expected = [(spec.name, spec.ref, spec.policy) for spec in specs]
    found = [(one.name, one.ref, one.policy) for one in sets]
    yield from differs(f"{layout.FROZEN}#/sets", text, expected, found)
    for index, one in enumerate(sets):
        place = f"{layout.FROZEN}#/sets/{index}"
        unchanged = all(file.before_sha256 == file.after_sha256 for file in one.files)
        text = "does not follow from the digests of its files"
        yield from differs(
            f"{place}/unchanged_during_run", text, unchanged, one.unchanged_during_run
        )
        if not unchanged:
            broken = "a promise not to touch files was broken during the run"
            yield Problem(place, broken, severity="warning", code="frozen-changed")
        yield from _against_ref(f"{place}/equal_to_ref", one)


def _against_ref(place: str, one: FrozenSetRecord) -> Problems:
    unknown = {isinstance(file.ref_sha256, Unavailable) for file in one.files}
    if isinstance(one.equal_to_ref, Unavailable):
        if False in unknown:
            yield Problem(place, "digests at the ref are there, so whether they are equal is known")
        elif one.ref is not None:
            text = f"the files were not compared with {shown(one.ref)}: {one.equal_to_ref.reason}"
            yield Problem(place, text, severity="warning", code="ref-unknown")
        return
    if one.ref is None or isinstance(one.ref_commit, Unavailable) or True in unknown:
        yield Problem(
            place, "known only where a ref is named, found, and has a digest of each file"
        )
        return
    equal = all(file.after_sha256 == file.ref_sha256 for file in one.files)
    text = "does not follow from the digests of its files"
    yield from differs(place, text, equal, one.equal_to_ref)


@check("frozen-paths", "each promise is about the files that its patterns name, and about some")
def frozen_paths(evidence: Evidence) -> Problems:
    """Each pattern of [[frozen]] names a file that was there when the run began (a run without one
    never starts), and each file is named by a pattern; paths rise, each once. Exact."""
    sets = need(evidence.documents.frozen.sets, "the promises are not known")
    specs = evidence.documents.milestone.frozen
    for index, (one, spec) in enumerate(zip(sets, specs, strict=False)):
        yield from _paths(f"{layout.FROZEN}#/sets/{index}/files", one, spec)


def _paths(place: str, one: FrozenSetRecord, spec: FrozenSpec) -> Problems:
    paths = [file.path for file in one.files]
    if paths != sorted(set(paths)):
        yield Problem(place, "paths rise, each once")
    before = {file.path: None for file in one.files if file.before_sha256 is not None}
    for pattern in spec.paths:
        if is_plain(pattern) and pattern in before:
            continue
        if not any(matches(pattern, path) for path in before):
            text = f"no file of {shown(pattern)}, which the promise names: it promises nothing"
            yield Problem(place, text, pattern, None)
    is_promised = any_of(spec.paths)
    for index, path in enumerate(paths):
        if not is_promised(path):
            text = "the promise is not about this file"
            yield Problem(f"{place}/{index}/path", text, " or ".join(spec.paths), path)


@check("frozen-ref", "promises were compared with the commit that the pack knows, where it does")
def frozen_ref(evidence: Evidence) -> Problems:
    """Where a promise's ref is HEAD and the commit did not change during the run, ref_commit is
    git.start.commit; where it is a full commit id, it is that. Without a repository at the end
    nothing was compared. Exact. What a branch or tag named at the time is not in the pack."""
    git = evidence.documents.git
    for index, one in enumerate(need(evidence.documents.frozen.sets, "the promises are not known")):
        place = f"{layout.FROZEN}#/sets/{index}/ref_commit"
        if isinstance(one.ref_commit, Unavailable):
            continue
        if isinstance(git.start, Unavailable) and isinstance(git.end, Unavailable):
            yield Problem(place, "there was no repository to compare with", actual=one.ref_commit)
            continue
        commits = {state.commit for state in (git.start, git.end)
                   if isinstance(state, GitStateRecord)}  # fmt: skip
        if one.ref == _HEAD and one.ref_commit not in commits:
            text = "HEAD was another commit"
            yield Problem(place, text, " or ".join(sorted(commits)), one.ref_commit)
        elif one.ref is not None and len(one.ref) in (40, 64) and _is_hex(one.ref):
            text = "the ref is a commit itself"
            yield from differs(place, text, one.ref.lower(), one.ref_commit)


def _is_hex(text: str) -> bool:
    return all(one in "0123456789abcdefABCDEF" for one in text)
