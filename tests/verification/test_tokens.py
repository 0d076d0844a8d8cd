"""Laws of the sealed tokenizer: as many tokens as is said, and no more text than they spell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toy import prediction, write
from toy_parts import TOKENIZER, VOCAB

from evidence import layout
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack
from tests.fields.rich import rich_toy


def outcomes(pack: ForgedPack, folder: Path) -> dict[str, str]:
    files = {k: v for k, v in pack.seal().all_bytes().items() if v is not None}
    return {one.id: one.outcome for one in verify_pack(write(folder / "M90", files)).checks}


def sealed(pack: ForgedPack, **parts: Any) -> None:
    """Another tokenizer.json in the final model."""
    pack.files[layout.TOKENIZER] = json.dumps(TOKENIZER | parts).encode()


def stated(pack: ForgedPack) -> dict[str, Any]:
    found: dict[str, Any] = pack.docs[layout.INPUTS]["tokenizer"]
    return found


KNOWN = {"id": 9, "content": "▁t9"}


@pytest.mark.parametrize(
    ("vocab_size", "added", "wanted"),
    [
        (VOCAB, TOKENIZER["added_tokens"], "pass"),
        (VOCAB - 1, TOKENIZER["added_tokens"], "fail"),
        (VOCAB + 1, TOKENIZER["added_tokens"], "fail"),
        (256_000, TOKENIZER["added_tokens"], "fail"),
        (VOCAB, [*TOKENIZER["added_tokens"], KNOWN], "pass"),  # in the vocabulary, and added
        (VOCAB + 1, [*TOKENIZER["added_tokens"], KNOWN], "pass"),  # as older libraries count it
        (VOCAB + 2, [*TOKENIZER["added_tokens"], KNOWN], "fail"),
        (VOCAB + 1, [*TOKENIZER["added_tokens"], {"id": 99, "content": "<pad>"}], "pass"),
    ],
)
def test_a_tokenizer_has_as_many_tokens_as_its_file(
    vocab_size: int, added: list[Any], wanted: str, tmp_path: Path
) -> None:
    pack = rich_toy()
    sealed(pack, added_tokens=added)
    stated(pack)["vocab_size"] = vocab_size
    assert outcomes(pack, tmp_path)["tokenizer-size"] == wanted


def test_a_vocabulary_of_another_form_is_not_counted(tmp_path: Path) -> None:
    pack = rich_toy()
    sealed(pack, model={"vocab": "a b c"})
    assert outcomes(pack, tmp_path)["tokenizer-size"] == "not_checked"


@pytest.mark.parametrize("doubled", [False, True])
def test_a_list_of_pieces_is_counted_too(doubled: bool, tmp_path: Path) -> None:
    pack = rich_toy()
    pieces = [["<bos>", 0], *([f"▁t{one}", -1] for one in range(1, VOCAB))]
    sealed(pack, model={"vocab": pieces + pieces[1:2] * doubled})
    assert outcomes(pack, tmp_path)["tokenizer-size"] == "pass"


def test_a_piece_that_is_none_breaks_no_check(tmp_path: Path) -> None:
    pack = rich_toy()
    sealed(pack, model={"vocab": [[], 7, *([f"▁t{one}", -1] for one in range(VOCAB - 2))]})
    files = {k: v for k, v in pack.seal().all_bytes().items() if v is not None}
    report = verify_pack(write(tmp_path / "M90", files))
    assert "check-broke" not in {one.code for one in report.findings}


def test_a_special_token_has_the_id_that_its_text_has(tmp_path: Path) -> None:
    pack = rich_toy()
    stated(pack)["special_tokens"][0]["id"] = 5
    assert outcomes(pack, tmp_path)["tokenizer-size"] == "fail"


@pytest.mark.parametrize(
    ("output", "tokens", "wanted"),
    [
        ("Answer: 4", 6, "pass"),
        ("so " * 12, 6, "pass"),
        ("so " * 13, 6, "fail"),
        ("x" * 2500, 7, "fail"),
        ("\ufffd" * 36, 6, "pass"),
        ("[redacted:hf-token] " + "x" * 20, 6, "pass"),
    ],
)
def test_an_output_is_no_longer_than_its_tokens_can_spell(
    output: str, tokens: int, wanted: str, tmp_path: Path
) -> None:
    pack = rich_toy()
    pack.docs[layout.PREDICTIONS][0] = prediction(0, output) | {"num_output_tokens": tokens}
    assert outcomes(pack, tmp_path)["prediction-characters"] == wanted


@pytest.mark.parametrize(
    ("decoder", "wanted"),
    [
        (None, "fail"),
        ({"type": "ByteLevel"}, "fail"),
        ({"type": "WordPiece", "prefix": "##"}, "fail"),
        ({"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Strip"}]}, "fail"),
        ({"type": "Replace", "pattern": {"Regex": ""}, "content": "x"}, "not_checked"),
        ({"type": "Replace", "pattern": {"String": "a"}, "content": "long"}, "not_checked"),
        ({"type": "Another"}, "not_checked"),
    ],
)
def test_where_a_decoder_may_write_more_nothing_is_claimed(
    decoder: Any, wanted: str, tmp_path: Path
) -> None:
    pack = rich_toy()
    sealed(pack, decoder=decoder)
    pack.docs[layout.PREDICTIONS][0] = prediction(0, "x" * 500)
    assert outcomes(pack, tmp_path)["prediction-characters"] == wanted
