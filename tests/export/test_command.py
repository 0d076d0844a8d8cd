"""Laws of `evidence export` as a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.system import durable
from evidence.verification.verification import verify_pack
from tests.command import evidence
from tests.export.packs import copied, exported, lacking
from tests.export.test_every_format import NOTHING, WITHOUT_A_KEY
from tests.project import Project

PAGE = "README.md"


def export(pack: Path, *words: str) -> tuple[int, str]:
    ended = evidence("export", "model-card", str(pack), *words)
    return ended.exit, ended.out + ended.err


def read(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("name", WITHOUT_A_KEY)
def test_a_folder_appears_with_the_files_of_the_format(
    name: str, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (name, pack.name) in NOTHING:
        pytest.skip(f"{name} has nothing to say of {pack.name}")
    if lacking(name):
        pytest.skip(lacking(name))
    monkeypatch.chdir(tmp_path)
    ended = evidence("export", name, str(pack))
    assert ended.exit == 0, ended
    (folder,) = tmp_path.iterdir()
    assert folder.name == f"{pack.name}-{name}"
    assert read(folder) == exported(name, pack)
    assert all(path in ended.out for path in read(folder))


def test_what_the_pack_is_is_said_aloud(pack: Path, tmp_path: Path) -> None:
    code, said = export(pack, "--output", str(tmp_path / "o"))
    assert code == 0
    assert ("Imported, not observed" in said) == (pack.name == "OLD")
    assert ("The run failed" in said) == ("failed" in pack.parts)


def test_the_same_again_writes_nothing(complete: Path, tmp_path: Path) -> None:
    folder = tmp_path / "o"
    export(complete, "--output", str(folder))
    before = (folder / PAGE).stat().st_ino
    code, said = export(complete, "--output", str(folder))
    assert (code, (folder / PAGE).stat().st_ino) == (0, before)
    assert "already" in said


def test_nothing_is_replaced_but_by_force(complete: Path, tmp_path: Path) -> None:
    (tmp_path / PAGE).write_text("mine\n")
    code, said = export(complete, "--output", str(tmp_path))
    assert code == 2, said
    assert "--force" in said
    assert read(tmp_path) == {PAGE: b"mine\n"}
    assert export(complete, "--output", str(tmp_path), "--force")[0] == 0
    assert read(tmp_path) == exported("model-card", complete)


def test_files_of_others_stay(complete: Path, tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("mine\n")
    assert export(complete, "--output", str(tmp_path))[0] == 0
    assert read(tmp_path)["other.md"] == b"mine\n"


def test_a_folder_in_the_place_of_a_file_is_never_replaced(complete: Path, tmp_path: Path) -> None:
    (tmp_path / PAGE).mkdir()
    code, said = export(complete, "--output", str(tmp_path), "--force")
    assert code == 2, said
    assert (tmp_path / PAGE).is_dir()


@pytest.mark.parametrize("below", [".", "exports", "training_output/x"])
def test_nothing_is_written_into_a_pack(below: str, complete: Path, tmp_path: Path) -> None:
    pack = copied(complete, tmp_path)
    before = read(pack)
    code, said = export(complete, "--output", str(pack / below), "--force")
    assert code == 2, said
    assert "into a pack" in said
    assert read(pack) == before


def test_nor_through_a_link(complete: Path, tmp_path: Path) -> None:
    pack = copied(complete, tmp_path)
    (tmp_path / "o").symlink_to(pack, target_is_directory=True)
    assert export(pack, "--output", str(tmp_path / "o"), "--force")[0] == 2
    assert verify_pack(pack).exit == 0


def test_nor_through_a_link_in_the_folder(complete: Path, tmp_path: Path) -> None:
    pack = copied(complete, tmp_path)
    before = read(pack)
    (tmp_path / "o").mkdir()
    (tmp_path / "o/M90").symlink_to(pack, target_is_directory=True)
    words = ("export", "ro-crate", str(pack), "--output", str(tmp_path / "o"), "--force")
    assert evidence(*words).exit == 2
    assert read(pack) == before


def test_a_broken_pack_is_refused(complete: Path, tmp_path: Path) -> None:
    pack = copied(complete, tmp_path)
    (pack / "predictions.jsonl").write_bytes(b"{}\n")
    code, said = export(pack, "--output", str(tmp_path / "o"))
    assert code == 1, said
    assert not (tmp_path / "o").exists()


def test_an_unsafe_pack_is_refused(complete: Path, tmp_path: Path) -> None:
    pack = copied(complete, tmp_path)
    (pack / "link").symlink_to("/etc/passwd")
    assert export(pack, "--output", str(tmp_path / "o"))[0] == 5
    assert not (tmp_path / "o").exists()


def test_a_run_that_is_not_finished_is_refused(project: Project, tmp_path: Path) -> None:
    (project.runs / ".work/T1/pack").mkdir(parents=True)
    (project.runs / ".work/T1/remembered.json").write_text("{}")
    code, said = export(project.pack, "--output", str(tmp_path / "o"))
    assert code == 4, said
    assert not (tmp_path / "o").exists()


def test_what_is_not_there_and_what_is_no_format_are_usage(tmp_path: Path) -> None:
    assert export(tmp_path / "none")[0] == 2
    assert evidence("export", "word", str(tmp_path)).exit == 2


def test_where_the_disk_fails_nothing_is_left(
    complete: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", fails)
    code, said = export(complete, "--output", str(tmp_path / "o"))
    assert code == 2, said
    assert list(tmp_path.iterdir()) == []
