"""Whether a pack is what it says: everything recomputed, nothing trusted, nothing executed.

Responsible for the verdict on a stranger's pack. Trusts nothing that a run concluded; leaves the
comparison with a clone to `pipeline.repository` and printing to `cli`.
"""

from __future__ import annotations

from evidence.verify.consistency.registry import Check
from evidence.verify.options import VerifyOptions
from evidence.verify.ruleset import RULESET
from evidence.verify.several import verify_packs
from evidence.verify.verification import (
    SealedPack,
    VerifiedPack,
    load_sealed,
    open_pack,
    open_verified,
    verify_pack,
)

__all__ = [
    "RULESET",
    "Check",
    "SealedPack",
    "VerifiedPack",
    "VerifyOptions",
    "load_sealed",
    "open_pack",
    "open_verified",
    "verify_pack",
    "verify_packs",
]
