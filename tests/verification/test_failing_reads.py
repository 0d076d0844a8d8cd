"""Laws on a disk that fails or changes while a pack is read: never a pass (H15, T19)."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packs.case import GOLDEN
from toy import intact_bytes, write

from evidence import layout
from evidence.verification.options import VerifyOptions
from evidence.verification.reading import digests, directory
from evidence.verification.reading.directory import NotPlainError, SafeDirectory
from evidence.verification.verification import verify_pack

SIGNED = GOLDEN / "v1/signed/M90"
TRUSTING = VerifyOptions(allowed_signers=GOLDEN / "v1/allowed_signers", signer="author@example.org")
Meanwhile = Callable[[int], None]


class Os:
    """The module `os` as verify sees it, with something happening at the n-th read."""

    def __init__(self, at: int, meanwhile: Meanwhile, *, ever_after: bool = False) -> None:
        self.at, self.meanwhile, self.ever_after = at, meanwhile, ever_after
        self.num_reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def read(self, descriptor: int, size: int) -> bytes:
        self.num_reads += 1
        if self.num_reads == self.at or (self.ever_after and self.num_reads > self.at):
            self.meanwhile(descriptor)
        return os.read(descriptor, size)


def reads_of(pack: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many reads a verification takes."""
    counting = Os(0, lambda _: None)
    monkeypatch.setattr(digests, "os", counting)
    assert verify_pack(pack, TRUSTING).exit_code == 0
    return counting.num_reads


def failing(_: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def growing(descriptor: int) -> None:
    with Path(f"/proc/self/fd/{descriptor}").readlink().open("ab") as stream:
        stream.write(b" ")


def test_an_error_at_any_read_is_never_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    for at in range(1, reads_of(SIGNED, monkeypatch) + 1):
        for ever_after in (False, True):
            monkeypatch.setattr(digests, "os", Os(at, failing, ever_after=ever_after))
            report = verify_pack(SIGNED, TRUSTING)
            assert (report.verdict, report.exit_code) == ("NOT INTACT", 1), at
            messages = [finding.message for finding in report.findings]
            assert any("cannot be read: Input/output error" in text for text in messages), at


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="finds the file by its descriptor")
def test_a_file_that_grows_at_any_read_is_never_a_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        path.relative_to(SIGNED).as_posix(): path.read_bytes()
        for path in SIGNED.rglob("*")
        if path.is_file()
    }
    for at in range(1, reads_of(SIGNED, monkeypatch) + 1):
        pack = write(tmp_path / str(at) / "M90", files)
        monkeypatch.setattr(digests, "os", Os(at, growing))
        report = verify_pack(pack, TRUSTING)
        assert report.exit_code == 1, at
        changed = {f.address for f in report.findings if f.code == "changed-while-reading"}
        assert at > 1 or changed == {layout.SUMS}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="finds the file by its descriptor")
def test_a_file_that_is_only_touched_meanwhile_is_never_a_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes with another time: who knows what was there in between."""
    pack = write(tmp_path / "M90", intact_bytes())
    monkeypatch.setattr(digests, "os", Os(3, lambda descriptor: os.utime(descriptor, (1, 1))))
    report = verify_pack(pack)
    assert [one.code for one in report.findings] == ["changed-while-reading"]
    assert report.exit_code == 1


def test_a_file_that_becomes_a_fifo_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = write(tmp_path / "M90", intact_bytes())

    def replace(_: int) -> None:
        (pack / layout.PACKAGES).unlink()
        os.mkfifo(pack / layout.PACKAGES)

    monkeypatch.setattr(digests, "os", Os(1, replace))
    report = verify_pack(pack)
    assert report.exit_code == 5
    assert "replaced while it was verified" in report.findings[0].message


def test_without_descriptors_a_replaced_file_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "other").write_bytes(b"2")
    monkeypatch.setattr(directory, "HAS_DIRECTORY_DESCRIPTORS", False)
    opened = os.open

    def swapped(path: Path, flags: int) -> int:
        (tmp_path / "other").replace(tmp_path / "one")
        return opened(path, flags)

    with SafeDirectory(tmp_path) as root:
        monkeypatch.setattr(directory.os, "open", swapped)
        with pytest.raises(NotPlainError, match="replaced while"):
            root.open_file("one")


def test_without_descriptors_links_and_fifos_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "HAS_DIRECTORY_DESCRIPTORS", False)
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "link").symlink_to("one")
    os.mkfifo(tmp_path / "fifo")
    with SafeDirectory(tmp_path) as root:
        os.close(root.open_file("one")[0])
        for name in ("link", "fifo"):
            with pytest.raises(NotPlainError, match="not a regular file"):
                root.open_file(name)


def test_a_signature_that_cannot_be_read_is_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = reads_of(SIGNED, monkeypatch)
    monkeypatch.setattr(digests, "os", Os(reads, failing))  # the signature is read last
    report = verify_pack(SIGNED, TRUSTING)
    assert [f.code for f in report.findings if f.severity == "error"] == ["signature-invalid"]


def test_a_folder_that_cannot_be_listed_is_never_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = SafeDirectory._open_folder

    def fail(self: SafeDirectory, folder: str) -> int:
        if folder == "training_output":
            failing(0)
        return opened(self, folder)

    monkeypatch.setattr(SafeDirectory, "_open_folder", fail)
    report = verify_pack(SIGNED)
    assert report.exit_code == 1
    assert ("training_output", "cannot-read") in {(f.address, f.code) for f in report.findings}
