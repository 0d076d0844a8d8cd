"""Laws of a pack with thousands of small files, which are hashed in copies of the process.

What is said of a pack does not depend on how its files were shared out.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from toy import toy, write

from evidence import layout
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.reading import digests
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.verification import verify_pack
from tests.copies import assert_gone

FEW = 40


@pytest.fixture(autouse=True)
def _shared_from_few_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "MIN_FILES", FEW)


def many() -> ForgedPack:
    """The toy with a model of three times as many further files as are shared out."""
    made = toy()
    for number in range(3 * FEW):
        made.files[f"{layout.FINAL_MODEL}/files-{number:03d}.dat"] = b"%d" % number
    return made.seal()


def place(number: int) -> str:
    return f"{layout.FINAL_MODEL}/files-{number:03d}.dat"


SHARED = VerifyOptions(num_threads=3)
ALONE = VerifyOptions(num_threads=1)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are not copied here")
def test_an_intact_pack_is_intact_and_every_file_was_hashed_apart(
    tmp_path: Path, copies: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = write(tmp_path / "M90", many().all_bytes())
    alone = verify_pack(pack, ALONE)
    assert alone.verdict == "INTACT"
    assert not copies
    read_here: list[str] = []
    read = digests.read_file

    def noted(root: SafeDirectory, path: str, *rest: Any, **further: Any) -> digests.Reading:
        read_here.append(path)
        return read(root, path, *rest, **further)

    monkeypatch.setattr(digests, "read_file", noted)
    assert verify_pack(pack, SHARED) == alone
    assert len(copies) == 3
    assert_gone(copies)
    hashed_in_copies = {place(number) for number in range(3 * FEW)} - set(read_here)
    assert len(hashed_in_copies) >= 3 * FEW - 1  # but for the first piece


@pytest.mark.parametrize("number", [0, 1, 2, 3 * FEW - 1])
def test_a_changed_byte_is_found_in_every_share(tmp_path: Path, number: int) -> None:
    pack = write(tmp_path / "M90", many().all_bytes())
    data = (pack / place(number)).read_bytes()
    (pack / place(number)).write_bytes(bytes([data[0] ^ 1]) + data[1:])
    report = verify_pack(pack, SHARED)
    assert report == verify_pack(pack, ALONE)
    assert [(f.code, f.address) for f in report.findings if f.severity == "error"] == [
        ("digest-mismatch", place(number))
    ]


def test_other_sizes_links_and_missing_files_are_said_as_ever(tmp_path: Path) -> None:
    pack = write(tmp_path / "M90", many().all_bytes())
    (pack / place(1)).write_bytes(b"longer than before")
    (pack / place(2)).unlink()
    (pack / place(5)).write_bytes(b"")
    report = verify_pack(pack, SHARED)
    assert report == verify_pack(pack, ALONE)
    assert {f.address for f in report.findings} >= {place(1), place(2), place(5)}


def test_a_file_that_cannot_be_read_is_said_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = write(tmp_path / "M90", many().all_bytes())
    opened = SafeDirectory.open_file

    def fail(self: SafeDirectory, path: str) -> tuple[int, os.stat_result]:
        if path in (place(3), place(4)):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(self, path)

    monkeypatch.setattr(SafeDirectory, "open_file", fail)
    report = verify_pack(pack, SHARED)
    assert report == verify_pack(pack, ALONE)
    assert {(f.address, f.code) for f in report.findings if f.severity == "error"} == {
        (place(3), "cannot-read"),
        (place(4), "cannot-read"),
    }
