"""What verify and audit said, one shape for every form: what was asked, how it came out, and where.

Responsible for how grave each thing is in the terms of other programs. A form adds nothing to it:
what was not checked stays so in each, with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from evidence.audit.claims import Verdict
from evidence.audit.report import AuditRecord, ClaimRecord
from evidence.errors import ExitCode
from evidence.markers.page import MarkerRecord
from evidence.records.finding import (
    CheckResult,
    DemandRecord,
    Finding,
    Report,
    ReportUnderPolicy,
    Severity,
)
from evidence.records.record import Record

Outcome: TypeAlias = Literal["pass", "fail", "not_checked"]
Level: TypeAlias = Literal["error", "warning", "note"]
_LEVELS: Final[dict[Severity, Level]] = {
    "refused": "error",
    "error": "error",
    "warning": "warning",
    "advice": "note",
}
_ADDRESS: Final = re.compile(r"([^#]+)(?:#(?:L([0-9]{1,9}))?.*)?")
VERDICT: Final = "verdict"
"""The one question that is asked of everything."""


class Said(Record):
    """One thing that was said."""

    code: str
    level: Level
    message: str
    file: str
    """Path from where the command ran; of a file in a pack, the pack's in front."""
    line: int | None
    address: str
    """Where it is, as verify or audit names it."""


class Asked(Record):
    """One question, how it came out, and what was said of it."""

    id: str
    title: str
    outcome: Outcome
    reason: str = ""
    """Why it was not checked."""
    said: tuple[Said, ...] = ()


class Judged(Record):
    """A pack or a document with all that was asked of it."""

    name: str
    verdict: str
    exit_code: int
    asked: tuple[Asked, ...]


def of_report(report: Report) -> Judged:
    """A pack that was verified."""
    by_check: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_check.setdefault(finding.check, []).append(finding)
    asked = [_check(one, by_check.pop(one.id, []), report.pack) for one in report.checks]
    asked += [
        Asked(name, name, _worst(found), said=_all(found, report.pack))
        for name, found in by_check.items()
    ]
    if isinstance(report, ReportUnderPolicy):
        asked += [_demand(one, report.pack) for one in report.policy.demands]
    good = report.exit is ExitCode.DONE
    said = Said(VERDICT, "error", _meaning(report), report.pack, None, report.pack)
    verdict = Asked(
        VERDICT, "exit status 0", "pass" if good else "fail", said=() if good else (said,)
    )
    return Judged(report.pack, report.verdict, report.exit_code, (*asked, verdict))


def _demand(one: DemandRecord, pack: str) -> Asked:
    name = f"policy.{one.id}"
    if one.outcome != "fail":
        return Asked(name, one.demand, one.outcome, one.reason)
    message = f"demanded: {one.demand}; {one.reason}"
    said = Said("policy", "error", message, pack, None, one.id)
    return Asked(name, one.demand, "fail", said=(said,))


def _check(check: CheckResult, found: list[Finding], pack: str) -> Asked:
    return Asked(check.id, check.title, check.outcome, check.reason, _all(found, pack))


def _worst(found: list[Finding]) -> Outcome:
    return "fail" if any(_LEVELS[one.severity] == "error" for one in found) else "pass"


def _all(found: list[Finding], pack: str) -> tuple[Said, ...]:
    return tuple(_finding(one, pack) for one in found)


def _finding(one: Finding, pack: str) -> Said:
    file, line = _place(one.address, pack)
    parts = [one.message]
    parts += [] if one.expected is None else [f"expected: {one.expected}"]
    parts += [] if one.actual is None else [f"found: {one.actual}"]
    return Said(one.code, _LEVELS[one.severity], "; ".join(parts), file, line, one.address)


def _place(address: str, pack: str) -> tuple[str, int | None]:
    match = _ADDRESS.fullmatch(address.partition(" + ")[0])
    if match is None or match[1] == pack:
        return pack, None
    return f"{pack}/{match[1]}", int(match[2]) if match[2] and int(match[2]) else None


def _meaning(report: Report) -> str:
    """The verdict in one line, for programs that show no more."""
    happened = f": {report.happened}" if report.happened else ""
    return f"{report.verdict}, exit status {report.exit_code}{happened}"


_OUTCOMES: Final[dict[Verdict, Outcome]] = {
    "supported": "pass",
    "contradicted": "fail",
    "mislabelled": "fail",
    "unsupported": "not_checked",
    "not-checked": "not_checked",
}


def of_audit(audit: AuditRecord, exit_code: int, *, strict: bool) -> list[Judged]:
    """Each document of an audit. `strict`: what no file supports has failed."""
    found: list[Judged] = []
    for document in audit.documents:
        asked = [
            *(_marker(one) for one in audit.markers if one.document == document),
            *(_claim(one, strict=strict) for one in audit.claims if one.document == document),
        ]
        failed = any(one.outcome == "fail" for one in asked)
        code = exit_code if failed else int(ExitCode.DONE)
        found.append(Judged(document, "FINDINGS" if failed else "NO FINDING", code, tuple(asked)))
    if audit.findings:
        found.append(Judged(audit.evidence, "NO FINDING", 0, tuple(_among(audit))))
    return found


def _marker(one: MarkerRecord) -> Asked:
    name = f"{one.line}:{one.column} {one.pack} {one.value}".strip()
    code = f"marker-{one.outcome}"
    if one.outcome == "same":
        return Asked(name, "a marker shows what its pack says", "pass")
    said = Said(code, "error", one.message, one.document, one.line, one.address)
    return Asked(name, "a marker shows what its pack says", "fail", said=(said,))


def _claim(one: ClaimRecord, *, strict: bool) -> Asked:
    outcome = _OUTCOMES[one.verdict]
    name = f"{one.line}:{one.column} {one.text}"
    places = ", ".join(place.file for place in one.evidence[:3])
    message = f"{one.text}: {one.message}" if one.message else one.text
    if outcome == "not_checked" and not (strict and one.verdict == "unsupported"):
        return Asked(name, one.verdict, outcome, one.message or one.verdict)
    if outcome == "pass":
        return Asked(name, one.verdict, outcome)
    said = Said(one.verdict, "error", message, one.document, one.line, places)
    return Asked(name, one.verdict, "fail", said=(said,))


def _among(audit: AuditRecord) -> Iterator[Asked]:
    """What files say among themselves fails no audit, whatever it is."""
    for one in audit.findings:
        place = one.evidence[0] if one.evidence else None
        file = audit.evidence if place is None else f"{audit.evidence}/{place.file}"
        level: Level = "note" if one.severity == "note" else "warning"
        line = None if place is None else place.line
        said = Said(
            one.code, level, one.message, file, line, "" if place is None else place.address
        )
        yield Asked(one.code, "files agree among themselves", "pass", said=(said,))
