"""Tokens and labels of a text, and which fields reach the sequence and the target.

Responsible for truncation, the end token, where the loss falls, and field coverage. The tokenizer
comes in as a function; this module imports no ML framework.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from evidence.data.chat_text import Chat
from evidence.data.template_text import MarkedText
from evidence.records.inputs import FieldCoverage, Turn
from evidence.records.milestone import DataSpec
from evidence.records.record import Record

IGNORED: Final = -100
"""Label of a token that carries no loss, by PyTorch's convention."""

Encode = Callable[[str], tuple[list[int], list[tuple[int, int]]]]
"""Text → ids with special tokens, and the characters each covers ((0, 0) for special ones)."""


class Coder(Record):
    """What is needed of a tokenizer."""

    encode: Encode
    decode: Callable[[Sequence[int]], str]
    """Ids → text, special tokens left out."""
    bos_id: int | None
    eos_id: int | None
    specials: frozenset[str] = frozenset()
    """Special tokens as a text may spell them; `decode` leaves them out there, too."""
    special: Mapping[int, str] = MappingProxyType({})
    """The added tokens that no text is made of, by id: begin, end, turn markers."""
    chat: Chat | None = None
    """The chat template; None where the tokenizer has none."""

    @property
    def adds_bos(self) -> bool:
        """Whether `encode` begins each text with the begin token."""
        return self.bos_id is not None and self.encode("a")[0][:1] == [self.bos_id]

    @property
    def adds_eos(self) -> bool:
        """Whether `encode` ends each text with the end token."""
        return self.eos_id is not None and self.encode("a")[0][-1:] == [self.eos_id]

    def of(self, spec: DataSpec) -> Coder:
        """What encodes texts of this data set: those of a chat template spell their own begin and
        end tokens."""
        if spec.format is None or self.chat is None:
            return self
        return replace(self, encode=self.chat.encode)


class Example(Record):
    """One row as the model gets it, unpadded."""

    source_row: int
    ids: tuple[int, ...]
    labels: tuple[int, ...]
    num_cut: int
    """Tokens lost to truncation, the end token not counted."""
    num_tokens: int
    """Tokens before truncation, special ones included."""
    round_trips: bool
    """Whether decoding the untruncated ids gives the very text."""
    in_sequence: frozenset[str]
    in_target: frozenset[str]
    cut: frozenset[str]
    """Fields that lost some of their text to truncation."""
    turns: tuple[Turn, ...] = ()
    """Of a conversation, before truncation."""


def build_example(
    source_row: int, marked: MarkedText, coder: Coder, spec: DataSpec, max_length: int
) -> Example:
    """Tokenize one row: at most `max_length` ids, the end token only where there is room.

    Where the loss falls (`spec.loss`): `all` tokens; `completion`, from the first token that
    overlaps an answer field to the end; `fields`, the tokens that overlap answer fields. A row in
    which no answer field appears has no target under the latter two.
    """
    ids, offsets = coder.of(spec).encode(marked.text)
    places = _places(marked, offsets)
    sequence = ids[:max_length]
    carries = _carries_loss(places, len(ids), spec)[: len(sequence)]
    ends = spec.append_eos and coder.eos_id is not None
    if ends and coder.eos_id is not None and len(ids) < max_length:
        sequence = [*sequence, coder.eos_id]
        carries.append(spec.loss == "all" or any(field in spec.answer for field, _, _ in places))
    labels = tuple(i if c else IGNORED for i, c in zip(sequence, carries, strict=True))
    in_sequence, in_target, cut = _fields_reached(places, carries, max_length)
    return Example(
        source_row=source_row,
        ids=tuple(sequence),
        labels=labels,
        num_cut=max(0, len(ids) - max_length),
        num_tokens=len(ids) + ends,
        round_trips=coder.decode(ids) in (marked.text, _unspecial(marked.text, offsets, coder)),
        in_sequence=in_sequence,
        in_target=in_target,
        cut=cut,
        turns=() if spec.format is None else tuple(Turn(*place) for place in places),
    )


def coverage(
    fields: Sequence[str], answer: Sequence[str], examples: Iterable[Example]
) -> tuple[FieldCoverage, ...]:
    """For each field, in how many rows some of it is in the sequence, and in the target."""
    in_sequence, in_target = Counter[str](), Counter[str]()
    cut: dict[str, list[int]] = {}
    for row in examples:
        in_sequence.update(row.in_sequence)
        in_target.update(row.in_target)
        for field in row.cut:
            cut.setdefault(field, []).append(row.source_row)
    return tuple(
        FieldCoverage(
            field=field,
            is_answer=field in answer,
            num_rows_in_sequence=in_sequence[field],
            num_rows_in_target=in_target[field],
            rows_cut=tuple(cut.get(field, ())),
        )
        for field in fields
    )


def unseen_answers(found: Iterable[FieldCoverage]) -> tuple[str, ...]:
    """Answer fields whose text carries loss in no row at all: the model never learns them."""
    return tuple(one.field for one in found if one.is_answer and one.num_rows_in_target == 0)


def num_targets(labels: Sequence[int]) -> int:
    """Tokens that carry loss: the model predicts token i from those before it, so labels[1:]."""
    return sum(label != IGNORED for label in labels[1:])


def _unspecial(text: str, offsets: Sequence[tuple[int, int]], coder: Coder) -> str:
    """A text without the special tokens that it spells, as a conversation does."""
    pieces, reached = [], 0
    for start, end in offsets:
        if start < end and text[start:end].strip() in coder.specials:
            pieces.append(text[reached:start])
            reached = end
    return "".join((*pieces, text[reached:]))


_Place = tuple[str, int, int]
"""A field, the first token that overlaps it, and the one after the last."""


def _places(marked: MarkedText, offsets: Sequence[tuple[int, int]]) -> list[_Place]:
    starts: list[int] = []
    ends: list[int] = []
    reached = 0
    for start, end in offsets:  # special tokens cover nothing: they lie where the text has come to
        starts.append(max(start, reached) if start == end else start)
        reached = max(end, reached)
        ends.append(reached)
    return [
        (span.field, bisect_right(ends, span.start), bisect_left(starts, span.end))
        for span in marked.spans
    ]


def _carries_loss(places: Sequence[_Place], num_tokens: int, spec: DataSpec) -> list[bool]:
    if spec.loss == "all":
        return [True] * num_tokens
    answers = [(first, end) for field, first, end in places if field in spec.answer]
    carries = [False] * num_tokens
    if spec.loss == "completion":
        start = min((first for first, _ in answers), default=num_tokens)
        answers = [(start, num_tokens)]
    for first, end in answers:
        carries[first:end] = [True] * (end - first)
    return carries


def _fields_reached(
    places: Sequence[_Place], carries: Sequence[bool], max_length: int
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    in_sequence: set[str] = set()
    in_target: set[str] = set()
    cut: set[str] = set()
    for field, first, end in places:
        if first < min(end, max_length):
            in_sequence.add(field)
            if any(carries[max(first, 1) : min(end, max_length)]):  # the first is never predicted
                in_target.add(field)
        if end > max(first, max_length):
            cut.add(field)
    return frozenset(in_sequence), frozenset(in_target), frozenset(cut)
