"""Checks on what was taught: where the loss falls, and which lists lie within which.

That recorded rows are the model's is `seen`'s; that they are made of the data needs a clone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from evidence import layout
from evidence.encoding import jsonio
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.records.inputs import SeenRecord, SeenRow
from evidence.results.context import journal_at
from evidence.stages.train import SEEN, TRAIN
from evidence.text.templating import names_in
from evidence.verification.consistency import chat, registry
from evidence.verification.consistency.registry import Evidence, Problems, differs, need
from evidence.verification.consistency.seen import IGNORED
from evidence.verification.problem import CannotCheckError, Problem, shown

check = partial(registry.check, kind=TRAIN.name)


def _seen(evidence: Evidence) -> SeenRecord:
    _ = evidence.plan
    return need(evidence.documents.document(SEEN), "seen.json is not there")


def _recorded(seen: SeenRecord) -> Iterator[tuple[str, SeenRow]]:
    for number, batch in enumerate(seen.batches):
        for index, row in enumerate(batch.rows):
            yield f"{layout.SEEN}#/batches/{number}/rows/{index}", row


@check("seen-labels", "the loss falls where the milestone lets it")
def seen_labels(evidence: Evidence) -> Problems:
    """data.loss of the training set: `all`, every token; `completion`, all from some token to the
    end of the row; where a field is read in every row and taught in none, some text of each row
    carries no loss. Exact. Which token is the first of an answer needs the row, see repo-rows."""
    seen, spec = _seen(evidence), evidence.plan.data[evidence.plan.train.data]
    untaught = [
        one.field
        for one in seen.coverage
        if one.num_rows_in_sequence == seen.num_rows and not one.num_rows_in_target
    ]
    tokenizer = evidence.documents.inputs.tokenizer
    known = () if isinstance(tokenizer, Unavailable) else tokenizer.special_tokens
    special = {one.id for one in known}
    for place, row in _recorded(seen):
        carries = [label != IGNORED for label in row.labels]
        if spec.loss == "all" and not all(carries):
            text = "the loss falls on every token, and here on some"
            yield Problem(f"{place}/labels", text, len(carries), sum(carries))
        if spec.loss == "completion" and carries != sorted(carries):
            text = "the loss falls on everything behind its first token, and here it has a gap"
            yield Problem(f"{place}/labels", text)
        text_without = any(
            piece and not taught and one not in special
            for one, piece, taught in zip(row.ids, row.pieces, carries, strict=False)
        )
        if untaught and carries and not text_without:
            text = "the loss falls on all of its text, and one of its fields is taught in no row"
            yield Problem(f"{place}/labels", text, f"none on {shown(untaught[0])}")


@check("seen-lists", "what was cut, read and taught are parts of one another")
def seen_lists(evidence: Evidence) -> Problems:
    """coverage has the fields of the data, in order; a field that the template does not name is
    read in no row; no field is taught in more rows than it is read in; rows that lost some of a
    field are among the truncated ones, and a truncated row that was recorded is as long as can be;
    every other recorded row is as long as the lengths of inputs.json allow (one more: an end token
    that had no room). Of conversations coverage has speakers in the place of fields: turns read and
    learned, ends of turns and tools lie within one another, the labels of a recorded row are those
    of its turns, and all are counted again over the recorded rows. Exact."""
    seen, train = _seen(evidence), evidence.plan.train
    record, spec = evidence.documents.inputs.data.get(train.data), evidence.plan.data[train.data]
    yield from chat.turns(evidence, seen, spec)
    if record is not None and spec.format is None:
        text = "other fields than the data have"
        found = [one.field for one in seen.coverage]
        yield from differs(f"{layout.SEEN}#/coverage", text, list(record.field_names), found)
    named = _named_in(evidence)
    cut = set(seen.rows_truncated)
    for index, one in enumerate(seen.coverage):
        place = f"{layout.SEEN}#/coverage/{index}"
        if one.num_rows_in_target > one.num_rows_in_sequence:
            text = "taught in more rows than it is read in"
            limit = f"at most {one.num_rows_in_sequence}"
            yield Problem(f"{place}/num_rows_in_target", text, limit, one.num_rows_in_target)
        if named is not None and one.field not in named and one.num_rows_in_sequence:
            text = "the template of the text does not name this field, so it is read in no row"
            found_rows = one.num_rows_in_sequence
            yield Problem(f"{place}/num_rows_in_sequence", text, 0, found_rows)
        outside = sorted(set(one.rows_cut) - cut)
        if outside:
            text = "rows that lost nothing to the length limit lost some of this field"
            yield Problem(f"{place}/rows_cut", text, "rows of rows_truncated", outside[:3])
    yield from _lengths(evidence, seen, cut)


def _named_in(evidence: Evidence) -> frozenset[str] | None:
    """Names in the template of the training text; None for one that cannot be read."""
    source = evidence.plan.data[evidence.plan.train.data].text
    try:
        return None if source is None else frozenset(names_in(source))
    except MalformedError:
        return None


def _lengths(evidence: Evidence, seen: SeenRecord, cut: set[int]) -> Problems:
    longest, text_record = evidence.plan.train.max_length, evidence.documents.inputs.text
    for place, row in _recorded(seen):
        count = len(row.ids)
        if row.source_row in cut:
            text = "a truncated row is as long as can be"
            yield from differs(f"{place}/ids", text, longest, count)
        elif not isinstance(text_record, Unavailable):
            known = text_record.length_tokens
            if count > known.max or count + (count == longest) < known.min:
                text = "not a length that inputs.json gives the training text"
                yield Problem(f"{place}/ids", text, f"{known.min} to {known.max}", count)


@check("special-tokens", "special tokens are spelled as the sealed tokenizer spells them")
def special_tokens(evidence: Evidence) -> Problems:
    """text of inputs.tokenizer.special_tokens, of the journal's end tokens and of those that end
    turns = content of the added token of this id in the final model's tokenizer.json; where the
    model's own files were read, tokenizer.sha256 is that of its tokenizer.json. Exact, for ids that
    are there."""
    tokenizer, model = evidence.documents.inputs.tokenizer, evidence.documents.inputs.model
    if isinstance(tokenizer, Unavailable):
        raise CannotCheckError(f"the tokenizer is not known: {tokenizer.reason}")
    place = f"{layout.INPUTS}#/tokenizer"
    if not isinstance(model, Unavailable) and not isinstance(model.files, Unavailable):
        read = [one.sha256 for one in model.files if one.path.endswith("/tokenizer.json")]
        if model.id == tokenizer.id and read and isinstance(tokenizer.sha256, str):
            text = "another digest than the file that was read"
            yield from differs(f"{place}/sha256", text, read[0], tokenizer.sha256)
    added = _added(evidence)
    for index, one in enumerate(tokenizer.special_tokens):
        text = f"another text of the token {one.id} than in {layout.TOKENIZER}"
        where = f"{place}/special_tokens/{index}/text"
        yield from differs(where, text, added.get(one.id, one.text), one.text)
    seen = evidence.documents.document(SEEN)
    for index, one in enumerate(seen.chat.end_tokens if seen and seen.chat else ()):
        text = f"not the token {one.id} of {layout.TOKENIZER}"
        where = f"{layout.SEEN}#/chat/end_tokens/{index}/text"
        yield from differs(where, text, added.get(one.id), one.text)
    for event in evidence.events("generation"):
        for index, end in enumerate(event.data["end_tokens"]):
            text = f"another text of the token {end['id']} than in {layout.TOKENIZER}"
            where = f"{journal_at(event, 'data', 'end_tokens')}/{index}/text"
            yield from differs(where, text, added.get(end["id"], end["text"]), end["text"])


def _added(evidence: Evidence) -> dict[int, str]:
    data = evidence.contents.get(layout.TOKENIZER)
    if data is None:
        raise CannotCheckError(f"{layout.TOKENIZER} is not there, or too large")
    try:
        value = jsonio.load_document(data)
    except MalformedError as error:
        raise CannotCheckError(f"{layout.TOKENIZER}: {error.message}") from error
    listed = value.get("added_tokens") if isinstance(value, dict) else None
    return {
        one["id"]: one["content"]
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict)
        and isinstance(one.get("id"), int)
        and isinstance(one.get("content"), str)
    }
