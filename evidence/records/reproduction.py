"""What reproducing a pack gives: attached/reproduced-<root12>.json of the original.

Every field follows from the two packs alone, so that whoever has both can compute it again.
"""

from typing import Final, Literal, TypeAlias, get_args

from evidence.records.availability import Unavailable
from evidence.records.comparison import DifferenceRecord
from evidence.records.record import Number, Record

TierName: TypeAlias = Literal[
    "bitwise", "other-framework", "same-stream", "numerically-close", "statistically-consistent"
]
VerdictName: TypeAlias = Literal[
    "bitwise",
    "other-framework",
    "same-stream",
    "numerically-close",
    "statistically-consistent",
    "different",
]

TIERS: Final[tuple[TierName, ...]] = get_args(TierName)
"""From the strictest to the mildest. `other-framework` is asked of two frameworks alone."""


class TierResult(Record):
    """One tier: whether it is reached, and the reason either way."""

    name: TierName
    reached: bool
    reason: str


class CauseRecord(Record):
    """Something recorded that can explain a difference. The likeliest stands first."""

    cause: str
    """Kind of the cause, in kebab case: configuration, data, hardware, threads, versions, …"""
    explanation: str


class PackReference(Record):
    """A pack by its digests."""

    milestone: str
    root_sha256: str
    outcome_sha256: str | Unavailable


class SeedRunRecord(Record):
    """One run of the same configuration with another seed."""

    seed: int
    pack: PackReference


class SeedTestRecord(Record):
    """One loss of the original against the same loss of the runs with other seeds."""

    measure: str
    """Name among the results, such as train.loss_end."""
    original: Number
    values: tuple[Number, ...]
    """In the order of the seeds."""
    statistic: Number | Unavailable
    """Distance of the original from their mean, in standard errors of a prediction."""
    limit: Number
    consistent: bool


class ReproductionRecord(Record):
    """How close a second run came to the first."""

    schema: Literal["reproduction.v1"]
    original: PackReference
    reproduction: PackReference
    finished_utc: str
    """When the reproducing run ended."""
    machine: str
    """What it ran on: its GPUs, or else its processor."""
    verdict: VerdictName
    """The strictest tier that is reached."""
    tiers: tuple[TierResult, ...]
    """Every tier that two such runs can be asked for."""
    seeds: tuple[SeedRunRecord, ...]
    """Runs with other seeds; empty where none were asked for."""
    seed_tests: tuple[SeedTestRecord, ...]
    causes: tuple[CauseRecord, ...]
    """Empty where the verdict is bitwise."""
    differences: tuple[DifferenceRecord, ...]
    """Configuration and environment: the original's value first."""
