"""Checks on what the model saw: recorded batches, coverage, truncation, data facts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.inputs import FieldCoverage, SeenBatch, SeenRecord, SeenRow
from evidence.records.run import StepRow
from evidence.verify.consistency.registry import Evidence, Problems, check, differs, need
from evidence.verify.problem import CannotCheckError, Problem, shown
from evidence.workload.recorder import steps_to_keep
from evidence.workload.stream import START, add_row, end_step

IGNORED: Final = -100
"""Label of a token without loss, PyTorch's convention."""


def _seen(evidence: Evidence) -> SeenRecord:
    _ = evidence.plan
    return need(evidence.documents.seen, "seen.json is not there")


def _batches(evidence: Evidence) -> Iterator[tuple[str, SeenBatch]]:
    for index, batch in enumerate(_seen(evidence).batches):
        yield f"{layout.SEEN}#/batches/{index}", batch


def _rows(evidence: Evidence) -> Iterator[tuple[str, SeenRow]]:
    for place, batch in _batches(evidence):
        for index, row in enumerate(batch.rows):
            yield f"{place}/rows/{index}", row


def _num_targets(row: SeenRow) -> int:
    return sum(label != IGNORED for label in row.labels[1:])


@check("seen-batches", "the recorded batches are those of their steps, token for token")
def seen_batches(evidence: Evidence) -> Problems:
    """The steps that the recorder keeps (first, last, eight drawn by the seed); rows, tokens and
    target tokens (labels[1:] ≠ −100) as in the step's row; the row stream recomputed from the
    step before through these rows is the step's (workload/stream.py). Exact."""
    steps = {row.step: row for row in evidence.documents.steps}
    train = evidence.plan.train
    expected = sorted(steps_to_keep(len(steps), train.seed)) if steps else []
    found = [batch.step for _, batch in _batches(evidence)]
    text = "other steps were recorded than the recorder keeps"
    yield from differs(f"{layout.SEEN}#/batches", text, expected, found)
    for place, batch in _batches(evidence):
        row = steps.get(batch.step)
        if row is None:
            yield Problem(f"{place}/step", "there is no row of this step", actual=batch.step)
            continue
        counts = (
            ("num_rows", row.num_rows, len(batch.rows)),
            ("num_tokens", row.num_tokens, sum(len(one.ids) for one in batch.rows)),
            ("num_target_tokens", row.num_target_tokens, sum(map(_num_targets, batch.rows))),
        )
        for key, stated, counted in counts:
            text = f"another {key} than the row of step {batch.step} states"
            yield from differs(f"{place}/rows", text, stated, counted)
        yield from _stream(place, batch, steps)


def _stream(place: str, batch: SeenBatch, steps: dict[int, StepRow]) -> Problems:
    before = START if batch.step == 1 else None
    if batch.step - 1 in steps:
        before = steps[batch.step - 1].stream
    if before is None:
        return
    fed = reduce(lambda s, r: add_row(s, r.source_row, r.ids, r.labels), batch.rows, before)
    text = "these rows do not give the row stream of their step"
    expected = steps[batch.step].stream
    yield from differs(f"{place}/rows", text, expected, end_step(fed, batch.step))


