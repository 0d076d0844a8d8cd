"""Facts about a data set: digests, duplicates, conflicts, lengths, overlap. Pure.

Responsible for counting and for naming rows (from 0); reading and checking rows is `read`'s. The
run records these facts, and verify counts them again where it is given the data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from evidence.data.content import Content
from evidence.data.conversations import ASSISTANT, answer_of, first_answer
from evidence.encoding.digest import sha256_bytes
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord, FileDigest, Lengths, OverlapRecord
from evidence.records.milestone import DataSpec
from evidence.records.record import Record
from evidence.rules import questions
from evidence.rules.questions import Questions, meeting
from evidence.rules.wording import normalised

Row = dict[str, Any]

META: Final = "meta"
"""Field that says where a row comes from; two rows that differ only in it are duplicates."""


class DataSet(Record):
    """A data set as it was read: what its bytes are, and its rows, which may lie in a file."""

    name: str
    content: Content
    rows: Sequence[Row]
    label: str = ""
    """What messages call it: its file."""
    places: tuple[str, ...] = ()
    """File and line of each row; none where row after row is a line."""
    files: tuple[FileDigest, ...] = ()
    """Where there are several: `content` is of their rows then, as canonical JSON lines."""

    def place(self, index: int) -> str:
        """Where a row stands, as `file:line`; rows are counted from 0, and lines from 1."""
        return self.places[index] if self.places else f"{self.label or self.name}:{index + 1}"


ITSELF: Final = Unavailable("this is the evaluation set itself")
NOT_TAKEN: Final = Unavailable("no stage takes this data set")


def describe(
    data: DataSet, spec: DataSpec, own: Questions, answer: Sequence[str], asked: Questions
) -> DataRecord:
    """Facts about one data set: what its rows ask and answer, and what the evaluation set asks."""
    rows, content = data.rows, data.content
    exact = duplicates(rows, lambda value: value)
    num_conflicts, conflicting = conflicts(_answered(rows, spec, asked), own, answer)
    return DataRecord(
        name=data.name,
        path=spec.path,
        hub=None if spec.hub is None else spec.hub.id,
        revision=None if spec.hub is None else spec.hub.revision,
        sha256=content.sha256,
        sha256_lf=content.sha256_lf,
        git_blob=content.git_blob,
        size_bytes=content.size_bytes,
        line_ends=content.line_ends,
        num_rows=len(rows),
        field_names=field_names(rows),
        num_schema_violations=0 if spec.fields else Unavailable("no fields are declared"),
        length_chars=lengths(sum(map(len, texts(_content(row)))) for row in rows),
        num_duplicate_rows=len(exact),
        duplicate_rows=exact,
        normalised_duplicate_rows=duplicates(rows, normalised),
        num_conflicting_prompts=num_conflicts,
        conflicting_rows=conflicting,
        overlap=overlap(own, asked),
        files=data.files,
    )


def field_names(rows: Sequence[Row]) -> tuple[str, ...]:
    """Every field that some row has, in order of first appearance."""
    return tuple(dict.fromkeys(key for row in rows for key in row))


def lengths(values: Iterable[int]) -> Lengths:
    """Smallest, largest, and percentiles by nearest rank: the ceil(p·n)-th value in order."""
    ordered = sorted(values)

    def rank(percent: int) -> int:
        return ordered[-(-percent * len(ordered) // 100) - 1]

    return Lengths(ordered[0], rank(50), rank(90), rank(95), ordered[-1])


def texts(value: Any) -> Iterator[str]:
    """Every string inside a JSON value, keys aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def duplicates(rows: Sequence[Row], change: Callable[[str], str]) -> tuple[int, ...]:
    """Rows equal to an earlier one in all their content, each text changed first."""
    seen: set[bytes] = set()
    found = []
    for index, row in enumerate(rows):
        key = _key(json.dumps(_changed(_content(row), change), sort_keys=True))
        if key in seen:
            found.append(index)
        seen.add(key)
    return tuple(found)


def conflicts(
    rows: Iterable[Row], asked: Questions, answer: Sequence[str]
) -> tuple[int, tuple[int, ...]] | tuple[Unavailable, Unavailable]:
    """Prompts with more than one answer, and their rows."""
    if not answer:
        asked = Unavailable("no answer fields are declared")
    if isinstance(asked, Unavailable):
        return asked, asked
    first: dict[bytes, bytes] = {}
    found: set[bytes] = set()
    for question, row in zip(asked, rows, strict=True):
        prompt = _key(question.texts[0])
        expected = _key(json.dumps([row.get(name) for name in answer], sort_keys=True))
        if first.setdefault(prompt, expected) != expected:
            found.add(prompt)
    if not found:
        return 0, ()
    return len(found), tuple(
        index for index, question in enumerate(asked) if _key(question.texts[0]) in found
    )


def _key(text: str) -> bytes:
    """Stands for a text, of which many may be long; a lone surrogate is a text too."""
    return sha256_bytes(text.encode("utf-8", "surrogatepass"))


def _answered(rows: Sequence[Row], spec: DataSpec, asked: Questions) -> Iterable[Row]:
    """The rows as they hold their answers: of conversations the assistant's first turn, which is
    what follows the question; of those to evaluate the last."""
    if spec.format is None:
        return rows
    if asked is ITSELF:
        return ({ASSISTANT: answer_of(row)} for row in rows)
    return ({ASSISTANT: first_answer(row)} for row in rows)


def overlap(own: Questions, asked: Questions) -> OverlapRecord | Unavailable:
    """Rows that ask what the evaluation set asks."""
    if isinstance(asked, Unavailable):
        is_whole = asked in (ITSELF, NOT_TAKEN)
        return asked if is_whole else Unavailable(f"the evaluation prompt: {asked.reason}")
    if isinstance(own, Unavailable):
        return own
    exact, met_exactly = meeting(own, asked, questions.exact)
    same, met = meeting(own, asked, questions.alike)
    grams, met_by_grams = meeting(own, asked, questions.by_words)
    return OverlapRecord(exact, same, grams, tuple(sorted(met_exactly | met | met_by_grams)))


def _content(row: Row) -> Row:
    return {key: value for key, value in row.items() if key != META}


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _changed(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [_changed(part, change) for part in value]
    return value
