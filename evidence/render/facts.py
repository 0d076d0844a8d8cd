"""Tables of the section on what the model saw: oddities of the data, lengths, special tokens.

Responsible for which facts are shown and for naming the rows; counts come from values, and what
is serious enough to warn of is said by `remarks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.inputs import (
    NGRAM_WORDS,
    DataRecord,
    FieldCoverage,
    InputsRecord,
    SeenRecord,
    TokenizerRecord,
)
from evidence.records.record import Record
from evidence.render.values import Sheet
from evidence.stages.train import SEEN
from evidence.text import formatting, marked

NAMED_ROWS: Final = 12
TEXT_CHARS: Final = 40

Rows = tuple[int, ...] | Unavailable


class Odd(Record):
    """Something that rows of the data should not have or be."""

    what: str
    count: str
    is_none: bool
    """No row is so: it is measured, and 0."""
    rows: str
    """The first of them, by their place in the file."""


_DATA: Final = (
    ("data.train.num_schema_violations", "broken fields", ""),
    ("data.train.num_duplicate_rows", "exact duplicates", "duplicate_rows"),
    (
        "data.train.num_normalised_duplicate_rows",
        "duplicates, case and white space aside",
        "normalised_duplicate_rows",
    ),
    (
        "data.train.num_conflicting_rows",
        "prompts that another row answers differently",
        "conflicting_rows",
    ),
)
_OVERLAP: Final = (
    ("exact_rows", "evaluation prompts, exactly"),
    ("normalised_rows", "evaluation prompts, case and white space aside"),
    (
        "ngram_rows",
        f"evaluation prompts, by {NGRAM_WORDS} words in a row (shorter ones whole)",
    ),
)
_TEXT: Final = (
    ("rows_without_bos", "no begin token, though the tokenizer adds one"),
    ("rows_doubled_bos", "begin token twice"),
    ("rows_without_eos", "no end token"),
    ("rows_doubled_eos", "end token twice"),
    ("rows_not_round_trip", "another text after encoding and decoding"),
)


def oddities(documents: Documents, train: str, sheet: Sheet) -> tuple[Odd, ...]:
    """What should be in no row of the data set `train`, with how many have it and which."""
    inputs = documents.inputs
    record = inputs.data.get(train)
    return (
        *_of_data(record, sheet),
        *_of_overlap(record, sheet),
        *_of_text(inputs, sheet),
        *_of_length(documents.document(SEEN), sheet),
    )


def _of_data(record: DataRecord | None, sheet: Sheet) -> Iterator[Odd]:
    for name, what, key in _DATA:
        rows = getattr(record, key) if record is not None and key else ()
        yield _odd(what, name, rows, sheet)


def _of_overlap(record: DataRecord | None, sheet: Sheet) -> Iterator[Odd]:
    found = Unavailable("not recorded") if record is None else record.overlap
    if f"data.overlap.num_{_OVERLAP[0][0]}" not in sheet.values:
        return  # nothing is evaluated
    for key, what in _OVERLAP:
        rows = found if isinstance(found, Unavailable) else getattr(found, key)
        yield _odd(what, f"data.overlap.num_{key}", rows, sheet)


def _of_text(inputs: InputsRecord, sheet: Sheet) -> Iterator[Odd]:
    for key, what in _TEXT:
        text = inputs.text
        rows = text if isinstance(text, Unavailable) else getattr(text, key)
        yield _odd(what, f"text.num_{key}", rows, sheet)


def _of_length(seen: SeenRecord | None, sheet: Sheet) -> Iterator[Odd]:
    if seen is None or not sheet.has("seen.num_rows_truncated"):
        return
    lost = f"cut off, by {sheet.n('seen.num_tokens_cut', 'token')} in all"
    pairs = zip(seen.rows_truncated, seen.tokens_cut, strict=False)
    shown = [f"{formatting.count(row)} (−{formatting.count(cut)})" for row, cut in pairs]
    name = "seen.num_rows_truncated"
    yield Odd(lost, sheet.v(name), not seen.rows_truncated, _listed(shown))


def _odd(what: str, name: str, rows: Rows, sheet: Sheet) -> Odd:
    return Odd(what, sheet.v(name), sheet.raw(name) == 0, named(rows))


def named(rows: Rows) -> str:
    """The first few row numbers."""
    if isinstance(rows, Unavailable):
        return ""
    return _listed([formatting.count(row) for row in rows[:NAMED_ROWS]], len(rows))


def _listed(shown: list[str], total: int = 0) -> str:
    more = max(total, len(shown)) - NAMED_ROWS
    text = ", ".join(shown[:NAMED_ROWS])
    return f"{text} and {formatting.count(more)} more" if more > 0 else text


def answers_cut(seen: SeenRecord) -> str:
    """Answer fields that lose text to truncation, with the rows."""
    return "; ".join(
        f"{marked.code(one.field)} in {named(one.rows_cut)}"
        for one in seen.coverage
        if one.is_answer and one.rows_cut
    )


def learned_sign(one: FieldCoverage, num_rows: int) -> str:
    """What to think of how often an answer field carried loss; nothing of other fields."""
    if not one.is_answer:
        return ""
    if not one.num_rows_in_target:
        return "❌ "
    return "✅ " if one.num_rows_in_target == num_rows else "⚠️ "


def special_tokens(tokenizer: TokenizerRecord | Unavailable) -> str:
    """Begin, end and other tokens with a task, in one line."""
    if isinstance(tokenizer, Unavailable):
        return f"not known ({marked.inline(tokenizer.reason)})"
    found = [
        f"{marked.inline(one.name.removesuffix('_token'))} {marked.code(one.text, TEXT_CHARS)}"
        f" ({one.id})"
        for one in tokenizer.special_tokens
    ]
    return ", ".join(found) or "none"
