"""Tables of the section on what the model saw: oddities of the data, lengths, special tokens.

Responsible for which facts are shown and for naming the rows; counts come from values, and what
is serious enough to warn of is said by `remarks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from evidence import formatting, markdown
from evidence.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord, InputsRecord, SeenRecord, TokenizerRecord
from evidence.render.values import Sheet
from evidence.workload.facts import NGRAM_WORDS

NAMED_ROWS: Final = 12
TEXT_CHARS: Final = 40

Rows = tuple[int, ...] | Unavailable


@dataclass(frozen=True, slots=True)
class Odd:
    """Something that rows of the data should not be."""

    what: str
    count: str
    rows: str
    """The first of them, by their place in the file."""


_DATA: Final = (
    ("data.train.num_schema_violations", "break the declared fields", ""),
    ("data.train.num_duplicate_rows", "repeat an earlier row exactly", "duplicate_rows"),
    (
        "data.train.num_normalised_duplicate_rows",
        "repeat an earlier row, case and white space aside",
        "normalised_duplicate_rows",
    ),
    (
        "data.train.num_conflicting_rows",
        "have a prompt that another row answers differently",
        "conflicting_rows",
    ),
)
_OVERLAP: Final = (
    ("exact_rows", "have the very prompt of an evaluation question"),
    ("normalised_rows", "the same, case and white space aside"),
    ("ngram_rows", f"share {NGRAM_WORDS} words in a row with one (shorter prompts: all words)"),
)
_TEXT: Final = (
    ("rows_without_bos", "lack the begin token that the tokenizer adds"),
    ("rows_doubled_bos", "have the begin token twice"),
    ("rows_without_eos", "were fed without the end token"),
    ("rows_doubled_eos", "have the end token twice"),
    ("rows_not_round_trip", "are another text after encoding and decoding"),
)


def oddities(documents: Documents, train: str, sheet: Sheet) -> tuple[Odd, ...]:
    """What rows of the data set `train` should not be, with how many are and which."""
    inputs = documents.inputs
    record = inputs.data.get(train)
    return (
        *_of_data(record, sheet),
        *_of_overlap(record, sheet),
        *_of_text(inputs, sheet),
        *_of_length(documents.seen, sheet),
    )


def _of_data(record: DataRecord | None, sheet: Sheet) -> Iterator[Odd]:
    for name, what, key in _DATA:
        rows = getattr(record, key) if record is not None and key else ()
        yield Odd(what, sheet.v(name), named(rows))


def _of_overlap(record: DataRecord | None, sheet: Sheet) -> Iterator[Odd]:
    found = Unavailable("not recorded") if record is None else record.overlap
    for key, what in _OVERLAP:
        rows = found if isinstance(found, Unavailable) else getattr(found, key)
        yield Odd(what, sheet.v(f"data.overlap.num_{key}"), named(rows))


def _of_text(inputs: InputsRecord, sheet: Sheet) -> Iterator[Odd]:
    for key, what in _TEXT:
        text = inputs.text
        rows = text if isinstance(text, Unavailable) else getattr(text, key)
        yield Odd(what, sheet.v(f"text.num_{key}"), named(rows))


def _of_length(seen: SeenRecord | None, sheet: Sheet) -> Iterator[Odd]:
    if seen is None or not sheet.has("seen.num_rows_truncated"):
        return
    lost = f"are cut off, by {sheet.n('seen.num_tokens_cut', 'token')} in all"
    pairs = zip(seen.rows_truncated, seen.tokens_cut, strict=False)
    shown = [f"{formatting.count(row)} (−{formatting.count(cut)})" for row, cut in pairs]
    yield Odd(lost, sheet.v("seen.num_rows_truncated"), _listed(shown))


def named(rows: Rows) -> str:
    """The first few row numbers."""
    if isinstance(rows, Unavailable):
        return ""
    return _listed([formatting.count(row) for row in rows[:NAMED_ROWS]], len(rows))


def _listed(shown: list[str], total: int = 0) -> str:
    more = max(total, len(shown)) - NAMED_ROWS
    text = ", ".join(shown[:NAMED_ROWS])
    return f"{text} and {formatting.count(more)} more" if more > 0 else text


def answers_cut(seen: SeenRecord) -> tuple[tuple[str, str], ...]:
    """Answer fields that lose text to truncation, with the rows."""
    return tuple(
        (markdown.code(one.field), named(one.rows_cut))
        for one in seen.coverage
        if one.is_answer and one.rows_cut
    )


def special_tokens(tokenizer: TokenizerRecord | Unavailable) -> str:
    """Begin, end and other tokens with a task, in one line."""
    if isinstance(tokenizer, Unavailable):
        return f"not known ({markdown.inline(tokenizer.reason)})"
    found = [
        f"{markdown.inline(one.name.removesuffix('_token'))} {markdown.code(one.text, TEXT_CHARS)}"
        f" ({one.id})"
        for one in tokenizer.special_tokens
    ]
    return ", ".join(found) or "none"
