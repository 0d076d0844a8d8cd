"""Laws of looking up the text of tokens: it is what the tokenizer itself decodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.errors import MalformedError
from evidence.rules.vocabulary import read_vocabulary

tokenizers = pytest.importorskip("tokenizers")
OURS = Path(__file__).parents[2] / "milestones/models/tiny-gemma/tokenizer.json"
UNKNOWN = "<unk>"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def trained(kind: str) -> Any:
    """A little tokenizer of the kinds that model families use."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    sentences = ["the cat sat on the mat", "größer als ein Haus", "日本語のテキスト", "1 + 1 = 2"]
    if kind == "gemma":  # SentencePiece BPE with bytes for what is unknown
        made = Tokenizer(models.BPE(byte_fallback=True, unk_token=UNKNOWN))
        made.normalizer = normalizers.Replace(" ", "▁")
        made.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
        )
        special = ["<unk>", "<bos>", *(f"<0x{one:02X}>" for one in range(256))]
        trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    else:
        made = Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
        made.decoder = decoders.Metaspace(prepend_scheme="never")
        trainer = trainers.UnigramTrainer(
            vocab_size=80, special_tokens=[UNKNOWN], unk_token=UNKNOWN, show_progress=False
        )
    made.train_from_iterator(sentences, trainer)
    if kind == "gemma":  # bytes are part of the vocabulary there, and not special
        document = json.loads(made.to_str())
        document["added_tokens"] = document["added_tokens"][:2]
        made = Tokenizer.from_str(json.dumps(document))
    return made


@pytest.fixture(scope="module", params=["byte-level", "gemma", "unigram"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    if request.param == "byte-level":
        return tokenizers.Tokenizer.from_file(str(OURS))
    return trained(request.param)


@settings(max_examples=200)
@given(text=TEXTS)
def test_the_pieces_joined_are_what_the_tokenizer_decodes(tokenizer: Any, text: str) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    found = read_vocabulary(json.loads(tokenizer.to_str())).pieces(ids)
    assert len(found) == len(ids)
    assert "".join(found) == tokenizer.decode(ids, skip_special_tokens=False)


def test_special_tokens_are_written_as_they_are_and_split_characters_come_whole() -> None:
    ours = tokenizers.Tokenizer.from_file(str(OURS))
    ids = ours.encode("a 日<eos>").ids
    found = read_vocabulary(json.loads(OURS.read_bytes())).pieces(ids)
    assert found[0] == "<bos>"
    assert found[-1] == "<eos>"
    assert "".join(found[1:-1]) == "a 日"
    assert "�" not in "".join(found)
    assert "�" in "".join(read_vocabulary(json.loads(OURS.read_bytes())).pieces(ids[:-2]))


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"model": {}},
        {"model": {"vocab": 1}},
        {"model": {"vocab": {}}, "decoder": {"type": "WordPiece"}},
        {"model": {"vocab": {}}, "decoder": None},
        {"model": {"vocab": {}}, "decoder": {"type": "Replace", "pattern": {"Regex": "(a+)+"}}},
        {"model": {"vocab": {}}, "decoder": {"type": "Sequence", "decoders": 5}},
        {"model": {"vocab": {}}, "decoder": {"type": "Fuse"}, "added_tokens": 7},
        {"model": {"vocab": {}}, "decoder": {"type": "Metaspace", "replacement": "x" * 99}},
        {
            "model": {"vocab": {}},
            "decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"}] * 100},
        },
        {
            "model": {"vocab": {}},
            "decoder": {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"},
        },
    ],
)
def test_a_vocabulary_that_is_not_known_is_refused_and_not_guessed_at(document: Any) -> None:
    with pytest.raises(MalformedError):
        read_vocabulary(document)


def test_an_absurdly_long_token_is_refused_before_it_is_multiplied() -> None:
    document = {"model": {"vocab": {"a" * 10**6: 1}}, "decoder": {"type": "Fuse"}}
    with pytest.raises(MalformedError, match="longer than"):
        read_vocabulary(document).pieces([1] * 10**6)


def test_an_id_that_is_not_there_is_named() -> None:
    with pytest.raises(MalformedError, match="no id 9"):
        read_vocabulary({"model": {"vocab": {"a": 1}}, "decoder": {"type": "Fuse"}}).pieces([1, 9])
