"""Files of a recorded program: which are kept, which are named, and that its own accuse nobody."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.recording.programs import PYTHON, Recorded, make_repository, program, record

ALONE = (PYTHON, "-I")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


def collected(made: Recorded) -> dict[str, Any]:
    """Why each file is not kept; None where it is."""
    found = made.read("program/files.json")["collected"]
    return {one["path"]: one["why_not"] if one["kept_as"] is None else None for one in found}


def codes(made: Recorded) -> dict[str, str]:
    """The findings of verify and how grave they are."""
    return {one.code: one.severity for one in made.verified().findings}


def test_stars_mean_files_at_any_depth(root: Path) -> None:
    made = record(
        root, ["sh", "-c", "mkdir -p o/p; echo 1 > o/a; echo 2 > o/p/b"], collect=("o/**",)
    )
    assert collected(made) == {"o/a": None, "o/p/b": None}


def test_an_absolute_pattern_finds_its_files(root: Path, tmp_path: Path) -> None:
    place = tmp_path / "else where"
    text = f"mkdir '{place}'; echo 1 > '{place}/a.json'"
    made = record(root, ["sh", "-c", text], collect=(f"{place}/*.json",))
    assert list(collected(made).values()) == [None]


def test_links_pipes_and_folders_are_no_files(root: Path) -> None:
    text = (
        "mkdir -p o/folder; mkfifo o/pipe; ln -s /etc/hostname o/link; ln -s . o/loop; echo 1 > o/a"
    )
    made = record(root, ["sh", "-c", text], collect=("o/**",))
    assert collected(made) == {"o/a": None}


def test_a_pattern_that_nothing_matches_is_said(root: Path) -> None:
    made = record(root, ["true"], collect=("o/*.json",))
    assert ("files to keep", "no file matches o/*.json") in made.not_seen


@pytest.mark.skipif(sys.platform != "linux", reason="names of bytes")
def test_a_name_that_is_no_utf_8_is_said(root: Path) -> None:
    (root / "o").mkdir()
    text = "import os; open(b'o/b\\xff.json', 'w').close(); open('o/a.json', 'w').close()"
    made = record(root, [*ALONE, "-c", text], collect=("o/*",))
    assert collected(made) == {"o/a.json": None}
    assert any("of 1 file the name is no UTF-8" in why for _, why in made.not_seen)
    assert made.verified().verdict == "INTACT"


@pytest.mark.full
def test_of_too_many_files_the_rest_is_counted(root: Path) -> None:
    text = "mkdir o; cd o; seq 1200 | xargs touch"
    made = record(root, ["sh", "-c", text], collect=("o/*",))
    assert len(collected(made)) == 1000
    assert any("of 1200 files" in why for _, why in made.not_seen)


@pytest.mark.full
def test_files_that_are_told_twice_are_left_out_once(root: Path) -> None:
    source = "process()\nfor n in range(5010):\n"
    source += "    tell('opened', path='/x/%d' % n, mode='written', how='open')\n" * 2
    found = record(root, [*ALONE, program(root, source)[1]]).read("program/files.json")
    assert (len(found["opened"]), found["num_left_out"]) == (5000, 10)


@pytest.mark.full
def test_a_document_past_its_bound_is_cut_and_says_so(root: Path) -> None:
    source = "process()\nfor n in range(5000):\n    path = '/x/' + 'd' * 3000 + '/%d' % n\n"
    source += "    tell('opened', path=path, mode='read', how='open')\n"
    made = record(root, [*ALONE, program(root, source)[1]])
    found = made.read("program/files.json")
    assert found["num_left_out"] + len(found["opened"]) == 5000
    assert found["num_left_out"] > 0
    assert made.verified().verdict == "INTACT"


def test_new_files_of_the_program_are_no_accusation(root: Path) -> None:
    made = record(root, ["sh", "-c", "mkdir out; echo 1 > out/model.bin; echo 2 > log.txt"])
    assert codes(made)["changed-during-run"] == "advice"
    assert "changed while the run" not in made.summary()


COMMIT = "git -c user.name=a -c user.email=b commit --allow-empty -qm x"


@pytest.mark.parametrize("text", ["echo 1 >> data.jsonl", "rm data.jsonl", COMMIT])
def test_what_the_commit_has_is_still_watched(root: Path, text: str) -> None:
    made = record(root, ["sh", "-c", text])
    assert codes(made)["changed-during-run"] == "warning"
    assert "changed while the run" in made.summary()


def test_a_result_file_with_a_secret_is_named_and_not_kept(root: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    source = f"process()\nopen('metrics.json', 'w').write({secret[:9]!r} + {secret[9:]!r})\n"
    source += "tell('opened', path=os.path.abspath('metrics.json'), mode='written', how='open')\n"
    made = record(root, [*ALONE, program(root, source)[1]])
    assert "secret" in collected(made)["metrics.json"]
