"""Checks on rows that are withheld: the pack commits to each, and says so of those not here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.errors import MalformedError
from evidence.pack.commitments import is_committed, leaves_of, lines_of, read_salts, salts_path
from evidence.records.commitments import CommitmentRecord
from evidence.results.context import journal_at
from evidence.rules import merkle
from evidence.verification.consistency.registry import Evidence, Problems, check, differs
from evidence.verification.problem import CannotCheckError, Problem, shown

ABSENT: Final = "rows-withheld"


def _withholds(evidence: Evidence) -> bool:
    documents = evidence.documents
    return documents.commitments is not None or bool(documents.milestone.publish.withhold_rows)


@check("commitments", "the pack commits to every row that it withholds", asked=_withholds)
def commitments(evidence: Evidence) -> Problems:
    """commitments.json is there exactly where the milestone withholds rows, names each such file
    once, in order, with its salts beside it, both withheld; of the completed evaluation as many
    rows as results, journal and data have (docs/disclosure.md). Where rows and salts are at hand,
    the root follows from them (rules.merkle). Exact. A warning for rows that are not here: nothing
    of them can be checked."""
    publish = evidence.documents.milestone.publish
    found = evidence.documents.commitments
    if found is None:
        text = "a pack that withholds rows has this file"
        yield Problem(layout.COMMITMENTS, text, code="missing")
        return
    if not publish.withhold_rows:
        yield Problem(layout.COMMITMENTS, "the milestone withholds no rows")
    place = layout.COMMITMENTS
    text = "not the algorithm of this rule set"
    yield from differs(f"{place}#/algorithm", text, merkle.ALGORITHM, found.algorithm)
    wanted = sorted(path for path in evidence.documents.digests if is_committed(path, publish))
    text = "not the files whose rows are withheld"
    yield from differs(f"{place}#/files", text, wanted, [one.path for one in found.files])
    not_here: list[str] = []
    for index, one in enumerate(found.files):
        at = f"{place}#/files/{index}"
        yield from _listed(at, one, evidence)
        yield from _counted(f"{at}/num_rows", one, evidence)
        lacking = [path for path in (one.path, one.salts) if path not in evidence.present]
        if one.path in lacking:
            text = (
                f"{one.num_rows} rows are committed to and not in this copy: what follows from "
                "them is as its author sealed it, and not checked"
            )
            yield Problem(one.path, text, severity="warning", code=ABSENT)
        if lacking:
            not_here += lacking
        else:
            yield from _root(at, one, evidence)
    if not_here:
        raise CannotCheckError(f"withheld from this copy: {', '.join(map(shown, not_here))}")


def _listed(place: str, one: CommitmentRecord, evidence: Evidence) -> Problems:
    yield from differs(f"{place}/salts", "not beside its rows", salts_path(one.path), one.salts)
    named = {entry.path for entry in evidence.documents.withheld.files}
    for path in (one.path, one.salts):
        if path not in evidence.documents.digests:
            yield Problem(place, "names a file that is not sealed", actual=path)
        elif path not in named:
            yield Problem(place, f"is not among the files of {layout.WITHHELD}", actual=path)


def _counted(place: str, one: CommitmentRecord, evidence: Evidence) -> Problems:
    """Of the evaluation that completed."""
    if one.path != layout.PREDICTIONS or evidence.context.plan is None:
        return
    spec = evidence.plan.eval
    available = evidence.rows_of(spec.data)
    expected = available if spec.limit is None else min(spec.limit, available)
    text = "another number of rows than milestone and data give"
    yield from differs(place, text, expected, one.num_rows)
    for event in evidence.events("stage-finished", "eval"):
        at, text = journal_at(event, "data", "num_rows"), "another number of rows than committed to"
        yield from differs(at, text, one.num_rows, event.data["num_rows"])
    results = evidence.documents.results
    value = None if results is None else results.values.get("eval.num_examples")
    if value is not None:
        text = f"another number of rows than {layout.RESULTS} has"
        yield from differs(place, text, value.value, one.num_rows)


def _root(place: str, one: CommitmentRecord, evidence: Evidence) -> Problems:
    try:
        salts = read_salts(_bytes(one.salts, evidence), one.salts)
    except MalformedError as error:
        yield Problem(one.salts, error.message)
        return
    rows = list(_rows(one.path, evidence))
    text = "another number of rows than are there"
    yield from differs(f"{place}/num_rows", text, len(rows), one.num_rows)
    text = "not a salt for each row"
    yield from differs(one.salts, text, len(rows), len(salts))
    if len(rows) == len(salts):
        root = merkle.root_of(leaves_of(salts, rows)).hex()
        text = "not the root of these rows and salts"
        yield from differs(f"{place}/root_sha256", text, root, one.root_sha256)


def _bytes(path: str, evidence: Evidence) -> bytes:
    data = evidence.contents.get(path)
    if data is None:
        raise CannotCheckError(f"{path} is too large to be read")
    return data


def _rows(path: str, evidence: Evidence) -> Iterator[bytes]:
    """Each row without its line end. A long file was parsed piece by piece and let go; its form was
    checked, so that writing its rows again gives the same bytes."""
    parsed = evidence.documents.of_stages.get(path)
    if path in evidence.contents or parsed is None:
        yield from lines_of(_bytes(path, evidence))
    else:
        yield from (jsonio.dump_row(encode(row)).removesuffix(b"\n") for row in parsed)
