"""Checks on promises: which files they are about, and which commit they were compared with.

What frozen.json concludes from its digests is in `identity`.
"""

from __future__ import annotations

from evidence import layout
from evidence.capture.patterns import matches
from evidence.records.availability import Unavailable
from evidence.records.capture import FrozenSetRecord, GitStateRecord
from evidence.records.milestone import FrozenSpec
from evidence.verification.consistency.registry import Evidence, Problems, check, differs, need
from evidence.verification.problem import Problem, shown

_HEAD = "HEAD"


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
    before = [file.path for file in one.files if file.before_sha256 is not None]
    for pattern in spec.paths:
        if not any(matches(pattern, path) for path in before):
            text = f"no file of {shown(pattern)}, which the promise names: it promises nothing"
            yield Problem(place, text, pattern, None)
    for index, path in enumerate(paths):
        if not any(matches(pattern, path) for pattern in spec.paths):
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