@check("seen-rows", "recorded rows are possible: ids, labels, lengths, texts")
def seen_rows(evidence: Evidence) -> Problems:
    """len(labels) = len(ids) ≤ max_length; a label is −100 or its own id; 0 ≤ id < vocabulary;
    source_row is a row of the data; target text exactly where a token carries loss. Exact."""
    train = evidence.plan.train
    num_rows = evidence.rows_of(train.data)
    tokenizer = evidence.documents.inputs.tokenizer
    vocabulary = None if isinstance(tokenizer, Unavailable) else tokenizer.vocab_size
    for place, row in _rows(evidence):
        if not 0 <= row.source_row < num_rows:
            text = f"the data have {num_rows} rows"
            yield Problem(f"{place}/source_row", text, f"< {num_rows}", row.source_row)
        text = "as many labels as ids"
        yield from differs(f"{place}/labels", text, len(row.ids), len(row.labels))
        if len(row.ids) > train.max_length:
            text = "longer than the milestone allows"
            yield Problem(f"{place}/ids", text, f"at most {train.max_length}", len(row.ids))
        pairs = zip(row.ids, row.labels, strict=False)
        if any(label not in (IGNORED, one) for one, label in pairs):
            yield Problem(f"{place}/labels", "a label is neither −100 nor the id at its place")
        if vocabulary is not None and any(not 0 <= one < vocabulary for one in row.ids):
            text = "an id outside the tokenizer's vocabulary"
            yield Problem(f"{place}/ids", text, f"0 to {vocabulary - 1}")
        if bool(row.target_text) and not _num_targets(row):
            yield Problem(f"{place}/target_text", "target text, but no token carries loss")


@check("seen-counts", "how often rows were seen follows from rows and epochs")
def seen_counts(evidence: Evidence) -> Problems:
    """num_rows = rows of the data; times_seen_min ≤ num_rows_fed/num_rows ≤ times_seen_max, and
    at most one epoch apart; stage and text template are the milestone's; rows_truncated rise,
    within the data; tokens are cut exactly where rows are. Exact."""
    seen, train = _seen(evidence), evidence.plan.train
    num_rows = evidence.rows_of(train.data)
    facts = (
        ("num_rows", num_rows, seen.num_rows),
        ("stage", "train", seen.stage),
        ("text_template", evidence.plan.data[train.data].text or "", seen.text_template),
    )
    for key, expected, found in facts:
        text = f"another {key} than milestone and data give"
        yield from differs(f"{layout.SEEN}#/{key}", text, expected, found)
    if num_rows:
        low, high = seen.num_rows_fed // num_rows, -(-seen.num_rows_fed // num_rows)
        for key, expected, found in (
            ("times_seen_min", low, seen.times_seen_min),
            ("times_seen_max", high, seen.times_seen_max),
        ):
            text = "each epoch feeds each row once, so this follows from num_rows_fed"
            yield from differs(f"{layout.SEEN}#/{key}", text, expected, found)
    yield from _row_list("rows_truncated", seen.rows_truncated, num_rows, layout.SEEN)
    if bool(seen.rows_truncated) != (seen.num_tokens_cut > 0):
        text = "tokens are cut exactly where rows are truncated"
        yield Problem(f"{layout.SEEN}#/num_tokens_cut", text, actual=seen.num_tokens_cut)


def _row_list(key: str, rows: tuple[int, ...], num_rows: int, path: str) -> Problems:
    if list(rows) != sorted(set(rows)) or (rows and not 0 <= rows[0] <= rows[-1] < num_rows):
        text = f"row numbers rise, each once, from 0 to {num_rows - 1}"
        yield Problem(f"{path}#/{key}", text)


@check("seen-answers", "the loss reached every field that the milestone calls an answer")
def seen_answers(evidence: Evidence) -> Problems:
    """Every answer field has target tokens in at least one row; is_answer as declared; counts
    within the rows (rules.md: target tokens). A milestone can force such a run through with
    answer_may_be_unseen; a reader of the pack must still be told.
    Warnings: an answer field that misses rows, a field that no text uses."""
    seen, train = _seen(evidence), evidence.plan.train
    spec = evidence.plan.data[train.data]
    by_field = {one.field: one for one in seen.coverage}
    for field in spec.answer:
        if field not in by_field:
            yield Problem(f"{layout.SEEN}#/coverage", f"says nothing of the answer {shown(field)}")
    for index, one in enumerate(seen.coverage):
        place = f"{layout.SEEN}#/coverage/{index}"
        text = "whether it is an answer, as the milestone says"
        yield from differs(f"{place}/is_answer", text, one.field in spec.answer, one.is_answer)
        for key in ("num_rows_in_sequence", "num_rows_in_target"):
            count = getattr(one, key)
            if not 0 <= count <= seen.num_rows:
                text = "more rows than there are"
                yield Problem(f"{place}/{key}", text, f"at most {seen.num_rows}", count)
        yield from _row_list(f"coverage/{index}/rows_cut", one.rows_cut, seen.num_rows, layout.SEEN)
        yield from _reach(place, one, seen)


