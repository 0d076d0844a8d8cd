"""Checks on what the model saw: recorded batches and their text, coverage, truncation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial, reduce
from typing import Final

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.records.inputs import FieldCoverage, SeenBatch, SeenRecord, SeenRow
from evidence.records.run import StepRow
from evidence.results.validation import num_steps_planned
from evidence.rules.row_stream import START, add_row, end_step
from evidence.rules.sampling import steps_to_record, tokens_to_record
from evidence.rules.vocabulary import Vocabulary, read_vocabulary
from evidence.stages.train import SEEN, STEPS, TRAIN
from evidence.verification.consistency import registry
from evidence.verification.consistency.registry import Evidence, Problems, differs, need
from evidence.verification.problem import CannotCheckError, Problem, shown

check = partial(registry.check, kind=TRAIN.name)


IGNORED: Final = -100
"""Label of a token without loss, PyTorch's convention."""
NUM_NAMED: Final = 10
"""Rows named in one message."""


def _seen(evidence: Evidence) -> SeenRecord:
    _ = evidence.plan
    return need(evidence.documents.document(SEEN), "seen.json is not there")


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
    step before through these rows is the step's (rules/row_stream.py). Of a step too large to be
    recorded whole (rules/sampling.py) they are the last rows, as many as fit, and the stream is
    recomputed from the one recorded before them. Exact."""
    steps = {row.step: row for row in evidence.documents.rows(STEPS)}
    train = evidence.plan.train
    planned = num_steps_planned(evidence.context) if train.early_stopping_patience else None
    whole = steps_to_record(planned or len(steps), train.seed, train.max_length) if steps else ()
    expected_steps = [step for step in whole if step <= len(steps)]  # fewer, if it ended early
    found = [batch.step for _, batch in _batches(evidence)]
    text = "other steps were recorded than the recorder keeps"
    yield from differs(f"{layout.SEEN}#/batches", text, sorted(expected_steps), found)
    for place, batch in _batches(evidence):
        row = steps.get(batch.step)
        if row is None:
            yield Problem(f"{place}/step", "there is no row of this step", actual=batch.step)
        elif row.num_tokens <= tokens_to_record(train.max_length):
            yield from _whole(place, batch, row)
            before = steps.get(batch.step - 1)
            start = START if batch.step == 1 else None
            yield from _stream(place, batch, before.stream if before else start, row)
        else:
            yield from _part(place, batch, row, train.max_length)
            yield from _stream(place, batch, batch.stream_before, row)


def _whole(place: str, batch: SeenBatch, row: StepRow) -> Problems:
    counts = (
        ("num_rows", row.num_rows, len(batch.rows)),
        ("num_tokens", row.num_tokens, sum(len(one.ids) for one in batch.rows)),
        ("num_target_tokens", row.num_target_tokens, sum(map(_num_targets, batch.rows))),
    )
    for key, stated, counted in counts:
        text = f"another {key} than the row of step {batch.step} states"
        yield from differs(f"{place}/rows", text, stated, counted)
    if batch.stream_before is not None:
        text = "no row came before these: the step is recorded whole"
        yield Problem(f"{place}/stream_before", text, None, batch.stream_before)


def _part(place: str, batch: SeenBatch, row: StepRow, max_length: int) -> Problems:
    """The last rows of a step: all that fit, and so not all of them."""
    most = tokens_to_record(max_length)
    num_tokens = sum(len(one.ids) for one in batch.rows)
    if not most - max_length < num_tokens <= most or len(batch.rows) >= row.num_rows:
        text = "not as many rows as the recorder keeps of so large a step"
        given = f"{len(batch.rows)} rows, {num_tokens} tokens"
        wanted = f"fewer than {row.num_rows} rows, at most {most} tokens and nearly as many"
        yield Problem(f"{place}/rows", text, wanted, given)
    if sum(map(_num_targets, batch.rows)) > row.num_target_tokens:
        text = f"more target tokens than the row of step {batch.step} states"
        yield Problem(f"{place}/rows", text, f"at most {row.num_target_tokens}")
    if batch.stream_before is None:
        text = "the row stream before the first of these rows is not there"
        yield Problem(f"{place}/stream_before", text, "a digest")


def _stream(place: str, batch: SeenBatch, before: str | None, row: StepRow) -> Problems:
    if before is None:
        return
    fed = reduce(lambda s, r: add_row(s, r.source_row, r.ids, r.labels), batch.rows, before)
    text = "these rows do not give the row stream of their step"
    yield from differs(f"{place}/rows", text, row.stream, end_step(fed, batch.step))


@check("seen-rows", "recorded rows are possible: ids, labels, lengths")
def seen_rows(evidence: Evidence) -> Problems:
    """len(labels) = len(ids) ≤ max_length; a label is −100 or its own id; 0 ≤ id < vocabulary;
    source_row is a row of the data. Exact."""
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


@check("seen-pieces", "one text for each recorded token, and the same token the same text")
def seen_pieces(evidence: Evidence) -> Problems:
    """len(pieces) = len(ids); an id whose text is plain ASCII has it everywhere (a character that
    several tokens make together belongs to the last of them, so others may differ). Exact."""
    texts: dict[int, str] = {}
    for place, row in _rows(evidence):
        text = "as many pieces of text as ids"
        yield from differs(f"{place}/pieces", text, len(row.ids), len(row.pieces))
        for index, (one, piece) in enumerate(zip(row.ids, row.pieces, strict=False)):
            if piece and piece.isascii() and texts.setdefault(one, piece) != piece:
                text = f"another text of the token {one} than elsewhere"
                yield Problem(f"{place}/pieces/{index}", text, texts[one], piece)


@check("seen-vocabulary", "the recorded texts are what the sealed tokenizer says of their tokens")
def seen_vocabulary(evidence: Evidence) -> Problems:
    """pieces = vocabulary.pieces(ids), looked up in the tables of the final model's
    tokenizer.json; no tokenizer is loaded. Exact; the first difference of each row. Not checked
    for a tokenizer.json past MAX_TOKENIZER_BYTES, or one whose decoder is unknown."""
    rows = list(_rows(evidence))
    vocabulary = _vocabulary(evidence)
    for place, row in rows:
        expected = vocabulary.iter_pieces(row.ids)
        try:
            for index, (wanted, given) in enumerate(zip(expected, row.pieces, strict=False)):
                if wanted != given:
                    text = f"not the text of the token {row.ids[index]}"
                    yield from differs(f"{place}/pieces/{index}", text, wanted, given)
                    break
        except MalformedError as error:
            yield Problem(f"{place}/ids", error.message)


def _vocabulary(evidence: Evidence) -> Vocabulary:
    data = evidence.contents.get(layout.TOKENIZER)
    if data is None:
        is_present = layout.TOKENIZER in evidence.present
        why = "is larger than what is parsed of a stranger's pack" if is_present else "is not there"
        raise CannotCheckError(f"{layout.TOKENIZER} {why}")
    try:
        return read_vocabulary(jsonio.load_document(data))
    except MalformedError as error:
        raise CannotCheckError(f"{layout.TOKENIZER}: {error.message}") from error


@check("seen-counts", "how often rows were seen follows from rows and epochs")
def seen_counts(evidence: Evidence) -> Problems:
    """num_rows = rows of the data; times_seen_min ≤ num_rows_fed/num_rows ≤ times_seen_max, and
    at most one epoch apart; stage and text template are the milestone's; rows_truncated rise,
    within the data, each with the tokens it lost, which sum to num_tokens_cut; times_seen has a
    count for each row, sums to num_rows_fed, and is no less than the recorded batches show.
    Exact."""
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
    yield from row_list(f"{layout.SEEN}#/rows_truncated", seen.rows_truncated, num_rows)
    text = "one number of lost tokens for each truncated row"
    counts = len(seen.rows_truncated), len(seen.tokens_cut)
    yield from differs(f"{layout.SEEN}#/tokens_cut", text, *counts)
    text = "not the sum of the tokens that single rows lost"
    place = f"{layout.SEEN}#/num_tokens_cut"
    yield from differs(place, text, sum(seen.tokens_cut), seen.num_tokens_cut)
    yield from _times(evidence, seen)


def _times(evidence: Evidence, seen: SeenRecord) -> Problems:
    place, times = f"{layout.SEEN}#/times_seen", seen.times_seen
    if isinstance(times, Unavailable):
        if seen.num_rows <= limits.MAX_ROWS_LISTED:
            yield Problem(place, "so few rows are counted one by one", actual=times.reason)
        return
    yield from differs(place, "a count for each row of the data", seen.num_rows, len(times))
    text = "the counts do not sum to the rows fed"
    yield from differs(place, text, seen.num_rows_fed, sum(times))
    for key, found in (("min", min(times, default=0)), ("max", max(times, default=0))):
        text = "not what times_seen has"
        yield from differs(f"{place}_{key}", text, found, getattr(seen, f"times_seen_{key}"))
    recorded = Counter(row.source_row for _, row in _rows(evidence))
    for row, count in recorded.items():
        if row < len(times) and times[row] < count:
            text = "was fed more often in the recorded batches alone"
            yield Problem(f"{place}/{row}", text, f"at least {count}", times[row])


def row_list(place: str, rows: tuple[int, ...], num_rows: int) -> Problems:
    """A problem where `rows` are not row numbers that rise within `num_rows`."""
    if list(rows) != sorted(set(rows)) or (rows and not 0 <= rows[0] <= rows[-1] < num_rows):
        text = f"row numbers rise, each once, from 0 to {num_rows - 1}"
        yield Problem(place, text)


@check(
    "seen-answers",
    "the loss reached every field that the milestone calls an answer",
    by_author=True,
)
def seen_answers(evidence: Evidence) -> Problems:
    """Every answer field has target tokens in at least one row; is_answer as declared; counts
    within the rows (docs/arithmetic.md#tokens). A milestone can force such a run through with
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
        yield from row_list(f"{place}/rows_cut", one.rows_cut, seen.num_rows)
        yield from _coverage_problems(place, one, seen)


def _coverage_problems(place: str, one: FieldCoverage, seen: SeenRecord) -> Problems:
    name = shown(one.field)
    if one.is_answer and one.num_rows_in_target == 0:
        text = f"no token of the answer {name} carries loss in any row: it is not learned"
        place = f"{place}/num_rows_in_target"
        yield Problem(place, text, "at least 1", 0, "error", "answer-unseen")
    elif one.is_answer and one.num_rows_in_target < seen.num_rows:
        missing = seen.num_rows - one.num_rows_in_target
        text = f"{missing} of {seen.num_rows} rows are trained without their answer {name}"
        text += f" (cut: {named(one.rows_cut)})" if one.rows_cut else ""
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
        rows = named(seen.rows_truncated)
        text = f"{len(seen.rows_truncated)} of {seen.num_rows} rows were cut: {rows}"
        place = f"{layout.SEEN}#/rows_truncated"
        yield Problem(place, text, severity="warning", code="truncated-rows")


def named(rows: tuple[int, ...]) -> str:
    """The first of some rows, as text."""
    more = ", …" if len(rows) > NUM_NAMED else ""
    return ", ".join(map(str, rows[:NUM_NAMED])) + more
