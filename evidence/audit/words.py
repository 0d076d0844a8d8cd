"""An audit in words: a table for a terminal, a page in markdown.

Responsible for layout alone; every text of a document or a file passes the gate for its medium.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from evidence.audit.report import VERDICTS, AuditRecord, ClaimRecord, FindingRecord, PlaceRecord
from evidence.text.escape import one_line
from evidence.text.markdown import inline

_MAX_CHARS: Final = 240
_MAX_PLACES: Final = 3


def counted(audit: AuditRecord) -> str:
    """The verdicts in one line."""
    parts = [f"{audit.counts[name]} {name}" for name in VERDICTS if audit.counts.get(name)]
    return f"{len(audit.claims)} claims: {', '.join(parts)}" if parts else "no claim was found"


def lines(audit: AuditRecord, *, every: bool) -> Iterator[tuple[str, str]]:
    """Verdict and line for a terminal; claims that are supported only where `every`."""
    for claim in _in_order(audit.claims):
        if every or claim.verdict not in ("supported", "not-checked"):
            yield claim.verdict, _line(claim)
    for finding in audit.findings:
        yield finding.severity, f"the evidence: {_shown(finding.message)}{_at(finding.evidence)}"


def _in_order(claims: Sequence[ClaimRecord]) -> list[ClaimRecord]:
    return sorted(claims, key=lambda one: (VERDICTS.index(one.verdict), one.document, one.line))


def _line(claim: ClaimRecord) -> str:
    place = f"{claim.document}:{claim.line}:{claim.column}"
    said = f": {_shown(claim.message)}" if claim.message else ""
    return f"{_shown(place)}  {_shown(claim.text, 80)}{said}{_at(claim.evidence)}"


def _at(places: Sequence[PlaceRecord]) -> str:
    named = list(dict.fromkeys(place_text(place) for place in places))[:_MAX_PLACES]
    return f"  [{', '.join(_shown(one) for one in named)}]" if named else ""


def place_text(place: PlaceRecord) -> str:
    """A place as people write it."""
    line = "" if place.line is None else f":{place.line}"
    return f"{place.file}{line}{f' {place.address}' if place.address else ''}"


def _shown(text: str, chars: int = _MAX_CHARS) -> str:
    return one_line(text, chars)


def page(audit: AuditRecord) -> str:
    """The audit as markdown."""
    documents = ", ".join(inline(one) for one in audit.documents)
    parts = [
        f"# Audit of {documents}",
        f"Held against {inline(audit.evidence)}: {counted(audit)}.",
        "| Verdict | Where | Claim | What the evidence says | Evidence |",
        "| --- | --- | --- | --- | --- |",
    ]
    parts[2:] = ["\n".join([*parts[2:], *(_row(one) for one in _in_order(audit.claims))])]
    if audit.findings:
        parts.append("## The evidence among itself")
        parts.append("\n".join(_item(one) for one in audit.findings))
    parts.append(
        "Supported means that a file says so, not that the file is true. Unsupported means that no "
        "file says so, not that it is wrong."
    )
    return "\n\n".join(parts) + "\n"


def _row(claim: ClaimRecord) -> str:
    cells = (
        claim.verdict,
        f"{claim.document}:{claim.line}",
        _shown(claim.text, 120),
        _shown(claim.message),
        ", ".join(place_text(one) for one in claim.evidence[:_MAX_PLACES]),
    )
    return f"| {' | '.join(inline(one) for one in cells)} |"


def _item(finding: FindingRecord) -> str:
    places = ", ".join(place_text(one) for one in finding.evidence[:_MAX_PLACES])
    at = f" ({places})" if places else ""
    return f"- {finding.severity}: {inline(finding.message + at)}"
