"""One check of a pack in memory: asked alone, with nothing written to a disk.

Responsible for the evidence as `verify` would have read it, and for what a single check says of it.
A forger's documents are held against their schemas, so that no check is asked what none ever is.
"""

from __future__ import annotations

from dataclasses import dataclass

from evidence.records.finding import Finding
from evidence.self_test.forger import ForgedPack
from evidence.verification.consistency.every_check import every_check
from evidence.verification.consistency.registry import Check, Evidence
from evidence.verification.ledger import Ledger
from evidence.verification.reading.schemas import document_problems

CHECKS = {one.rule.id: one for one in every_check()}


@dataclass(frozen=True)
class Said:
    """What one check says."""

    outcome: str
    reason: str
    findings: tuple[Finding, ...]

    @property
    def lines(self) -> list[str]:
        """Each finding: severity where it is no error, address, message."""
        return [
            f"{'' if one.severity == 'error' else one.severity + ' '}{one.address}: {one.message}"
            for one in self.findings
        ]


def evidence_of(pack: ForgedPack, *, without: tuple[str, ...] = ()) -> Evidence:
    """The evidence of a pack; `without` names files that are sealed and not in this copy."""
    documents = pack.documents()
    contents = {path: pack.file(path) for path in documents.digests}
    for path, data in contents.items():
        problems = list(document_problems(path, data))
        assert problems == [], problems
    here = {path: data for path, data in contents.items() if path not in without}
    return Evidence(
        documents=documents,
        contents=here,
        headers={path: data for path, data in here.items() if path.endswith(".safetensors")},
        present=frozenset(here),
        directory="M90",
    )


def said_of(evidence: Evidence, check: str | Check) -> Said:
    """What a check says of it."""
    ledger, one = Ledger(), CHECKS[check] if isinstance(check, str) else check
    ledger.run_check(one.rule, one.run(evidence))
    (result,) = ledger.results
    return Said(result.outcome, result.reason, ledger.findings)


def said(pack: ForgedPack, check: str, *, without: tuple[str, ...] = ()) -> Said:
    """The same of a pack, sealed anew."""
    return said_of(evidence_of(pack.seal(), without=without), check)
