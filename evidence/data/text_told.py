"""The training data as text and tokens, as inputs.json tells of them.

Responsible for naming rows whose tokens are odd. The rows themselves are made in `examples`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evidence.data.chat_text import needed
from evidence.data.examples import TOO_MANY
from evidence.data.facts import lengths
from evidence.data.tokens import Coder, Example
from evidence.errors import DataError
from evidence.records.availability import Unavailable
from evidence.records.inputs import TextRecord
from evidence.records.run import AttemptPlan
from evidence.rules import sampling
from evidence.rules.special_tokens import begins_doubled, ends_doubled, lacks

_Ids = tuple[int, ...]
_RowList = tuple[int, ...] | Unavailable


def text_record(plan: AttemptPlan, coder: Coder, examples: Sequence[Example]) -> TextRecord:
    """The training data as text and tokens, for inputs.json.

    Raises DataError when more rows are odd than can be named.
    """
    spec = plan.data[plan.train.data]
    no_begin, no_end = "the tokenizer has no begin token", "the tokenizer has no end token"

    def rows(token: int | None, why_not: str, wrong: Callable[[_Ids, int], bool]) -> _RowList:
        if token is None:
            return Unavailable(why_not)
        return tuple(row.source_row for row in examples if wrong(row.ids, token))

    ends = spec.append_eos or coder.adds_eos
    chat = None if spec.format is None else needed(coder.chat, plan.train.data)
    record = TextRecord(
        data=plan.train.data,
        template=spec.text or "" if chat is None else chat.text,
        chat_template_applied=chat is not None,
        num_rows=len(examples),
        length_tokens=lengths(row.num_tokens for row in examples),
        rows_without_bos=rows(coder.bos_id, no_begin, lacks)
        if coder.adds_bos or coder.bos_id is None
        else Unavailable("the tokenizer adds no begin token"),
        rows_doubled_bos=rows(coder.bos_id, no_begin, begins_doubled),
        rows_without_eos=rows(coder.eos_id, no_end, lacks)
        if ends or coder.eos_id is None
        else Unavailable("neither milestone nor tokenizer adds an end token"),
        rows_doubled_eos=rows(coder.eos_id, no_end, ends_doubled),
        rows_not_round_trip=tuple(row.source_row for row in examples if not row.round_trips),
        chat=None if chat is None else chat.record,
    )
    _refuse_endless(record)
    return record


def _refuse_endless(record: TextRecord) -> None:
    lists = {
        "lack the begin token": record.rows_without_bos,
        "have two begin tokens": record.rows_doubled_bos,
        "lack the end token": record.rows_without_eos,
        "have two end tokens": record.rows_doubled_eos,
        "are another text once encoded and decoded": record.rows_not_round_trip,
    }
    found = {what: len(rows) for what, rows in lists.items() if isinstance(rows, tuple) and rows}
    if sum(found.values()) > sampling.MAX_ROWS_NAMED:
        counts = ", ".join(f"{count} {what}" for what, count in found.items())
        raise DataError(f"of {record.num_rows} rows {counts}, {TOO_MANY}")
