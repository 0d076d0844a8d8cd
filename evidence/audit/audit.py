"""Documents held against evidence: every claim, its verdict, and where it stands.

Responsible for the use case: reading both sides, judging claim by claim, counting. A document under
audit, and any page written by hand that lies among the evidence, is no evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from msgspec.structs import replace

from evidence.audit.anchors import within_anchors
from evidence.audit.claims import Claim, Judged
from evidence.audit.derived import (
    batches,
    counts,
    of_trainings,
    perplexities,
    series,
    shares,
    spreads,
    spreads_of_ends,
)
from evidence.audit.extraction import claims_in
from evidence.audit.files import Files, judge_date, judge_unchanged
from evidence.audit.identities import judge_identity
from evidence.audit.known import Known, known_of, stated, to_their_digits
from evidence.audit.numbers import judge_number
from evidence.audit.of_pack import evidence_of, pages_of, values, values_stated
from evidence.audit.pointers import pointed_at
from evidence.audit.relations import by_context, judge_difference, judge_statistic, of_row
from evidence.audit.report import (
    VERDICTS,
    AuditRecord,
    FindingRecord,
    SourceRecord,
    claim_record,
    place_record,
)
from evidence.audit.settings import in_force
from evidence.audit.shelf import Shelf
from evidence.audit.weights_unknown import without_digest
from evidence.errors import PackBrokenError, UsageError
from evidence.foreign import reading
from evidence.foreign.among import among
from evidence.foreign.facts import Source
from evidence.foreign.trainings import Training, trainings
from evidence.markers.page import markers_of
from evidence.text.escape import visible
from evidence.verification.verification import open_checked

PAGES: Final = (".md", ".markdown", ".rst", ".html", ".htm", ".pdf", ".docx")
"""Written by hand, and evidence of nothing."""


def audit_folder(documents: Sequence[Path], also: Sequence[Path], root: Path) -> AuditRecord:
    """Documents against a folder of evidence. Raises UsageError where one cannot be read."""
    if not root.is_dir():
        raise UsageError(
            f"there is no folder {root.as_posix()}",
            hint="--evidence takes the folder that holds the logs and results.",
        )
    pages = [path.resolve() for path in (*documents, *also)]
    sources = [
        one
        for one in reading.folder(root)
        if not one.path.lower().endswith(PAGES) and (root / one.path).resolve() not in pages
    ]
    return _audit([*documents, *also], root, sources, list(values_stated(sources)))


def audit_pack(documents: Sequence[Path], also: Sequence[Path], pack: Path) -> AuditRecord:
    """Documents against a pack, a run's or an imported one.

    Raises UsageError for one that verify does not find intact.
    """
    try:
        checked = open_checked(pack)
    except PackBrokenError as error:
        raise UsageError(f"nothing was audited: {error.message}", hint=error.hint) from error
    sources = evidence_of(pack, checked.documents)
    more = list(values(checked.documents.results))
    rendered = pages_of(pack, checked.report)
    return _audit([*documents, *also], pack, sources, more, rendered, is_checked=True)


def audit_markers(documents: Sequence[Path], also: Sequence[Path]) -> AuditRecord:
    """The markers of documents alone. Raises UsageError where one cannot be read."""
    markers, notes = markers_of([*documents, *also])
    return AuditRecord(
        schema="audit.v1",
        documents=tuple(visible(path.as_posix()) for path in (*documents, *also)),
        evidence="",
        counts=dict.fromkeys(sorted(VERDICTS), 0),
        claims=(),
        findings=(),
        sources=(),
        notes=notes,
        markers=markers,
    )


def _audit(
    documents: Sequence[Path],
    root: Path,
    sources: Sequence[Source],
    more: Sequence[Known],
    rendered: frozenset[Path] = frozenset(),
    *,
    is_checked: bool = False,
) -> AuditRecord:
    """`is_checked`: verify has held the files against one another, and knows more of them."""
    found = trainings(sources)
    shelf = Shelf(_known(in_force(sources), found, [*more, *pointed_at(root, sources)]))
    names = frozenset(path.name for path in documents)
    files = Files(root, sources, names)
    ended = _ended(found)
    judged: list[Judged] = []
    markers, of_markers = markers_of(documents)
    notes = list(of_markers)
    for path in documents:
        claims, left_out = claims_in(path, visible(path.as_posix()))
        notes += [f"{visible(path.as_posix())}: {one}" for one in left_out]
        found_in = within_anchors(list(_judged(claims, shelf, files, ended)))
        judged += _as_rendered(found_in) if path.resolve() in rendered else found_in
    return AuditRecord(
        schema="audit.v1",
        documents=tuple(visible(path.as_posix()) for path in documents),
        evidence=visible(root.as_posix()),
        counts={
            verdict: sum(one.verdict == verdict for one in judged) for verdict in sorted(VERDICTS)
        },
        claims=tuple(claim_record(one) for one in judged),
        findings=() if is_checked else findings(sources, found),
        sources=tuple(_source(one) for one in sources if one.is_read),
        notes=(*notes, *(f"{one.path} {note}" for one in sources for note in one.notes)),
        markers=markers,
    )


def _as_rendered(judged: Sequence[Judged]) -> Iterator[Judged]:
    """Of a page that verify finds to be what rendering the evidence gives: each number in it comes
    from an address, also where no name was recognised."""
    for one in judged:
        if one.verdict in ("unsupported", "not-checked"):
            message = "rendered from the evidence, as verify has found"
            yield replace(one, verdict="supported", message=message, expected="")
        else:
            yield one


def _known(
    sources: Sequence[Source], found: Sequence[Training], more: Sequence[Known]
) -> Iterator[Known]:
    said = [*to_their_digits(stated(sources, found)), *more]
    partial = frozenset(one.path for one in sources if one.is_partial)
    followed = list(of_trainings(found, partial))
    followed += series(said, partial)
    yield from said
    yield from followed
    yield from perplexities((*said, *followed))
    yield from counts(sources)
    yield from batches(said)
    yield from spreads(one for one in said if not one.is_row or one.keys)
    yield from spreads_of_ends(followed)
    yield from shares(sources)


def _ended(found: Sequence[Training]) -> Known | None:
    """A value of the row that is printed at the end of a training."""
    totals = next((one.totals for one in found if one.totals is not None), None)
    return None if totals is None else known_of(totals.facts[0])


def _judged(
    claims: Sequence[Claim], shelf: Shelf, files: Files, ended: Known | None
) -> Iterator[Judged]:
    together = by_context(claims)
    quoted = [one for one in claims if one.kind == "quotation"]
    quotations = dict(zip(quoted, files.judge_quotations(quoted), strict=True))
    for claim in claims:
        match claim.kind:
            case "quotation":
                yield quotations[claim]
            case "file":
                yield files.judge_file(claim)
            case "digest":
                yield files.judge_digest(claim, shelf)
            case "date":
                yield judge_date(claim, shelf)
            case "unchanged":
                yield judge_unchanged(claim)
            case "identity":
                yield judge_identity(claim, shelf, ended=ended)
            case "difference":
                yield judge_difference(claim, together[claim.context], shelf)
            case "statistic":
                yield judge_statistic(claim, shelf)
            case _:
                mean = of_row(claim, together[claim.context])
                yield judge_number(claim, shelf) if mean is None else mean


def findings(sources: Sequence[Source], found: Sequence[Training]) -> tuple[FindingRecord, ...]:
    """What the files say among themselves."""
    return tuple(
        FindingRecord(one.code, one.severity, one.message, tuple(map(place_record, one.places)))
        for one in (*among(sources, found), *without_digest(sources))
    )


def _source(one: Source) -> SourceRecord:
    return SourceRecord(
        path=PurePosixPath(one.path).as_posix(),
        sha256=one.sha256 or None,
        size_bytes=one.size_bytes,
        format=one.format,
        encoding=one.encoding,
        num_values=len(one.facts),
        notes=one.notes,
    )
