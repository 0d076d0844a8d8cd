"""An audit in words: a table for a terminal, a page in markdown.

Responsible for layout alone; every text of a document or a file passes the gate for its medium.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from evidence.audit.report import VERDICTS, AuditRecord, ClaimRecord, FindingRecord, PlaceRecord
from evidence.markers.page import MarkerRecord
from evidence.text.escape import one_line
from evidence.text.formatting import plural
from evidence.text.markdown import inline

_MAX_CHARS: Final = 240
_MAX_PLACES: Final = 3
_MARKER_HEAD: Final = (
    "| Outcome | Where | Pack | Value | The page has | What is wrong |",
    "| --- | --- | --- | --- | --- | --- |",
)


def counted(audit: AuditRecord) -> str:
    """The verdicts in one line."""
    parts = [f"{audit.counts[name]} {name}" for name in VERDICTS if audit.counts.get(name)]
    count = plural(len(audit.claims), "claim")
    said = f"{count}: {', '.join(parts)}" if parts else "no claim was found"
    if not audit.markers:
        return said
    good = sum(one.outcome == "same" for one in audit.markers)
    shows = "shows" if len(audit.markers) == 1 else "show"
    marked = f"{good} of {plural(len(audit.markers), 'marker')} {shows} what the evidence says"
    return f"{said}; {marked}" if audit.evidence else marked


def lines(audit: AuditRecord, *, every: bool) -> Iterator[tuple[str, str]]:
    """Verdict and line for a terminal; claims that are supported only where `every`."""
    for one in audit.markers:
        if one.outcome != "same":
            yield one.outcome, f"{_shown(f'{one.document}:{one.line}:{one.column}')}  {one.message}"
        elif every:
            place = f"{one.document}:{one.line}:{one.column}"
            yield (
                one.outcome,
                f"{_shown(place)}  {_shown(one.content, 80)}  [{_shown(one.address)}]",
            )
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
        f"{_against(audit)}: {counted(audit)}.",
        "| Verdict | Where | Claim | What the evidence says | Evidence |",
        "| --- | --- | --- | --- | --- |",
    ]
    parts[2:] = ["\n".join([*parts[2:], *(_row(one) for one in _in_order(audit.claims))])]
    if audit.markers:
        parts.append("## Markers")
        parts.append("\n".join([*_MARKER_HEAD, *map(_marker_row, audit.markers)]))
    if audit.findings:
        parts.append("## The evidence among itself")
        parts.append("\n".join(_item(one) for one in audit.findings))
    parts.append(
        "Supported means that a file says so, not that the file is true. Unsupported means that no "
        "file says so, not that it is wrong."
    )
    return "\n\n".join(parts) + "\n"


def _against(audit: AuditRecord) -> str:
    return f"Held against {inline(audit.evidence)}" if audit.evidence else "Markers alone"


def _marker_row(one: MarkerRecord) -> str:
    place = f"{one.document}:{one.line}"
    cells = (one.outcome, place, one.pack, one.value, _shown(one.content), _shown(one.message))
    return f"| {' | '.join(inline(cell) for cell in cells)} |"


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