def _reach(place: str, one: FieldCoverage, seen: SeenRecord) -> Problems:
    name = shown(one.field)
    if one.is_answer and one.num_rows_in_target == 0:
        text = f"no token of the answer {name} carries loss in any row: it is not learned"
        place = f"{place}/num_rows_in_target"
        yield Problem(place, text, "at least 1", 0, "error", "answer-unseen")
    elif one.is_answer and one.num_rows_in_target < seen.num_rows:
        missing = seen.num_rows - one.num_rows_in_target
        text = f"{missing} of {seen.num_rows} rows are trained without their answer {name}"
        place = f"{place}/num_rows_in_target"
        yield Problem(place, text, severity="warning", code="answer-cut")
    elif not one.is_answer and one.num_rows_in_sequence == 0:
        text = f"the field {name} reaches the model in no row"
        place = f"{place}/num_rows_in_sequence"
        yield Problem(place, text, severity="warning", code="unused-field")


@check("seen-truncation", "rows that lost text to the length limit are named")
def seen_truncation(evidence: Evidence) -> Problems:
    """Warning `truncated-rows` with their number and the first of them."""
    seen = _seen(evidence)
    if seen.rows_truncated:
        named = ", ".join(map(str, seen.rows_truncated[:10]))
        more = ", …" if len(seen.rows_truncated) > 10 else ""
        text = f"{len(seen.rows_truncated)} of {seen.num_rows} rows were cut: {named}{more}"
        place = f"{layout.SEEN}#/rows_truncated"
        yield Problem(place, text, severity="warning", code="truncated-rows")


@check("data-facts", "facts about the data are possible, and what is odd about them is named")
def data_facts(evidence: Evidence) -> Problems:
    """Counts equal the lists they count; row numbers rise within the data; LF text has its own
    digest twice. Warnings: duplicate rows, overlap with the evaluation set, conflicting prompts.
    """
    if not evidence.documents.inputs.data:
        raise CannotCheckError("inputs.json has no data set")
    for name, record in evidence.documents.inputs.data.items():
        place = f"{layout.INPUTS}#/data/{name}"
        text = "not the number of rows listed beside it"
        listed = len(record.duplicate_rows)
        yield from differs(f"{place}/num_duplicate_rows", text, listed, record.num_duplicate_rows)
        lists = [("duplicate_rows", record.duplicate_rows)]
        if not isinstance(record.overlap_rows, Unavailable):
            lists.append(("overlap_rows", record.overlap_rows))
        for key, rows in lists:
            yield from _row_list(f"data/{name}/{key}", rows, record.num_rows, layout.INPUTS)
        if (record.line_ends in ("lf", "none")) != (record.sha256 == record.sha256_lf):
            text = "the two digests are equal exactly where no line ends with CRLF"
            yield Problem(f"{place}/sha256_lf", text)
        odd = (
            ("duplicate_rows", listed, "rows repeat an earlier row", "duplicate-rows"),
            ("overlap_rows", len(lists[1][1]) if len(lists) > 1 else 0,
             "rows ask what the evaluation asks", "evaluation-overlap"),
            ("num_conflicting_prompts", 0 if isinstance(record.num_conflicting_prompts, Unavailable)
             else record.num_conflicting_prompts, "prompts have several answers", "conflicts"),
        )  # fmt: skip
        for key, count, what, code in odd:
            if count:
                text = f"{count} of {record.num_rows} {what}"
                yield Problem(f"{place}/{key}", text, severity="warning", code=code)
