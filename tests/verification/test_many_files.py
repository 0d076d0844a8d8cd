"""Laws of a pack with thousands of small files, which are hashed in copies of the process.

What is said of a pack does not depend on how its files were shared out.
"""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest
from toy import toy, write

from evidence import layout
from evidence.self_test.forger import ForgedPack
from evidence.system import posix
from evidence.verification.options import VerifyOptions
from evidence.verification.reading import parallel_hashing
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.verification import verify_pack
from tests.copies import assert_gone

FEW = 40


@pytest.fixture(autouse=True)
def _shared_from_few_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel_hashing, "MIN_FILES", FEW)


def many() -> ForgedPack:
    """The toy with three times as many further files as are shared out."""
    made = toy()
    for number in range(3 * FEW):
        made.files[f"{layout.ATTEMPTS}/01-big/files/{number:03d}.dat"] = b"%d" % number
    return made.seal()


def place(number: int) -> str:
    return f"{layout.ATTEMPTS}/01-big/files/{number:03d}.dat"


SHARED = VerifyOptions(num_threads=3)
ALONE = VerifyOptions(num_threads=1)


@pytest.fixture
def shared_out(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files each time were hashed by several processes."""
    told: list[int] = []
    real = parallel_hashing.hash_apart

    def spied(
        paths: list[str], hash_one: parallel_hashing.Hash, num_processes: int
    ) -> dict[str, bytes]:
        found = real(paths, hash_one, num_processes)
        told.append(len(found))
        return found

    monkeypatch.setattr("evidence.verification.reading.digests.hash_apart", spied)
    return told


@pytest.mark.skipif(not posix.can_copy_process(), reason="processes are not copied here")
def test_an_intact_pack_is_intact_and_every_file_was_hashed_apart(
    tmp_path: Path, shared_out: list[int]
) -> None:
    pack = write(tmp_path / "M90", many().all_bytes())
    report = verify_pack(pack, SHARED)
    assert report == verify_pack(pack, ALONE)
    assert report.verdict == "INTACT"
    assert shared_out
    assert shared_out[0] >= 3 * FEW


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


@pytest.mark.skipif(not posix.can_copy_process(), reason="processes are not copied here")
def test_what_a_copy_leaves_undone_is_left_to_the_caller(copies: list[int]) -> None:
    parent = os.getpid()

    def hash_one(path: str) -> bytes | None:
        if os.getpid() != parent:
            raise RuntimeError("the copy breaks")
        return None if path == "odd" else path.encode().ljust(32)

    found = parallel_hashing.hash_apart(["a", "b", "odd", "d", "e"], hash_one, 2)
    assert found.keys() == {"a", "e"}  # every second is the parent's own, but for the odd one
    assert_gone(copies)


@pytest.mark.skipif(not posix.can_copy_process(), reason="processes are not copied here")
def test_an_interrupted_caller_leaves_no_copy_behind(copies: list[int]) -> None:
    parent = os.getpid()

    def hash_one(path: str) -> bytes | None:
        if os.getpid() == parent:
            raise KeyboardInterrupt
        threading.Event().wait()  # for ever

    with pytest.raises(KeyboardInterrupt):
        parallel_hashing.hash_apart(["a", "b", "c"], hash_one, 3)
    assert_gone(copies)


@pytest.mark.skipif(not posix.can_copy_process(), reason="processes are not copied here")
@pytest.mark.parametrize("breaks", [False, True])
def test_a_copy_leaves_without_running_anything_of_its_caller(
    monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    class Left(BaseException):
        """In place of the end of the process, which no test would survive."""

    def leave(code: int) -> None:
        raise Left(code)

    hashed: list[str] = []

    def hash_one(path: str) -> bytes | None:
        hashed.append(path)
        return None if breaks else bytes(32)

    monkeypatch.setattr(posix, "copy_process", lambda: 0)  # as the copy sees it
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(Left):
        parallel_hashing.hash_apart(["a", "b", "c", "d"], hash_one, 2)
    assert hashed == ["b", "d"]


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


def test_beside_another_thread_no_process_is_copied() -> None:
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)
    other.start()
    try:
        assert not parallel_hashing.can_share(10 * FEW, 2)
    finally:
        ended.set()
        other.join()
    assert not parallel_hashing.can_share(10 * FEW, 1)
    assert not parallel_hashing.can_share(FEW - 1, 2)
