"""How close the second pack came to the first, as a record. Pure but for the two packs.

Responsible for bringing tiers, differences and causes together, and for which tier is asked for
by default.
"""

from __future__ import annotations

from collections.abc import Sequence

from evidence.compare.configuration import configuration, plan_of
from evidence.compare.environment import can_change_bits, decides_bits, environment_of
from evidence.pack.documents import Documents
from evidence.records.comparison import DifferenceRecord
from evidence.records.reproduction import (
    PackReference,
    ReproductionRecord,
    SeedRunRecord,
    TierName,
    TierResult,
)
from evidence.reproduce.causes import causes
from evidence.results.framework import are_of_two_frameworks
from evidence.results.other_framework import NAME as OTHER_FRAMEWORK
from evidence.results.seed_test import seed_tests
from evidence.results.tiers import reached_tiers, strictest_tier, when_and_where
from evidence.rules.differences import differences
from evidence.verification.verification import VerifiedPack

_THREADS = "framework.num_threads"
_CORES = "cpu.num_usable_cores"


def reproduction_record(
    original: VerifiedPack,
    second: VerifiedPack,
    others: Sequence[VerifiedPack] = (),
    further: Sequence[DifferenceRecord] = (),
) -> ReproductionRecord:
    """The record of how `second` reproduces `original`.

    `others` ran with other seeds; `further` differences were seen beside those that packs record.
    """
    before, after = original.documents, second.documents
    over_seeds = [one.documents for one in others]
    tiers = reached_tiers(before, after, over_seeds)
    setup = differences([configuration(before), configuration(after)])
    all_differences = (*setup, *environment_differences(before, after), *further)
    finished_utc, machine = when_and_where(after)
    return ReproductionRecord(
        schema="reproduction.v1",
        original=_reference(original),
        reproduction=_reference(second),
        finished_utc=finished_utc,
        machine=machine,
        verdict=strictest_tier(tiers),
        tiers=tiers,
        seeds=tuple(
            SeedRunRecord(plan_of(one.documents).train.seed, _reference(one)) for one in others
        ),
        seed_tests=seed_tests(before, over_seeds),
        causes=causes(before, after, tiers, all_differences),
        differences=all_differences,
    )


def environment_differences(original: Documents, other: Documents) -> tuple[DifferenceRecord, ...]:
    """What differs of the environments and can change bits."""
    facts = [environment_of(original), environment_of(other)]
    if all(_THREADS in one for one in facts):
        for one in facts:  # the framework's own count says what the cores only suggest
            one.pop(_CORES, None)
    return tuple(row for row in differences(facts) if can_change_bits(row.key))


def default_tier(original: Documents, other: Documents) -> TierName:
    """bitwise where the environments are equal in all that computes, else numerically-close; of two
    frameworks the tier that is for them.

    Another version of a package that computes nothing (a linter) lowers no demand.
    """
    if are_of_two_frameworks(original, other):
        return OTHER_FRAMEWORK
    environments_differ = any(
        decides_bits(row.key) for row in environment_differences(original, other)
    )
    return "numerically-close" if environments_differ else "bitwise"


def reaches(record: ReproductionRecord, asked: TierName) -> bool:
    """Whether the tier that was asked for is reached."""
    found: dict[str, TierResult] = {tier.name: tier for tier in record.tiers}
    return asked in found and found[asked].reached


def _reference(pack: VerifiedPack) -> PackReference:
    manifest = pack.documents.manifest
    if manifest is None:  # verify refuses a pack without one
        raise TypeError("a verified pack without a manifest")
    return PackReference(manifest.milestone, pack.root_sha256, manifest.outcome_sha256)
