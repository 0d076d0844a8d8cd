"""Checks on the sealed tokenizer: how many tokens it has, and how much text they can spell.

Responsible for counts. What single tokens spell is `seen`'s and `taught`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.stages.eval import EVAL, PREDICTIONS
from evidence.stages.train import TRAIN
from evidence.verification.consistency.machine import OUR_BACKENDS
from evidence.verification.consistency.registry import Evidence, Problems, check
from evidence.verification.problem import CannotCheckError, Problem

_KNOWN: Final = frozenset(
    {"None", "BPEDecoder", "ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Replace", "Strip",
     "WordPiece"}
)  # fmt: skip
"""Decoders that add to each token a space at most."""
_MARK: Final = "[redacted:"


class _Tokens:
    """The tokens of a tokenizer.json, by what they are written as."""

    def __init__(self, evidence: Evidence) -> None:
        document = evidence.json(layout.TOKENIZER)
        model = document.get("model") if isinstance(document, dict) else None
        vocab = model.get("vocab") if isinstance(model, dict) else None
        if isinstance(vocab, list):  # Unigram: [token, score] in order of their ids
            self.base = {one[0]: index for index, one in enumerate(vocab) if _is_pair(one)}
        elif isinstance(vocab, dict):
            self.base = vocab
        else:
            raise CannotCheckError(f"{layout.TOKENIZER} has no vocabulary that is known")
        self.num_base = len(vocab)
        listed = document.get("added_tokens")
        added = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        self.num_added = len(added)
        self.added: dict[str, Any] = {str(one.get("content")): one.get("id") for one in added}
        self.decoder = document.get("decoder")

    def longest(self) -> int:
        """Characters of the longest token; more than it spells, where it is written in bytes."""
        return max((len(one) for names in (self.base, self.added) for one in names), default=0)


def _is_pair(one: object) -> bool:
    return isinstance(one, list) and bool(one) and isinstance(one[0], str)


@check("tokenizer-size", "the tokenizer has as many tokens as inputs.json says", kind=TRAIN.name)
def tokenizer_size(evidence: Evidence) -> Problems:
    """Where our own backend ran: tokenizer.vocab_size is the number of tokens in the final model's
    tokenizer.json, of its vocabulary and added ones together: at least the different ones, at most
    all. A special token has the id that its text has there. Exact."""
    tokenizer = evidence.documents.inputs.tokenizer
    if isinstance(tokenizer, Unavailable) or evidence.plan.backend not in OUR_BACKENDS:
        raise CannotCheckError("there is no tokenizer of our own backend")
    tokens = _Tokens(evidence)
    least, most = len({*tokens.base, *tokens.added}), tokens.num_base + tokens.num_added
    place = f"{layout.INPUTS}#/tokenizer"
    if not least <= tokenizer.vocab_size <= most:
        text = f"not the number of tokens in {layout.TOKENIZER}"
        expected = f"{least}" if least == most else f"{least} to {most}"
        yield Problem(f"{place}/vocab_size", text, expected, tokenizer.vocab_size)
    for index, one in enumerate(tokenizer.special_tokens):
        known = tokens.added.get(one.text, tokens.base.get(one.text))
        if isinstance(known, int) and known != one.id:
            text = f"another id than this token has in {layout.TOKENIZER}"
            yield Problem(f"{place}/special_tokens/{index}/id", text, known, one.id)


@check("prediction-characters", "no output is longer than its tokens can spell", kind=EVAL.name)
def prediction_characters(evidence: Evidence) -> Problems:
    """Where our own backend ran: characters of an output ≤ num_output_tokens × characters of the
    longest token of the final model's tokenizer.json (and a space for each, where its decoder puts
    them)."""
    rows = evidence.documents.rows(PREDICTIONS)
    if evidence.plan.backend not in OUR_BACKENDS or not rows:
        raise CannotCheckError("there are no answers of our own backend")
    tokens = _Tokens(evidence)
    if not set(_kinds(tokens.decoder)) <= _KNOWN:
        raise CannotCheckError("its decoder is of a kind that is not known")
    most = tokens.longest() + 1
    for line, row in enumerate(rows, 1):
        if len(row.output) > most * row.num_output_tokens and _MARK not in row.output:
            place, text = f"{layout.PREDICTIONS}#L{line}/output", "more than its tokens can spell"
            expected = f"at most {most * row.num_output_tokens} characters"
            yield Problem(place, text, expected, len(row.output))


def _kinds(decoder: object) -> Iterator[str]:
    """Of the parts of a decoder; a replacement by more than a character is of no known kind."""
    parts = [decoder]
    if isinstance(decoder, dict) and decoder.get("type") == "Sequence":
        parts = decoder.get("decoders") or []
    for part in parts if isinstance(parts, list) else [parts]:
        kind = part.get("type") if isinstance(part, dict) else "None" if part is None else "?"
        yield "?" if isinstance(part, dict) and _grows(part) else str(kind)


def _grows(part: dict[str, Any]) -> bool:
    if part.get("type") != "Replace":
        return len(str(part.get("prefix", ""))) > 2  # of pieces of words, which stand for a space
    pattern, content = part.get("pattern"), part.get("content", "")
    named = pattern.get("String") if isinstance(pattern, dict) else None
    return not named or len(str(content)) > 1
