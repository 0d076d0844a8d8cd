"""Rows that somebody shows of a pack that withholds them, held against what it commits to.

Responsible for saying which of them are the sealed ones, whether these score as the milestone
scores, and that nothing else follows from them. What is shown comes from a stranger too: a file
that does not hold says nothing against the pack.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evidence import layout, limits
from evidence.encoding import jsonio, schema
from evidence.encoding.codec import decode
from evidence.encoding.digest import sha256_hex
from evidence.errors import EvidenceError, MalformedError, UsageError
from evidence.pack.seal import format_sums
from evidence.records.commitments import CommitmentRecord, DisclosedRow, DisclosureRecord
from evidence.records.milestone import EvalSpec
from evidence.records.run import PredictionRow
from evidence.rules import merkle, scoring
from evidence.rules.patterns import NoEngineError
from evidence.system.entries import open_regular
from evidence.verification.consistency.likelihood import likelihood_problems
from evidence.verification.consistency.registry import Check, Evidence, Problems, differs
from evidence.verification.ledger import Rule
from evidence.verification.options import NOT_OF_PACK
from evidence.verification.problem import CannotCheckError, Problem, shown

DISCLOSED: Final = Rule(
    "disclosed-rows", "the rows that are shown are sealed ones, and score as the pack says"
)
_SHOWN: Final = "disclosed"
_ROWS: Final = "prediction-row.v1"


def disclosed_rows(path: Path) -> Check:
    """The check of a file of disclosed rows, for `VerifyOptions.disclosed`.

    Raises UsageError where it cannot be read, or is no such file.
    """
    record = _read(path)
    return Check(DISCLOSED, lambda evidence: _problems(path.as_posix(), record, evidence))


def _read(path: Path) -> DisclosureRecord:
    try:
        with open_regular(path, follow=True) as stream:
            data = stream.read(limits.MAX_JSON_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > limits.MAX_JSON_BYTES:
        raise UsageError(f"{path} has more than the {limits.MAX_JSON_BYTES} bytes of such a file")
    try:
        value = jsonio.load_document(data)
        problems = schema.validate("disclosure.v1", value)
        if problems:
            first = problems[0]
            raise MalformedError(f"{shown(first.pointer)}: {shown(first.message)}")
        return decode(DisclosureRecord, value)
    except EvidenceError as error:
        raise UsageError(
            f"{path} is no file of disclosed rows: {error.message}",
            hint="`evidence disclose PACK --rows 3 --to FILE` writes one.",
        ) from error


def _problems(place: str, record: DisclosureRecord, evidence: Evidence) -> Problems:
    """Each row with its salt and its path leads to the root in commitments.json, of a tree with as
    many rows as that says (rules.merkle); shown once. Of the completed evaluation each is a row of
    its schema at its place, with its digests, its answer cut out of the output, and its scores
    computed again from answer and target; no more rows are right, and no more are wrong, than
    results.json says. Exact."""
    one = _committed(record, evidence)
    root = sha256_hex(format_sums(evidence.documents.digests))
    if record.pack_sha256 != root:
        text = "shows rows of another pack"
        yield Problem(place, text, root, record.pack_sha256, code=NOT_OF_PACK)
        return
    if one is None or record.num_rows != one.num_rows:
        text = f"is not about rows of this pack: {shown(record.path)}, {record.num_rows} rows"
        yield Problem(place, text, code=NOT_OF_PACK)
        return
    held: list[tuple[int, PredictionRow | None]] = []
    seen: set[int] = set()
    for number, row in enumerate(record.rows):
        at = f"{place}#/rows/{number}"
        if row.index in seen:
            yield Problem(at, f"shows row {row.index} a second time", code=NOT_OF_PACK)
        elif not _leads(row, one):
            text = f"is not row {row.index} of this pack: it does not lead to the sealed root"
            yield Problem(at, text, code=NOT_OF_PACK)
        else:
            parsed: list[PredictionRow] = []
            yield from _judged(row, one, evidence, parsed)
            held.append((row.index, parsed[0] if parsed else None))
        seen.add(row.index)
    rows = [row for _, row in held if row is not None]
    yield from _against_results(rows, one, evidence)
    yield from _said(held, one)


def _committed(record: DisclosureRecord, evidence: Evidence) -> CommitmentRecord | None:
    """None where it commits to no such rows, or withholds none at all."""
    commitments = evidence.documents.commitments
    files = () if commitments is None else commitments.files
    return next((one for one in files if one.path == record.path), None)


def _leads(row: DisclosedRow, one: CommitmentRecord) -> bool:
    leaf = merkle.leaf_of(bytes.fromhex(row.salt), row.row.encode("utf-8"))
    path = [bytes.fromhex(part) for part in row.audit_path]
    root = bytes.fromhex(one.root_sha256)
    return merkle.leads_to(root, one.num_rows, row.index, leaf, path)


def _judged(
    row: DisclosedRow, one: CommitmentRecord, evidence: Evidence, parsed: list[PredictionRow]
) -> Problems:
    """What is wrong with a row that the pack does commit to; `parsed` takes it in."""
    place = f"{one.path}#L{row.index + 1}"
    try:
        value = jsonio.load_row(row.row.encode("utf-8"), row.index + 1)
        problems = schema.validate(_ROWS, value)
        if problems:
            raise MalformedError(f"{problems[0].pointer}: {problems[0].message}")
        found = decode(PredictionRow, value)
    except MalformedError as error:
        yield Problem(place, f"the sealed row is none: {shown(error.message)}")
        return
    if one.path != layout.PREDICTIONS or evidence.context.plan is None:
        return  # of an attempt that did not complete nothing is claimed
    yield from differs(f"{place}/index", "another place than its own", row.index, found.index)
    for key in ("prompt", "target", "output"):
        text = f"is not the digest of this row's {key}"
        digest = sha256_hex(getattr(found, key).encode("utf-8"))
        yield from differs(f"{place}/{key}_sha256", text, digest, getattr(found, f"{key}_sha256"))
    spec = evidence.plan.eval
    answer = scoring.extract_answer(found.output, spec.answer_after)
    text = "is not the part of the output that is scored"
    yield from differs(f"{place}/answer", text, answer, found.answer)
    yield from likelihood_problems(spec, found, place)
    yield from _scores(place, spec, found)
    parsed.append(found)


def _scores(place: str, spec: EvalSpec, row: PredictionRow) -> Problems:
    try:
        expected = scoring.scores(spec, row.output, row.answer, row.target, row.choices)
    except NoEngineError as error:
        raise CannotCheckError(error.message) from error
    text = "other scores than this answer and target give"
    yield from differs(f"{place}/scores", text, _listed(expected), _listed(row.scores))


def _listed(scores: dict[str, bool]) -> str:
    return ", ".join(f"{name}: {'yes' if scores[name] else 'no'}" for name in sorted(scores))


def _against_results(
    rows: list[PredictionRow], one: CommitmentRecord, evidence: Evidence
) -> Problems:
    results = evidence.documents.results
    if results is None or not rows:
        return
    for name in rows[0].scores:
        count = next(
            (
                value.value
                for key in ("num_correct", "num_matching")
                if (value := results.values.get(f"eval.{name}.{key}")) is not None
            ),
            None,
        )
        if not isinstance(count, int):
            continue
        right = sum(row.scores.get(name, False) for row in rows)
        place = f"{layout.RESULTS}#/values/eval.{name}"
        if right > count or len(rows) - right > one.num_rows - count:
            text = f"is not what the rows shown allow: {right} of these {len(rows)} have it"
            yield Problem(place, text, actual=f"{count} of {one.num_rows}")


def _said(held: list[tuple[int, PredictionRow | None]], one: CommitmentRecord) -> Iterator[Problem]:
    """What was shown, and what was not: said first, before the rows one by one."""
    hidden = one.num_rows - len(held)
    text = f"{len(held)} of {one.num_rows} rows are shown, and are those committed to; "
    text += (
        f"the other {hidden} are not checked: nothing says that these stand for them, and no score "
        "of all rows follows from them"
        if hidden
        else "every row is shown: the scores of all follow from the withheld files themselves"
    )
    yield Problem(one.path, text, severity="advice", code=_SHOWN)
    for index, row in held:
        place = f"{one.path}#L{index + 1}"
        if row is None:
            text = "this row is shown, and not scored again: it is of no completed evaluation"
        else:
            target, answer = shown(row.target), shown(row.answer)
            text = f"answers {answer!r}, expected {target!r}; again: {_listed(row.scores)}"
        yield Problem(place, text, severity="advice", code=_SHOWN)
