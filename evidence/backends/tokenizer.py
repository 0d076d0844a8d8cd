"""The tokenizer of a model, as every backend that is ours uses it.

Responsible for loading it, for the plain functions that the rest of the project takes it as, and
for saying what it is. It is a tokenizer of transformers, which needs no framework for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache
from transformers import AutoTokenizer

from evidence.backends.chat import chat_of
from evidence.data.tokens import Coder
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.records.inputs import SpecialToken, TokenizerRecord
from evidence.records.milestone import ModelSpec
from evidence.rules.vocabulary import Vocabulary, read_spelling
from evidence.worker.recorder import Pieces


def load_tokenizer(spec: ModelSpec, root: Path) -> Any:
    """The fast tokenizer of the model, or the one the milestone names; with the milestone's chat
    template in place of its own, so that a saved one brings along what the model was taught by."""
    tokenizer = _loaded(spec, root)
    if spec.chat_template is not None:
        tokenizer.chat_template = spec.chat_template
    return tokenizer


def _loaded(spec: ModelSpec, root: Path) -> Any:
    if spec.tokenizer is not None:
        return AutoTokenizer.from_pretrained(root / spec.tokenizer)
    if spec.path is not None:
        return AutoTokenizer.from_pretrained(root / spec.path)
    return AutoTokenizer.from_pretrained(spec.id, revision=spec.revision or "main")


def pad_id(tokenizer: Any) -> int:
    """What fills a row up. Masks leave it out, so that without a pad token any id will do."""
    found = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return next(int(one) for one in found if one is not None)


def able_to_pad(tokenizer: Any) -> Any:
    """The tokenizer, with a pad token in memory where it has none. Never saved."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(pad_id(tokenizer))
    return tokenizer


def coder(tokenizer: Any, spec: ModelSpec | None = None) -> Coder:
    """The tokenizer as plain functions: special tokens and exact offsets in, none of them out. With
    its chat template, where it is said for which model."""

    def encode(text: str) -> tuple[list[int], list[tuple[int, int]]]:
        found = tokenizer(text, return_offsets_mapping=True, verbose=False)
        return found["input_ids"], [tuple(pair) for pair in found["offset_mapping"]]

    def encode_spelled(text: str) -> tuple[list[int], list[tuple[int, int]]]:
        found = tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        return found["input_ids"], [tuple(pair) for pair in found["offset_mapping"]]

    def decode(ids: Sequence[int]) -> str:
        text: str = tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    unknown = {tokenizer.unk_token}  # a text that becomes it is lost
    added = {one: token.content for one, token in _special(tokenizer)}
    specials = frozenset({*tokenizer.all_special_tokens, *added.values()} - unknown)
    return Coder(
        encode,
        decode,
        tokenizer.bos_token_id,
        tokenizer.eos_token_id,
        specials,
        added,
        None if spec is None else chat_of(tokenizer, spec, encode_spelled),
    )


def _special(tokenizer: Any) -> list[tuple[int, Any]]:
    """Added tokens that no text is made of: begin, end, turn markers."""
    return [(one, token) for one, token in tokenizer.added_tokens_decoder.items() if token.special]


def vocabulary(tokenizer: Any) -> Pieces:
    """The text of each id, as verify will look it up in tokenizer.json.

    Where `evidence.rules.vocabulary` does not know the decoder, each id is decoded by itself.
    """
    fast = tokenizer.backend_tokenizer
    try:
        spelling = read_spelling(json.loads(fast.decoder.__getstate__()) if fast.decoder else None)
    except MalformedError:
        return lambda ids: tuple(tokenizer.decode([one]) for one in ids)
    special = {one: token.content for one, token in fast.get_added_tokens_decoder().items()}
    return Vocabulary(fast.id_to_token, special, spelling).pieces


def prompt_ids(tokenizer: Any, prompts: Sequence[str], *, spelled: bool = False) -> list[list[int]]:
    """Ids of each prompt, without what the tokenizer adds at an end: the answer follows. Where the
    prompts spell their special tokens (`spelled`), none are added."""
    if spelled:
        found = tokenizer(list(prompts), add_special_tokens=False, verbose=False)
        return [list(ids) for ids in found["input_ids"]]
    found = tokenizer(
        list(prompts), return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False
    )
    rows = zip(
        found["input_ids"], found["offset_mapping"], found["special_tokens_mask"], strict=True
    )
    return [_open_ended(*row) for row in rows]


def _open_ended(ids: list[int], offsets: list[tuple[int, int]], special: list[int]) -> list[int]:
    last = len(ids)
    while last > 1 and special[last - 1] and offsets[last - 1][0] == offsets[last - 1][1]:
        last -= 1
    return ids[:last]


def tokenizer_record(spec: ModelSpec, root: Path, tokenizer: Any) -> TokenizerRecord:
    """What the tokenizer is, for inputs.json."""
    folder = spec.tokenizer or spec.path
    file = None if folder is None else root / folder / "tokenizer.json"
    digest: str | Unavailable = Unavailable("its folder has no tokenizer.json")
    if file is not None and file.is_file():
        digest = sha256_hex(file.read_bytes())
    elif folder is None:
        digest = _cached_digest(spec)
    plain = coder(tokenizer)
    return TokenizerRecord(
        id=spec.named or folder or str(spec.id),
        sha256=digest,
        vocab_size=len(tokenizer),
        adds_bos=plain.adds_bos,
        adds_eos=plain.adds_eos,
        special_tokens=tuple(
            SpecialToken(name, str(text), int(tokenizer.convert_tokens_to_ids(str(text))))
            for name, text in sorted(tokenizer.special_tokens_map.items())
            if not isinstance(text, (list, tuple))
        ),
        chat_template=chat_template(tokenizer.chat_template),
    )


def chat_template(brought: str | dict[str, str] | None) -> str | None:
    """What a tokenizer brings along: its template, or several of them as JSON, by name."""
    if isinstance(brought, dict):
        return jsonio.dump_text(brought) if brought else None
    return brought


def _cached_digest(spec: ModelSpec) -> str | Unavailable:
    """Digest of the tokenizer.json that the hub gave, from the user's own cache."""
    revision = spec.revision or "main"
    path = try_to_load_from_cache(str(spec.id), "tokenizer.json", revision=revision)
    if not isinstance(path, str):
        return Unavailable("the hub's tokenizer.json is not in the local cache")
    return sha256_hex(Path(path).read_bytes())
