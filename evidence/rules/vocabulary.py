"""Token ids to text, one piece a token, by the tables of tokenizer.json alone. Pure.

Responsible for the text shown beside recorded ids, so that verify can look it up again without
any tokenizer library. Pieces are the tokens' own text: a leading space that a decoder would strip
stays. A character that several tokens make together belongs to the last of them.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from evidence.errors import MalformedError
from evidence.records.record import Record

MAX_TOKEN_CHARS: Final = 1024
MAX_DECODERS: Final = 8

_SPACE_SIGN: Final = "\u2581"
_NUM_BYTES: Final = 256


class Spelling(Record):
    """How the strings of a vocabulary spell bytes."""

    byte_level: bool = False
    """Each character stands for a byte (GPT-2)."""
    byte_fallback: bool = False
    """`<0x0A>` is a byte (SentencePiece)."""
    replaced: tuple[tuple[str, str], ...] = ()
    """Replacements to be made, such as `▁` by a space."""

    def spelled(self, token: str) -> bytes:
        """The bytes of a token that is not a special one."""
        if self.byte_level and all(char in _BYTE_OF for char in token):
            return bytes(_BYTE_OF[char] for char in token)
        if self.byte_fallback and len(token) == 6 and token[:3] == "<0x" and token[5] == ">":
            try:
                return bytes([int(token[3:5], 16)])
            except ValueError:
                pass
        for old, new in self.replaced:
            token = token.replace(old, new)
        return token.encode("utf-8", "replace")


class Vocabulary(Record):
    """Ids and what they spell."""

    token_of: Callable[[int], str | None]
    special: Mapping[int, str]
    """Added tokens, which are written as they are."""
    spelling: Spelling

    def pieces(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The text of each id. Raises MalformedError for an id that the vocabulary has not."""
        return tuple(self.iter_pieces(ids))

    def iter_pieces(self, ids: Sequence[int]) -> Iterator[str]:
        """The same, one at a time: of a stranger's pack, all at once may be too much."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        last = len(ids) - 1
        for index, one in enumerate(ids):
            yield decoder.decode(self._bytes(one), index == last)

    def _bytes(self, one: int) -> bytes:
        special = self.special.get(one)
        token = self.token_of(one) if special is None else special
        if token is None:
            raise MalformedError(f"the vocabulary has no id {one}")
        if len(token) > MAX_TOKEN_CHARS:
            raise MalformedError(f"the token {one} is longer than {MAX_TOKEN_CHARS} characters")
        return self.spelling.spelled(token) if special is None else token.encode("utf-8", "replace")


def read_vocabulary(document: Any) -> Vocabulary:
    """The vocabulary of a parsed tokenizer.json. Raises MalformedError where it is unknown."""
    if not isinstance(document, dict) or not isinstance(document.get("model"), dict):
        raise MalformedError("tokenizer.json has no model with a vocabulary")
    tokens = _tokens(document["model"].get("vocab"))
    added = document.get("added_tokens") or []
    if not isinstance(added, list):
        raise MalformedError("tokenizer.json has a list of added tokens that is none")
    special = {
        one["id"]: one["content"]
        for one in added
        if isinstance(one, dict)
        and isinstance(one.get("id"), int)
        and isinstance(one.get("content"), str)
    }
    return Vocabulary(tokens.get, special, read_spelling(document.get("decoder")))


def _tokens(vocab: Any) -> dict[int, str]:
    if isinstance(vocab, dict):
        return {one: token for token, one in vocab.items() if isinstance(one, int)}
    if isinstance(vocab, list):  # Unigram: [token, score] in order of their ids
        return {
            index: pair[0]
            for index, pair in enumerate(vocab)
            if isinstance(pair, list) and pair and isinstance(pair[0], str)
        }
    raise MalformedError("tokenizer.json has no model with a vocabulary")


def read_spelling(decoder: Any) -> Spelling:
    """How tokens spell text, from the `decoder` of tokenizer.json. Raises MalformedError."""
    parts = [decoder]
    if isinstance(decoder, dict) and decoder.get("type") == "Sequence":
        parts = decoder.get("decoders") or []
    if not isinstance(parts, list) or len(parts) > MAX_DECODERS:
        raise MalformedError(f"its decoder has no list of at most {MAX_DECODERS} parts")
    byte_level = byte_fallback = False
    replaced: list[tuple[str, str]] = []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        match kind:
            case "ByteLevel":
                byte_level = True
            case "ByteFallback":
                byte_fallback = True
            case "Metaspace":
                replaced.append((_text(part, "replacement", _SPACE_SIGN) or _SPACE_SIGN, " "))
            case "Replace":
                pattern = part.get("pattern")
                old = pattern.get("String") if isinstance(pattern, dict) else None
                if not isinstance(old, str) or not old:
                    raise MalformedError("its decoder replaces a pattern, which is not looked up")
                replaced.append((old, _text(part, "content", "")))
            case "Fuse" | "Strip":
                pass
            case _:
                raise MalformedError(f"its decoder is of a kind that is not looked up: {kind}")
    return Spelling(byte_level, byte_fallback, tuple(replaced))


def _text(part: Mapping[str, Any], key: str, default: str) -> str:
    value = part.get(key, default)
    if not isinstance(value, str) or len(value) > 1:  # so that no text can grow
        raise MalformedError(f"its decoder has a {key} that is no single character")
    return value


def _byte_of() -> dict[str, int]:
    """Characters that GPT-2's vocabulary writes for bytes (`bytes_to_unicode` in its encoder)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = (one for one in range(_NUM_BYTES) if one not in plain)
    table = {chr(one): one for one in plain}
    return table | {chr(_NUM_BYTES + index): one for index, one in enumerate(others)}


_BYTE_OF: Final = _byte_of()
