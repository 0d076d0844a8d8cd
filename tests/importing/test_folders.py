"""Laws of folders: what goes into a pack under which name, what is left out, what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from evidence import limits
from evidence.encoding.digest import sha256_hex
from evidence.errors import BusyError, PastLimitError, UsageError
from evidence.importing.import_folder import ImportOptions, import_folder
from evidence.publish.held_name import held_name
from evidence.verification.verification import verify_pack
from tests.importing.made import imported, make_evidence


def test_names_that_no_pack_holds_are_changed_and_said(tmp_path: Path) -> None:
    found = tmp_path / "found"
    names = ["a b.txt", "a_b.txt", ".hidden", "-dash.log", "con.txt", "UPPER/x.txt", "upper/x.txt",
             "naïve.txt", "page.html", "run.sh", "dot.", "a b/c.txt"]  # fmt: skip
    for name in names:
        path = found / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    given = {one.found_as or one.path[9:]: one.path[9:] for one in result.sources.files}
    assert given == {
        "a b.txt": "a_b-2.txt", "a_b.txt": "a_b.txt", ".hidden": "_.hidden", "dot.": "dot._",
        "-dash.log": "_-dash.log", "con.txt": "_con.txt", "UPPER/x.txt": "UPPER/x.txt",
        "upper/x.txt": "UPPER/x-2.txt", "naïve.txt": "na_ve.txt", "page.html": "page.html.txt",
        "run.sh": "run.sh.txt", "a b/c.txt": "a_b/c.txt"}  # fmt: skip
    assert verify_pack(result.pack).exit_code == 0


def test_of_a_path_that_is_too_deep_the_outermost_folders_become_one(tmp_path: Path) -> None:
    found = tmp_path / "found"
    folder = found / "mlruns/0/5f3c2b/metrics/train/a"
    folder.mkdir(parents=True)
    (folder / "loss").write_text("1710000000000 1.5 10\n", encoding="utf-8")
    result = imported(tmp_path, evidence=found)
    (one,) = result.sources.files
    assert one.path == "original/mlruns__0__5f3c2b/metrics/train/a/loss"
    assert (one.found_as, one.format) == ("mlruns/0/5f3c2b/metrics/train/a/loss", "mlflow")
    assert verify_pack(result.pack).exit_code == 0


def test_links_pipes_packs_and_programs_are_left_out_with_their_reasons(tmp_path: Path) -> None:
    found = make_evidence(tmp_path / "found")
    inner = imported(tmp_path / "other").pack
    shutil.copytree(inner, found / "inner")
    (found / "link.txt").symlink_to("/etc/passwd")
    (found / "there").symlink_to(tmp_path)
    os.mkfifo(found / "pipe")
    (found / ".git").mkdir()
    (found / ".git/config").write_text("secret", encoding="utf-8")
    (found / "all.zip").write_bytes(b"PK")
    result = imported(tmp_path, evidence=found)
    left = {one.found_as: one.reason for one in result.sources.left_out}
    assert left.keys() == {"link.txt", "there", "pipe", ".git/", "all.zip", "inner/",
                           "model/pytorch_model.bin"}  # fmt: skip
    assert left["inner/"] == "a pack itself"
    assert verify_pack(result.pack).exit_code == 0


def test_what_is_too_large_is_named_by_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_ORIGINAL_BYTES", 300)
    result = imported(tmp_path)
    left = {one.found_as: one for one in result.sources.left_out}
    assert left["trainer_state.json"].sha256 == sha256_hex(
        (tmp_path / "found/trainer_state.json").read_bytes()
    )


@pytest.mark.parametrize(("what", "error"), [
    ("missing", "is not there"), ("file", "is no folder"), ("empty", "holds no file"),
    ("weights", "holds no file that can be copied"), ("pack", "is a pack itself"),
    ("runs", "is the folder of packs")])  # fmt: skip
def test_a_folder_that_cannot_be_imported_is_refused(what: str, error: str, tmp_path: Path) -> None:
    root, runs = tmp_path / "found", tmp_path / "runs"
    if what == "file":
        root.write_text("log", encoding="utf-8")
    elif what != "missing":
        root.mkdir()
    if what == "weights":
        (root / "a.safetensors").write_bytes(b"0")
    if what == "pack":
        root = imported(tmp_path / "other").pack
    if what == "runs":
        root = runs
        root.mkdir()
    with pytest.raises(UsageError, match=error):
        import_folder(root, "OLD", ImportOptions(runs=runs))
    assert not (runs / "OLD").exists()


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".x", "a b", "x" * 65])
def test_an_id_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no id"):
        imported(tmp_path, name=name)


def test_a_pack_is_never_overwritten_and_goes_to_the_archive_when_asked(tmp_path: Path) -> None:
    first = imported(tmp_path)
    with pytest.raises(UsageError, match="sealed already"):
        import_folder(tmp_path / "found", "OLD", ImportOptions(runs=tmp_path / "runs"))
    second = imported(tmp_path, evidence=tmp_path / "found", again=True)
    archived = tmp_path / "runs/archive" / f"OLD-{first.root_sha256[:12]}"
    assert verify_pack(archived).root_sha256 == first.root_sha256
    assert verify_pack(second.pack).exit_code == 0


def test_a_name_that_another_process_holds_is_busy(tmp_path: Path) -> None:
    (tmp_path / "runs/.work").mkdir(parents=True)
    with held_name(tmp_path / "runs", "OLD"), pytest.raises(BusyError):
        imported(tmp_path)


def test_too_many_files_are_past_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ORIGINALS", 5)
    with pytest.raises(PastLimitError, match="more than 5 files"):
        imported(tmp_path)


def test_files_that_are_too_large_together_are_past_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_ORIGINALS_BYTES", 1_000)
    with pytest.raises(PastLimitError, match="more than 1000"):
        imported(tmp_path)
    assert not (tmp_path / "runs/OLD").exists()
