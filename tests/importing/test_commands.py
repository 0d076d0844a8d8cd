"""Laws of the commands on imported packs, and of an import that goes wrong."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evidence import layout
from evidence.cli.main import cli
from evidence.errors import UsageError
from evidence.importing import staging
from evidence.verification.verification import verify_pack
from tests.importing.made import imported, make_evidence, make_pack
from tests.packs.case import GOLDEN
from tests.shared import made_once

SECRET = "ghp_" + "a1B2" * 9


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "imported-pack", make_pack)


@pytest.fixture
def copy(pack: Path, tmp_path: Path) -> Path:
    shutil.copytree(pack.parent, tmp_path / "runs")
    return tmp_path / "runs" / pack.name


def call(*argv: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in argv])


def said(error: Result) -> str:
    """What an error that reached the boundary says."""
    return f"{error.exception} {getattr(error.exception, 'hint', '')}"


def test_import_says_what_it_is_and_what_it_read(tmp_path: Path) -> None:
    found = make_evidence(tmp_path / "found")
    ended = call("import", found, "--id", "OLD", "--root", tmp_path)
    assert ended.exit_code == 0, ended.output
    for text in ("imported, not observed: 11 files, 1 left out", "complete, as the files say",
                 "20 logged rows", "✓ learning-rates", "INTACT"):  # fmt: skip
        assert text in ended.output
    report = call("verify", tmp_path / "runs/OLD")
    assert report.exit_code == 0
    assert "OLD · complete · imported, not observed" in report.output
    assert "VERIFIED" not in report.output


def test_the_index_and_the_summary_say_it(copy: Path) -> None:
    assert call("render", copy.parent).exit_code == 0
    index = (copy.parent / "README.md").read_text("utf-8")
    assert "complete; *imported, not observed*" in index
    summary = (copy / "old_summary.md").read_text("utf-8")
    assert summary.startswith("> ⚠️ **Imported, not observed:**")
    assert "**Origin:** imported, not observed" in summary
    assert call("render", copy.parent, "--check").exit_code == 0


@pytest.mark.parametrize(("name", "shown"), [
    ("train.loss_end", "1.25"), ("data.train.num_rows", "12.5"), ("train.batch_size", "2"),
    ("hardware.gpu.0.name", "Imagined GPU 9000"), ("original/env.txt#L1/Python", "3.11.7"),
    ("findings.json#/findings/0/rule", "recipe"), ("logged.jsonl#L1/loss", "2.5")])  # fmt: skip
def test_explain_leads_to_the_file_and_what_is_written_there(
    name: str, shown: str, pack: Path
) -> None:
    ended = call("explain", pack, name)
    assert ended.exit_code == 0, said(ended)
    assert shown in ended.output
    assert "level     parsed" in ended.output


def test_every_address_of_a_value_leads_somewhere(pack: Path) -> None:
    from evidence.api.values import read_results
    from evidence.explain.explain import explain

    for name, value in read_results(pack).items():
        if value.measured:
            places = explain(pack, name).places
            assert places, name
            assert all((pack / one.path).is_file() for one in places)


@pytest.mark.parametrize("address", ["original/env.txt#L99/x", "original/none.txt#L1/x",
                                     "original/config.yaml#/nope"])  # fmt: skip
def test_explain_refuses_what_is_no_place(address: str, pack: Path) -> None:
    assert isinstance(call("explain", pack, address).exception, UsageError)


def test_a_note_is_held_by_the_values_of_the_files(copy: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("The train loss at the end was 0.55.\n", encoding="utf-8")
    assert "train.loss_end of this pack is 1.25" in said(call("note", copy, note))
    note.write_text("The train loss at the end was 1.25.\n", encoding="utf-8")
    assert call("note", copy, note).exit_code == 0
    assert verify_pack(copy).exit_code == 0
    assert "Added after sealing" in (copy / "old_summary.md").read_text("utf-8")


@pytest.mark.parametrize("command", [("compare",), ("reproduce",)])
def test_what_needs_a_run_says_that_there_is_none(command: tuple[str, ...], copy: Path) -> None:
    other = GOLDEN / "v1/complete/M90"
    ended = call(*command, copy, *([other] if command == ("compare",) else []))
    assert isinstance(ended.exception, UsageError)
    assert "was imported, not observed" in said(ended)


@pytest.mark.parametrize("place", ["log", "name", "config"])
def test_a_secret_ends_the_import_and_is_never_shown(place: str, tmp_path: Path) -> None:
    found = make_evidence(tmp_path / "found")
    name = f"{SECRET}.txt" if place == "name" else "config.yaml" if place == "config" else "a.log"
    before = (found / name).read_text("utf-8") if (found / name).exists() else ""
    (found / name).write_text(f"{before}token: {SECRET}\n", encoding="utf-8")
    ended = call("import", found, "--id", "OLD", "--root", tmp_path)
    assert isinstance(ended.exception, UsageError)
    assert SECRET not in said(ended)
    assert (":" if place == "name" else name) in said(ended)
    assert not (tmp_path / "runs/OLD").exists()
    digest = said(ended).rpartition("(")[2].partition(")")[0]
    again = call("import", found, "--id", "OLD", "--root", tmp_path, "--not-secret", digest)
    assert again.exit_code == 0, said(again)
    assert call("verify", tmp_path / "runs/OLD").exit_code == 0
    assert call("import", found, "--id", "X", "--root", tmp_path, "--not-secret", "x").exception


def grow(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"one more line\n")


def swap(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [grow, swap, link, pipe, Path.unlink])
def test_a_folder_that_changes_while_it_is_read_is_not_imported(
    change: Callable[[Path], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = make_evidence(tmp_path / "found")
    copied: list[str] = []
    real = staging._copy

    def copy(root: Path, one: Any, target: Path | None) -> str:
        if len(copied) == 3:
            change(found / "trainer_state.json")
        copied.append(one.path)
        return real(root, one, target)

    monkeypatch.setattr(staging, "_copy", copy)
    with pytest.raises(UsageError, match=r"trainer_state\.json"):
        imported(tmp_path, evidence=found)
    assert not (tmp_path / "runs/OLD").exists()
    assert not list((tmp_path / "runs/.work").glob(".import-*"))


def test_a_full_disk_is_named_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    found = make_evidence(tmp_path / "found")
    with monkeypatch.context() as patch:
        patch.setattr(staging, "_pour", full)
        ended = call("import", found, "--id", "OLD", "--root", tmp_path)
    assert isinstance(ended.exception, UsageError)
    assert "No space left on device" in said(ended)
    assert not (tmp_path / "runs/OLD").exists()
    assert not list((tmp_path / "runs/.work").glob(".import-*"))
    assert call("import", found, "--id", "OLD", "--root", tmp_path).exit_code == 0


def test_a_run_of_the_same_name_that_is_unfinished_is_not_touched(tmp_path: Path) -> None:
    work = layout.work_dir(tmp_path / "runs", "OLD")
    (work / layout.STAGED).mkdir(parents=True)
    (work / layout.STAGED / layout.JOURNAL).write_text("{}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="an unfinished run of OLD"):
        imported(tmp_path)
    assert (work / layout.STAGED / layout.JOURNAL).exists()


def test_what_a_killed_import_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / "runs/.work/.import-OLD/OLD/original"
    left.mkdir(parents=True)
    (left / "half.txt").write_text("half", encoding="utf-8")
    assert not layout.is_unfinished(tmp_path / "runs/.work/.import-OLD")
    pack = imported(tmp_path).pack
    assert verify_pack(pack).exit_code == 0
    assert not (pack / "original/half.txt").exists()
    assert not left.exists()


@pytest.mark.full
def test_five_thousand_files_are_imported_and_verified(tmp_path: Path) -> None:
    found = make_evidence(tmp_path / "found")
    for number in range(5_000):
        path = found / f"many/{number // 100}/part {number}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"note: part {number}\n", encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    assert len(result.sources.files) == 5_011
    assert verify_pack(result.pack).exit_code == 0
