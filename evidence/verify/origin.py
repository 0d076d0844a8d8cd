"""Where a pack comes from: what the caller expects, and who signed it.

Responsible for comparing the pack with what the caller already knows. Keys and policies come from
the caller alone, never from the pack. Checking signatures comes with a later version; until then
a signature is noted and not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.run import ManifestRecord
from evidence.verify.ledger import Ledger, Rule
from evidence.verify.options import VerifyOptions
from evidence.verify.problem import Problem, shown
from evidence.verify.structure import Tree

EXPECTED: Final = Rule("expectations", "it is the pack that the caller expects")
SIGNATURE: Final = Rule("signature", "a signer that the caller trusts signed SHA256SUMS")

_ROOT: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")


def check_origin(
    tree: Tree,
    root_sha256: str | None,
    manifest: ManifestRecord | None,
    options: VerifyOptions,
    ledger: Ledger,
) -> None:
    """Enter what can be said of the pack's origin."""
    asked = (options.expect, options.expect_milestone, options.expect_commit)
    if any(one is not None for one in asked):
        ledger.settle(EXPECTED, _expectations(root_sha256, manifest, options))
    if layout.SIGNATURE in tree.files:
        reason = "there is a signature, but no trust file was given to check it with"
    else:
        reason = "the pack is not signed"
    ledger.skip(SIGNATURE, reason)


def _expectations(
    root_sha256: str | None, manifest: ManifestRecord | None, options: VerifyOptions
) -> Iterator[Problem]:
    if options.expect is not None:
        match = _ROOT.fullmatch(options.expect.lower())
        expected = match[1] if match else options.expect
        if expected != root_sha256:
            text = "is not the pack that was expected: it has another root digest"
            yield Problem(layout.SUMS, text, expected, root_sha256 or "none", code="other-pack")
    if options.expect_milestone is not None:
        found = None if manifest is None else manifest.milestone
        if found != options.expect_milestone:
            place = f"{layout.MANIFEST}#/milestone"
            text = "is the pack of another milestone than was expected"
            yield Problem(
                place, text, options.expect_milestone, found or "none", code="other-milestone"
            )
    if options.expect_commit is not None:
        yield from _commit(manifest, options.expect_commit.lower())


def _commit(manifest: ManifestRecord | None, expected: str) -> Iterator[Problem]:
    commit = "none" if manifest is None else manifest.commit
    found = commit.reason if isinstance(commit, Unavailable) else commit
    matches = isinstance(commit, str) and commit.startswith(expected)
    if not (_COMMIT.fullmatch(expected) and matches):
        place = f"{layout.MANIFEST}#/commit"
        text = "ran from another commit than was expected"
        yield Problem(place, text, shown(expected), found, code="other-commit")
