"""Whether the documents of a pack can all be true at once.

Responsible for running every registered check. Themes are imported in the order in which a
report lists them; a new check is a decorated function in one of them, and nothing else.
"""

from __future__ import annotations

from evidence.verification.consistency import status  # isort: skip
from evidence.verification.consistency import journal  # isort: skip
from evidence.verification.consistency import identity  # isort: skip
from evidence.verification.consistency import training  # isort: skip
from evidence.verification.consistency import seen  # isort: skip
from evidence.verification.consistency import data  # isort: skip
from evidence.verification.consistency import recovery  # isort: skip
from evidence.verification.consistency import steadiness  # isort: skip
from evidence.verification.consistency import checkpoint  # isort: skip
from evidence.verification.consistency import evaluation  # isort: skip
from evidence.verification.consistency import durations  # isort: skip
from evidence.verification.consistency import results  # isort: skip
from evidence.verification.consistency import prose  # isort: skip
from evidence.verification.consistency.registry import Evidence, registered
from evidence.verification.ledger import Ledger

__all__ = [
    "check_consistency",
    "checkpoint",
    "data",
    "durations",
    "evaluation",
    "identity",
    "journal",
    "prose",
    "recovery",
    "results",
    "seen",
    "skip_consistency",
    "status",
    "steadiness",
    "training",
]


def check_consistency(evidence: Evidence, ruleset: int, ledger: Ledger) -> None:
    """Run every check. What the pack's own rule set did not know yet is advice."""
    for one in registered():
        if one.rule.since > ruleset:
            reason = f"the pack follows rule set {ruleset}, before this check, and does not meet it"
            ledger.advise(one.rule, one.run(evidence), reason)
        else:
            ledger.settle(one.rule, one.run(evidence))


def skip_consistency(reason: str, ledger: Ledger) -> None:
    """Enter every check as not checked."""
    for one in registered():
        ledger.skip(one.rule, reason)
