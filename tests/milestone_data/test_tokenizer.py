"""Laws of the stand-in's tokenizer over all of our texts: exact round trips, exact offsets.

What transformers makes of the files is test_models.py's concern.
"""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer

from tests.milestone_data.committed import EVALUATION, MODELS, TRAINING, completion

TOKENIZER = Tokenizer.from_file(str(MODELS / "tiny-gemma" / "tokenizer.json"))
PAD, EOS, BOS, UNK = range(4)
MAX_LENGTH = 128
TEXTS = [f"{row['prompt']}\n{completion(row)}" for row in TRAINING]
STRANGE = [
    "",
    " ",
    "\n\n  \t",
    "a\u0301",
    "👩‍👩‍👧",
    "ﬁ №",
    "\u200b\ufeff",
    "x\u0000y",
    "中文 العربية",
    "1e-5%",
]


def test_special_tokens_are_numbered_as_gemma_numbers_them() -> None:
    names = ("<pad>", "<eos>", "<bos>", "<unk>")
    assert [TOKENIZER.token_to_id(name) for name in names] == [PAD, EOS, BOS, UNK]


def test_every_id_has_a_row_in_the_embedding() -> None:
    config = json.loads((MODELS / "tiny-gemma" / "config.json").read_bytes())
    assert max(TOKENIZER.get_vocab().values()) < config["vocab_size"]
    assert sorted(TOKENIZER.get_vocab().values()) == list(range(TOKENIZER.get_vocab_size()))


def test_a_beginning_is_added_once_and_an_end_never() -> None:
    for text in TEXTS:
        ids = TOKENIZER.encode(text).ids
        assert ids[0] == BOS
        assert not {PAD, EOS, BOS, UNK} & set(ids[1:])


def test_decoding_gives_back_every_text() -> None:
    answers = [text for row in EVALUATION for text in (row["prompt"], row["expected_answer"])]
    for text in [*TEXTS, *answers, *STRANGE]:
        assert TOKENIZER.decode(TOKENIZER.encode(text).ids) == text


def test_offsets_cover_every_text_without_gap() -> None:
    for text in TEXTS:
        encoding = TOKENIZER.encode(text)
        assert encoding.offsets[0] == (0, 0)
        assert _covered(encoding.offsets[1:]) == len(text), text


def _covered(offsets: list[tuple[int, int]]) -> int:
    """Where spans end that follow one another; bytes of one character share its span."""
    end, last = 0, (-1, -1)
    for start, stop in offsets:
        assert start == end or (start, stop) == last, (start, stop, last)
        end, last = stop, (start, stop)
    return end


def test_offsets_name_the_text_of_each_token() -> None:
    for text in TEXTS:
        encoding = TOKENIZER.encode(text)
        for token, (start, stop) in zip(encoding.ids[1:], encoding.offsets[1:], strict=True):
            piece = TOKENIZER.decode([token])
            if "\ufffd" not in piece:  # a part of a character has no text of its own
                assert piece == text[start:stop]


def test_the_evaluation_prompt_is_a_prefix_of_what_was_trained() -> None:
    for row, text in zip(TRAINING, TEXTS, strict=True):
        prompt = TOKENIZER.encode(f"{row['prompt']}\n").ids
        assert TOKENIZER.encode(text).ids[: len(prompt)] == prompt


def test_only_the_long_edge_cases_are_cut() -> None:
    lengths = [len(TOKENIZER.encode(text).ids) + 1 for text in TEXTS]  # and the end of sequence
    cut = [row for row, length in zip(TRAINING, lengths, strict=True) if length > MAX_LENGTH]
    assert [row["meta"]["category"] for row in cut] == ["edge-case"] * 3


@pytest.mark.parametrize("text", ["1234", "9.5", "12:30"])
def test_digits_stand_alone(text: str) -> None:
    assert len(TOKENIZER.encode(text).ids) == 1 + len(text)
