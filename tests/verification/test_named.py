"""Laws of names: which packs a path stands for, and what is said where it stands for none."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import UsageError
from evidence.text import commands
from evidence.verification import named
from evidence.verification.named import MAX_NAMED, expand, no_pack, refuse_empty, what_is_there

BEGIN = (
    "`evidence new M1` writes a milestone, `evidence run M1` makes a pack of it; "
    "`evidence record R1 -- python train.py` makes one of a program as it is."
)


def pack(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / layout.MANIFEST).write_bytes(b"{}")
    return folder


def unfinished(runs: Path, name: str) -> Path:
    staged = runs / layout.WORK / name / layout.STAGED
    staged.mkdir(parents=True)
    (staged / layout.JOURNAL).write_bytes(b"")
    (staged.parent / layout.REMEMBERED).write_bytes(b"{}")
    return runs / name


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / layout.RUNS


def test_a_folder_stands_for_its_packs_in_order_of_name(runs: Path) -> None:
    second, first = pack(runs / "M2"), pack(runs / "M1")
    pack(runs / ".hidden")
    (runs / "notes").mkdir()
    (runs / "README.md").write_bytes(b"")
    unfinished(runs, "M3")
    assert expand([runs, first]) == [first, second, first]
    assert named.packs_below(first) == []
    assert named.packs_below(runs / "README.md") == []


def test_a_folder_without_packs_stands_for_its_unfinished_runs(runs: Path) -> None:
    run = unfinished(runs, "M3")
    assert expand([runs]) == [run]
    assert expand([run]) == [run]
    assert expand([runs / layout.WORK]) == [runs / layout.WORK / "M3"]


def test_a_folder_that_is_neither_stands_for_itself(runs: Path) -> None:
    runs.mkdir()
    assert expand([runs]) == [runs]
    assert expand([pack(runs / "M1")]) == [runs / "M1"]
    assert named.unfinished_below(runs / "M1") == []


def test_a_name_of_nothing_is_refused_with_what_is_there_instead(runs: Path) -> None:
    pack(runs / "M43")
    unfinished(runs, "M44")
    with pytest.raises(UsageError) as caught:
        expand([runs / "M34"])
    assert str(caught.value.message) == f"there is no pack {runs / 'M34'}"
    assert caught.value.hint == (
        f"Packs: {runs.as_posix()}/M43.\n"
        f"  Unfinished: {runs.as_posix()}/M44. Go on: {commands.to_resume('M44', runs)}"
    )


def test_a_project_without_a_pack_is_told_how_to_make_one(runs: Path, tmp_path: Path) -> None:
    runs.mkdir()
    for path in (runs, tmp_path):
        with pytest.raises(UsageError, match="there is no pack in") as caught:
            refuse_empty([path])
        assert caught.value.hint == f"In {path} there is none yet. {BEGIN}"
    pack(runs / "M1")
    refuse_empty([runs])
    with pytest.raises(UsageError) as caught:
        refuse_empty([tmp_path])
    assert caught.value.hint == f"Packs: {runs.as_posix()}/M1."


def test_any_other_folder_may_have_been_a_pack(tmp_path: Path) -> None:
    refuse_empty([tmp_path])
    refuse_empty([pack(tmp_path / layout.RUNS)])


def test_where_there_is_no_folder_the_place_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    error = no_pack(Path("packs/M1"))
    assert error.hint == f"There is no folder packs in {tmp_path}. {BEGIN}"


def test_what_is_named_alike_comes_first_and_few_are_named(runs: Path) -> None:
    for number in range(10, 10 + MAX_NAMED + 2):
        pack(runs / f"N{number}")
    pack(runs / "Z99")
    first, *rest = what_is_there(runs, "Z9").removeprefix("Packs: ").removesuffix(".").split(", ")
    assert first == f"{runs.as_posix()}/Z99"
    assert [one.rpartition("/")[2] for one in rest] == [
        "N10",
        "N11",
        "N12",
        "N13",
        "N14 and 3 more",
    ]


def test_an_unfinished_run_of_the_work_folder_goes_on_in_the_folder_of_packs(runs: Path) -> None:
    unfinished(runs, "M3")
    said = what_is_there(runs / layout.WORK)
    go_on = commands.to_resume("M3", runs)
    assert said == f"Unfinished: {runs.as_posix()}/{layout.WORK}/M3. Go on: {go_on}"
