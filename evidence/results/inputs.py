"""Values of what went in: model, tokenizer, data sets, and what of them the model saw."""

from __future__ import annotations

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord
from evidence.results.context import Context, Values, at, known, observed, unknown

_MODEL = (
    ("id", ""),
    ("source", ""),
    ("revision", ""),
    ("num_parameters", "parameters"),
    ("num_embedding_parameters", "parameters"),
    ("dtype", ""),
)


def input_values(context: Context) -> Values:
    """model.*, tokenizer.*, data.* and seen.*"""
    inputs = context.documents.inputs
    for key, unit in _MODEL:
        place = at(layout.INPUTS, "model", key)
        found = (
            inputs.model if isinstance(inputs.model, Unavailable) else getattr(inputs.model, key)
        )
        yield f"model.{key}", observed(found, unit, place)
    tokenizer = inputs.tokenizer
    digest = tokenizer if isinstance(tokenizer, Unavailable) else tokenizer.sha256
    yield "tokenizer.sha256", observed(digest, "", at(layout.INPUTS, "tokenizer", "sha256"))
    yield from _data("train", context.train.data, context)
    yield from _data("eval", context.eval.data, context)
    yield from _overlap(context)
    yield from _seen(context)


def _data(role: str, name: str, context: Context) -> Values:
    record = context.documents.inputs.data.get(name)
    for key, unit in (("num_rows", "rows"), ("sha256", ""), ("num_duplicate_rows", "rows")):
        place = at(layout.INPUTS, "data", name, key)
        found = _missing(name) if record is None else getattr(record, key)
        yield f"data.{role}.{key}", observed(found, unit, place)


def _missing(name: str) -> Unavailable:
    return Unavailable(f"inputs.json has no data set {name!r}")


def _overlap(context: Context) -> Values:
    name = context.train.data
    record: DataRecord | None = context.documents.inputs.data.get(name)
    place = at(layout.INPUTS, "data", name, "overlap_rows")
    rows = _missing(name) if record is None else record.overlap_rows
    yield (
        "data.overlap.num_rows",
        unknown(rows.reason, "rows", place, "count")
        if isinstance(rows, Unavailable)
        else known(len(rows), "rows", place, "count"),
    )


def _seen(context: Context) -> Values:
    seen = context.documents.seen
    if seen is None or context.plan is None:
        reason = context.why_not
        yield "seen.num_rows", unknown(reason, "rows", at(layout.SEEN, "num_rows"))
        place = at(layout.SEEN, "rows_truncated")
        yield "seen.num_rows_truncated", unknown(reason, "rows", place, "count")
        return
    yield "seen.num_rows", known(seen.num_rows, "rows", at(layout.SEEN, "num_rows"))
    place = at(layout.SEEN, "rows_truncated")
    yield "seen.num_rows_truncated", known(len(seen.rows_truncated), "rows", place, "count")
    for index, one in enumerate(seen.coverage):
        for key in ("num_rows_in_sequence", "num_rows_in_target"):
            place = at(layout.SEEN, "coverage", index, key)
            yield f"seen.{one.field}.{key}", known(getattr(one, key), "rows", place)
        place = at(layout.SEEN, "coverage", index, "rows_cut")
        yield f"seen.{one.field}.num_rows_cut", known(len(one.rows_cut), "rows", place, "count")
