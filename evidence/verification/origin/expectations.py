"""What the caller already knows of a pack: its root digest, milestone, commit, and least rules.

Responsible for the comparison alone. Nothing here is read from the pack but what it is compared
with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from evidence import layout
from evidence.milestone.overrides import said
from evidence.records.availability import Unavailable
from evidence.records.overrides import OverrideRecord
from evidence.records.run import ManifestRecord
from evidence.verification.ledger import Ledger, Rule
from evidence.verification.options import VerifyOptions
from evidence.verification.problem import Problem, shown

EXPECTED: Final = Rule("expectations", "it is the pack that the caller expects")

_NAMED: Final = 5
_ROOT: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")


def check_expectations(
    root_sha256: str | None,
    manifest: ManifestRecord | None,
    options: VerifyOptions,
    ledger: Ledger,
    overrides: tuple[OverrideRecord, ...] = (),
) -> None:
    """Enter whether it is the pack that the caller named, where they named one."""
    if options.asks_what_it_is:
        problems = _problems(root_sha256, manifest, options)
        ledger.run_check(EXPECTED, chain(problems, _settings(options, overrides)))


def _problems(
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
    if options.min_ruleset is not None and (
        manifest is None or manifest.ruleset < options.min_ruleset
    ):
        text = "follows older rules than were asked for: its run may not have met the newer ones"
        follows = "none" if manifest is None else manifest.ruleset
        yield Problem(
            f"{layout.MANIFEST}#/ruleset",
            text,
            f"at least {options.min_ruleset}",
            follows,
            code="older-ruleset",
        )


def _settings(options: VerifyOptions, overrides: tuple[OverrideRecord, ...]) -> Iterator[Problem]:
    """A milestone that was expected may have run with other settings than its file has."""
    if options.expect_milestone is not None and overrides:
        text = "it ran with other settings than the milestone file has: " + ", ".join(
            shown(said(one)) for one in overrides[:_NAMED]
        )
        more = len(overrides) - _NAMED
        text += f" and {more} more" if more > 0 else ""
        yield Problem(layout.OVERRIDES, text, severity="advice", code="other-settings")


def _commit(manifest: ManifestRecord | None, expected: str) -> Iterator[Problem]:
    commit = "none" if manifest is None else manifest.commit
    found = commit.reason if isinstance(commit, Unavailable) else commit
    matches = isinstance(commit, str) and commit.startswith(expected)
    if not (_COMMIT.fullmatch(expected) and matches):
        place = f"{layout.MANIFEST}#/commit"
        text = "ran from another commit than was expected"
        yield Problem(place, text, shown(expected), found, code="other-commit")
