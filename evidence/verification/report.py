"""The verdict: what all outcomes and findings of one verification amount to.

Responsible for exit code, verdict, order of findings and the next step. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from evidence import layout
from evidence.errors import ExitCode
from evidence.records.finding import CheckResult, Finding, Report, Verdict
from evidence.records.record import Record
from evidence.records.run import LEVELS, ManifestRecord, ValueRecord
from evidence.text import commands
from evidence.text.escape import one_line
from evidence.verification.ledger import Ledger, Rule
from evidence.verification.problem import Problem, gravity, to_finding

_NOTHING_CHECKED: Final = Rule("checks", "something was checked at all")
_MAX_NAME_CHARS: Final = 1000
_UNTRUE: Final = (ExitCode.REFUSED, ExitCode.FINDINGS)
"""What such a pack says of its values is not worth repeating."""


class Subject(Record):
    """What is known of the pack that was verified."""

    name: str
    root_sha256: str | None = None
    manifest: ManifestRecord | None = None
    ruleset: int | None = None
    unfinished: bool = False
    """No pack was published, but its work folder is there."""
    strict: bool = False
    """Its origin was asked for."""
    trusted: bool = False
    """A signer whom the caller trusts signed SHA256SUMS."""
    values: Mapping[str, ValueRecord] | None = None
    """The values of results.json."""
    happened: str = ""
    """What happened to a run that is not all it was to be, in one line."""
    next_step: str = ""
    anew: str = ""
    """What to type for a new run; empty: `evidence run ID --again`."""


def build_report(subject: Subject, ledger: Ledger) -> Report:
    """The report of one verification."""
    findings, checks = list(ledger.findings), ledger.results
    passed = any(check.outcome == "pass" for check in checks)
    if not (passed or ledger.failed or subject.unfinished):
        problem = Problem(layout.SUMS, "no check passed: nothing is proven by this")
        findings.append(to_finding(_NOTHING_CHECKED.id, problem))
    manifest = subject.manifest
    failed = manifest is not None and manifest.status == "failed"
    imported = manifest is not None and manifest.origin == "imported"
    unproven = subject.strict and not subject.trusted
    code = _exit_code(findings, unfinished=subject.unfinished or failed, unproven=unproven)
    if code is ExitCode.ORIGIN:
        findings.append(_origin_finding())
    return Report(
        schema="report.v1",
        pack=one_line(subject.name, _MAX_NAME_CHARS),
        verdict=_verdict(code, trusted=subject.trusted and not imported),
        exit_code=int(code),
        milestone=None if manifest is None else manifest.milestone,
        status=None if manifest is None else manifest.status,
        stand_in=None if manifest is None else manifest.stand_in,
        root_sha256=subject.root_sha256,
        ruleset=subject.ruleset,
        checks=_in_order(checks),
        findings=tuple(sorted(findings, key=lambda finding: gravity(finding.severity))),
        happened=one_line(subject.happened, _MAX_NAME_CHARS),
        next_step=subject.next_step or _next_step(findings, manifest, subject.anew),
        levels={} if code in _UNTRUE else _levels(subject.values or {}),
        origin=None if manifest is None else manifest.origin,
    )


def _levels(values: Mapping[str, ValueRecord]) -> dict[str, int]:
    found = Counter(record.level for record in values.values() if record.value is not None)
    return {level: found[level] for level in LEVELS if level in found}


def _exit_code(findings: list[Finding], *, unfinished: bool, unproven: bool) -> ExitCode:
    severities = {finding.severity for finding in findings}
    if "refused" in severities:
        return ExitCode.REFUSED
    if "error" in severities:
        return ExitCode.FINDINGS
    if unfinished:
        return ExitCode.UNFINISHED
    return ExitCode.ORIGIN if unproven else ExitCode.DONE


def _verdict(code: ExitCode, *, trusted: bool) -> Verdict:
    """An imported pack is never VERIFIED: a signature says who imported it, not that it ran."""
    verdicts: dict[ExitCode, Verdict] = {
        ExitCode.REFUSED: "REFUSED",
        ExitCode.FINDINGS: "NOT INTACT",
        ExitCode.UNFINISHED: "UNFINISHED",
    }
    intact: Verdict = "VERIFIED" if trusted and code is ExitCode.DONE else "INTACT"
    return verdicts.get(code, intact)


def _origin_finding() -> Finding:
    text = (
        "cannot prove origin: no signature of a signer you trust was checked, so anyone could have "
        "made this pack, whole and consistent as it is"
    )
    problem = Problem(layout.SUMS, text, severity="warning", code="origin-not-established")
    return to_finding("signature", problem)


def _in_order(checks: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
    # The order in which they ran is the order of the stages; it never depends on threads.
    return checks


def _next_step(findings: list[Finding], manifest: ManifestRecord | None, anew: str) -> str:
    grave = [f for f in findings if f.severity in ("error", "refused")]
    if grave and all(f.code == "line-ends" for f in grave):
        return "put `* -text` into runs/.gitattributes, delete the folder and check it out again"
    if grave and all(f.check.startswith("rendered-") for f in grave):
        return "evidence render PACK makes the summary anew from the evidence, which is intact"
    if not grave and any(f.code == "attaching-broken-off" for f in findings):
        return "evidence render PACK finishes the summary, which a command left half done"
    is_run = manifest is not None and manifest.origin == "run"
    if not grave and is_run and manifest is not None and manifest.status == "failed":
        return anew or commands.evidence("run", manifest.milestone, "--again")
    return ""
