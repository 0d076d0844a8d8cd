"""Laws of the bag: its own library finds it valid, and the pack in it verifies."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from render.nasty import NASTY

from evidence.export.bagit import INFO, files
from evidence.export.facts import Account, line
from evidence.export.formats import files_of
from evidence.export.writing import write_files
from evidence.verification.verification import verify_pack
from tests.export.packs import account, copied


def bag(pack: Path, folder: Path) -> Path:
    write_files(folder / "bag", files_of("bagit", account(pack)), force=False)
    return folder / "bag"


def problem(folder: Path) -> str:
    """What bagit-python says of a bag; empty where it is valid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bagit = pytest.importorskip("bagit", reason="bagit-python judges a bag")
    try:
        bagit.Bag(str(folder)).validate()
    except bagit.BagError as error:
        return str(error)
    return ""


def test_its_own_library_finds_it_valid(pack: Path, tmp_path: Path) -> None:
    assert problem(bag(pack, tmp_path)) == ""


def test_its_own_library_finds_a_changed_byte(complete: Path, tmp_path: Path) -> None:
    made = bag(complete, tmp_path)
    (made / "data/M90/training_log.txt").write_bytes(b"traininG\n")
    assert "training_log.txt" in problem(made)


def test_the_pack_in_it_verifies_as_the_pack_does(pack: Path, tmp_path: Path) -> None:
    again, before = verify_pack(bag(pack, tmp_path) / "data" / pack.name), verify_pack(pack)
    assert (again.verdict, again.root_sha256) == (before.verdict, before.root_sha256)
    assert again.findings == before.findings


def test_what_is_withheld_is_said_and_not_missed(complete: Path, tmp_path: Path) -> None:
    pack = copied(complete, tmp_path)
    weights = "training_output/final_model/model.safetensors"
    (pack / weights).unlink()
    made = bag(pack, tmp_path)
    assert problem(made) == ""
    assert weights in (made / INFO).read_text("utf-8")


@given(text=st.text() | st.sampled_from(NASTY))
def test_hostile_words_are_one_label_of_one_line(text: str, complete_account: Account) -> None:
    """(I4)"""
    plain = files(complete_account)[INFO]
    given_ = replace(complete_account, title=line(text), standing=(text,))
    made = files(given_)[INFO]
    assert isinstance(plain, bytes)
    assert isinstance(made, bytes)
    labels = [row.partition(": ")[0] for row in made.decode("utf-8").split("\n")]
    assert labels == [row.partition(": ")[0] for row in plain.decode("utf-8").split("\n")]
