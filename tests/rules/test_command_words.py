"""Laws of folders and words: with names cut out they are no others."""

from __future__ import annotations

import pytest

from evidence.redact.identity import Identity
from evidence.rules.command_words import is_same, name_of

BOB = Identity(home="/home/bob", user="bob", host="laptop.local")


@pytest.mark.parametrize("word", [
    "/home/bob/train.py", "--data=/home/bob/a:/home/bob/b", "bob@laptop.local:/x", "plain",
    "/scratch/bob/run", "~/x", "https://laptop.local:80/", "/users/bob/x~"])  # fmt: skip
def test_a_word_made_anonymous_is_the_word(word: str) -> None:
    assert is_same(word, BOB.anonymous(word))


@pytest.mark.parametrize(("asked", "ran"), [
    ("/home/bob/train.py", "~/other.py"), ("train.py", "train.py~"), ("a", "b"),
    ("train.py", "other.py"), ("/home/bob/a", "~/a/b"), ("user", "host")])  # fmt: skip
def test_another_word_is_another_word(asked: str, ran: str) -> None:
    assert not is_same(asked, ran)


def test_a_path_of_any_system_has_a_last_part() -> None:
    assert name_of(r"C:\Python\python.EXE") == "python.exe"
    assert name_of("/usr/bin/python3") == "python3"
