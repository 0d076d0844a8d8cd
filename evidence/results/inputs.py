"""Values of what went in: model, tokenizer, data sets, and what of them the model saw."""

from __future__ import annotations

from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord, InputsRecord, SeenChat, TextRecord
from evidence.records.run import ValueRecord
from evidence.results.context import Context, Values, at, join, known, observed, unknown
from evidence.stages.train import SEEN

_MODEL = (
    ("id", ""),
    ("source", ""),
    ("revision", ""),
    ("num_parameters", "parameters"),
    ("num_embedding_parameters", "parameters"),
    ("dtype", ""),
)


LENGTHS: Final = ("min", "median", "p90", "p95", "max")
_DATA: Final = (
    ("num_rows", "rows"),
    ("sha256", ""),
    ("num_schema_violations", "rows"),
    ("num_duplicate_rows", "rows"),
    ("num_conflicting_prompts", "prompts"),
)
_ODD_ROWS: Final = (
    "rows_without_bos",
    "rows_doubled_bos",
    "rows_without_eos",
    "rows_doubled_eos",
    "rows_not_round_trip",
)
_MEASURES: Final = ("exact_rows", "normalised_rows", "ngram_rows")
_OVERLAP: Final = (*_MEASURES, "evaluation_rows")


def input_values(context: Context) -> Values:
    """model.*, tokenizer.*, data.* and text.*, as far as the milestone asks for them."""
    milestone = context.documents.milestone
    if milestone.given_model is not None:
        yield from _loaded(context.documents.inputs)
    if milestone.is_staged:
        for name in sorted(milestone.data):
            yield from _data(name, name, context)
        return
    if milestone.given_train is not None:
        yield from _data("train", context.train.data, context)
    if milestone.given_eval is not None:
        yield from _data("eval", context.eval.data, context)
    if milestone.given_train is not None:
        if milestone.given_eval is not None:
            yield from _overlap(context)
        yield from _text(context.documents.inputs.text)
    elif milestone.given_eval is None:
        for name in sorted(milestone.data):
            yield from _data(name, name, context)


def _loaded(inputs: InputsRecord) -> Values:
    for key, unit in _MODEL:
        place = at(layout.INPUTS, "model", key)
        found = (
            inputs.model if isinstance(inputs.model, Unavailable) else getattr(inputs.model, key)
        )
        yield f"model.{key}", observed(found, unit, place)
    tokenizer = inputs.tokenizer
    digest = tokenizer if isinstance(tokenizer, Unavailable) else tokenizer.sha256
    yield "tokenizer.sha256", observed(digest, "", at(layout.INPUTS, "tokenizer", "sha256"))


def _data(role: str, name: str, context: Context) -> Values:
    record = context.documents.inputs.data.get(name)
    for key, unit in _DATA:
        place = at(layout.INPUTS, "data", name, key)
        found = _missing(name) if record is None else getattr(record, key)
        yield f"data.{role}.{key}", observed(found, unit, place)
    for key in ("normalised_duplicate_rows", "conflicting_rows"):
        place = at(layout.INPUTS, "data", name, key)
        rows = _missing(name) if record is None else getattr(record, key)
        yield f"data.{role}.num_{key}", num_rows_of(rows, place)
    for key in LENGTHS:
        place = at(layout.INPUTS, "data", name, "length_chars", key)
        length = _missing(name) if record is None else getattr(record.length_chars, key)
        yield f"data.{role}.length_chars.{key}", observed(length, "characters", place)


def _missing(name: str) -> Unavailable:
    return Unavailable(f"inputs.json has no data set {name!r}")


def num_rows_of(rows: tuple[int, ...] | Unavailable, place: str) -> ValueRecord:
    """How many rows a list names; why not, where it is not there."""
    if isinstance(rows, Unavailable):
        return unknown(rows.reason, "rows", place, "count")
    return known(len(rows), "rows", place, "count")


def _overlap(context: Context) -> Values:
    name = context.train.data
    record: DataRecord | None = context.documents.inputs.data.get(name)
    found = _missing(name) if record is None else record.overlap
    for key in _OVERLAP:
        place = at(layout.INPUTS, "data", name, "overlap", key)
        rows = found if isinstance(found, Unavailable) else getattr(found, key)
        yield f"data.overlap.num_{key}", num_rows_of(rows, place)
    place = join(*(at(layout.INPUTS, "data", name, "overlap", key) for key in _MEASURES))
    if isinstance(found, Unavailable):
        yield "data.overlap.num_rows", unknown(found.reason, "rows", place, "count-distinct")
        return
    rows = {row for key in _MEASURES for row in getattr(found, key)}
    yield "data.overlap.num_rows", known(len(rows), "rows", place, "count-distinct")


def _text(text: TextRecord | Unavailable) -> Values:
    for key in _ODD_ROWS:
        rows = text if isinstance(text, Unavailable) else getattr(text, key)
        yield f"text.num_{key}", num_rows_of(rows, at(layout.INPUTS, "text", key))
    for key in LENGTHS:
        place = at(layout.INPUTS, "text", "length_tokens", key)
        length = text if isinstance(text, Unavailable) else getattr(text.length_tokens, key)
        yield f"text.length_tokens.{key}", observed(length, "tokens", place)


TURNS: Final = {
    "num_turns": "num_turns",
    "num_turns_read": "num_read",
    "num_turns_learned": "num_learned",
}
"""What `seen.<speaker>.` goes on with, of conversations, and the key of it."""
CHAT: Final = {"num_ends_learned": "turns", "num_rows_with_tools": "rows"}
"""Of conversations as a whole, with units."""
_SEEN: Final = (
    ("num_rows", "rows"),
    ("times_seen_min", "times"),
    ("times_seen_max", "times"),
    ("num_tokens_cut", "tokens"),
    ("stream_sha256", ""),
)


def seen_values(context: Context) -> Values:
    """seen.*"""
    seen = context.documents.document(SEEN)
    missing = seen is None or context.plan is None
    for key, unit in _SEEN:
        found = Unavailable(context.why_not) if missing else getattr(seen, key)
        yield f"seen.{key}", observed(found, unit, at(layout.SEEN, key))
    place = at(layout.SEEN, "rows_truncated")
    if seen is None or context.plan is None:
        yield "seen.num_rows_truncated", unknown(context.why_not, "rows", place, "count")
        return
    yield "seen.num_rows_truncated", known(len(seen.rows_truncated), "rows", place, "count")
    for index, one in enumerate(seen.coverage):
        for key in ("num_rows_in_sequence", "num_rows_in_target"):
            place = at(layout.SEEN, "coverage", index, key)
            yield f"seen.{one.field}.{key}", known(getattr(one, key), "rows", place)
        place = at(layout.SEEN, "coverage", index, "rows_cut")
        yield f"seen.{one.field}.num_rows_cut", known(len(one.rows_cut), "rows", place, "count")
    if seen.chat is not None:
        yield from _turns(seen.chat)


def _turns(chat: SeenChat) -> Values:
    """Turns of each speaker, ends of turns and tools of conversations."""
    for index, one in enumerate(chat.speakers):
        for name, key in TURNS.items():
            place = at(layout.SEEN, "chat", "speakers", index, key)
            yield f"seen.{one.speaker}.{name}", known(getattr(one, key), "turns", place)
    for key, unit in CHAT.items():
        yield f"seen.{key}", known(getattr(chat, key), unit, at(layout.SEEN, "chat", key))
