"""Laws on directories: what may lie in a pack, and what is never opened."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from toy import MODEL, intact_bytes, toy, write

from evidence import layout, limits
from evidence.encoding.digest import sha256_hex
from evidence.records.finding import Report
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.verification import verify_pack
from tests.unprivileged import as_anyone, evidence_as_anyone


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write(tmp_path / "M90", intact_bytes())


def codes(report: Report) -> set[str]:
    return {f.code for f in report.findings if f.severity in ("error", "refused")}


@pytest.mark.parametrize(
    "name", ["extra.txt", "training_output/extra.txt", ".DS_Store", "SHA256SUMS.d/SHA256SUMS",
             "con", "with space", "-x", "~", "trailing.", "ünïcode"]
)  # fmt: skip
def test_an_unlisted_file_is_found(pack: Path, name: str) -> None:
    write(pack, {name: b"x"})
    report = verify_pack(pack)
    assert report.exit_code == 1
    assert codes(report) == {"unlisted-file"}
    assert name in {f.address for f in report.findings}


def test_an_empty_folder_is_found(pack: Path) -> None:
    (pack / "empty" / "inner").mkdir(parents=True)
    report = verify_pack(pack)
    assert report.exit_code == 1
    assert [f.address for f in report.findings] == ["empty/inner"]


@pytest.mark.parametrize(
    "name",
    [b"a\nb", b"a\x1b[2Jb", "a\u202etxt".encode(), b"a\xff", b"a\tb", b"a\x7f", b"a\\b",
     "a\u200bb".encode()],
)  # fmt: skip
def test_a_name_that_acts_is_refused_and_shown_harmless(pack: Path, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(pack) + b"/" + name)).write_bytes(b"x")
    report = verify_pack(pack)
    assert report.exit_code == 5
    assert codes(report) == {"unsafe-name"}
    assert all(f.address.isprintable() and f.address.isascii() for f in report.findings)


def _link(path: Path, target: Path) -> None:
    target.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(target)


LINKS: dict[str, Callable[[Path, Path], object]] = {
    "to the same content outside": lambda file, pack: _link(file, pack.parent / "outside"),
    "to the same content inside": lambda file, pack: _link(file, pack / "inside"),
    "dangling": lambda file, pack: (file.unlink(), file.symlink_to("nowhere")),
    "to itself": lambda file, pack: (file.unlink(), file.symlink_to(file)),
    "a hard link": lambda file, pack: os.link(file, pack.parent / "twin"),
    "a FIFO": lambda file, pack: (file.unlink(), os.mkfifo(file)),
}


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("name", [layout.PACKAGES, layout.SUMS, layout.RENDERED, MODEL])
def test_what_is_no_plain_file_is_refused_unread(pack: Path, kind: str, name: str) -> None:
    LINKS[kind](pack / name, pack)
    began = time.monotonic()
    report = verify_pack(pack)
    assert time.monotonic() - began < 30  # a terabyte, or a FIFO, takes longer
    assert report.exit_code == 5
    assert "not-a-plain-file" in codes(report)
    assert report.root_sha256 is None  # not even SHA256SUMS was read


def test_a_linked_folder_is_refused(pack: Path) -> None:
    (pack / "training_output").rename(pack.parent / "elsewhere")
    (pack / "training_output").symlink_to(pack.parent / "elsewhere")
    assert verify_pack(pack).exit_code == 5


def test_a_socket_is_refused(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pack)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        report = verify_pack(pack)
    assert report.exit_code == 5
    assert "a socket" in report.findings[0].message


@pytest.mark.parametrize(
    ("one", "other"),
    [("Metrics.txt", "metrics.txt"), ("é.txt", "e\u0301.txt"), ("straße", "STRASSE"),
     ("A/x", "a/y")],
)  # fmt: skip
def test_names_that_another_system_takes_for_one_are_refused(
    pack: Path, one: str, other: str
) -> None:
    write(pack, {one: b"1", other: b"2"})
    report = verify_pack(pack)
    assert report.exit_code == 5
    assert "name-collision" in codes(report)


def test_a_listed_name_that_collides_with_a_file_is_refused(pack: Path) -> None:
    sums = pack / layout.SUMS
    sums.write_bytes(b"0" * 64 + b"  Git.json\n" + sums.read_bytes())
    assert "name-collision" in codes(verify_pack(pack))


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/../../x", "C:\\x", "\\\\srv\\x", "a//b", "./a", "a/", "%2e%2e/x",
     "-x", "~/x", "a b", "nul", "COM1.txt", "dot.", "x" * 201, "a/b/c/d/e/f/g", "weights.bin",
     "x.pkl", "modeling.py", "a\x1bb"],
)  # fmt: skip
@pytest.mark.parametrize("where", ["SHA256SUMS", "manifest.json", "withheld.json"])
def test_a_listed_name_that_must_not_be_opened_is_refused(
    tmp_path: Path, name: str, where: str
) -> None:
    forged = toy()
    if where == "SHA256SUMS":
        files = forged.all_bytes()
        files[layout.SUMS] += f"{'0' * 64}  {name}\n".encode()
    else:
        entry = {"path": name, "size_bytes": 1, "reason": "large"}
        if where == "manifest.json":
            del entry["reason"]
        forged.docs[where]["files"].append(entry)
        files = {**forged.contents()}
        files[layout.SUMS] = b"".join(
            f"{sha256_hex(data)}  {path}\n".encode() for path, data in sorted(files.items())
        )
    report = verify_pack(write(tmp_path / "M90", files))
    assert report.exit_code == 5, report.findings
    assert "unsafe-name" in codes(report)


SUMS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "a line twice": lambda data: data + data.split(b"\n")[-2] + b"\n",
    "upper-case digits": lambda data: data[:64].upper() + data[64:],
    "63 digits": lambda data: data[1:],
    "65 digits": lambda data: b"0" + data,
    "binary mode": lambda data: data[:65] + b"*" + data[66:],
    "one blank": lambda data: data[:64] + data[65:],
    "a tab": lambda data: data[:64] + b"\t " + data[66:],
    "an empty line": lambda data: data + b"\n",
    "a comment": lambda data: b"# hello\n" + data,
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "no last line end": lambda data: data[:-1],
    "the other order": lambda data: b"\n".join(data.strip().split(b"\n")[::-1]) + b"\n",
    "itself": lambda data: data + b"0" * 64 + b"  SHA256SUMS\n",
    "a rendered file": lambda data: data + b"0" * 64 + b"  rendered.json\n",
    "a NUL": lambda data: data + b"\0\n",
    "UTF-16": lambda data: data.decode().encode("utf-16"),
}


@pytest.mark.parametrize("edit", SUMS)
def test_a_list_that_is_not_to_the_letter_is_found(pack: Path, edit: str) -> None:
    path = pack / layout.SUMS
    path.write_bytes(SUMS[edit](path.read_bytes()))
    report = verify_pack(pack)
    assert report.exit_code == 1, report.findings
    assert codes(report) & {"sums-line", "missing"}
    assert layout.SUMS in report.findings[0].address


def test_manifest_and_list_must_name_the_same_files(tmp_path: Path) -> None:
    forged = toy()
    forged.docs[layout.MANIFEST]["files"].pop(3)
    files = forged.docs[layout.MANIFEST]["files"]
    files.append(files[0])
    files.append(files[0])
    report = verify_pack(write(tmp_path / "M90", forged.all_bytes()))
    assert codes(report) >= {"lists-differ", "manifest-order"}
    messages = [f.message for f in report.findings if f.code == "manifest-order"]
    assert ["a second time" in text for text in messages] == [False, True]
    assert report.exit_code == 1


@pytest.mark.parametrize(
    "name", [layout.METRICS, layout.MANIFEST, layout.SUMS, layout.SEEN, layout.MILESTONE, MODEL,
             layout.TRAINING_LOG, layout.RENDERED, "m90_summary.md"]
)  # fmt: skip
def test_a_sparse_terabyte_is_refused_at_once(pack: Path, name: str) -> None:
    os.truncate(pack / name, 2**40)
    began = time.monotonic()
    report = verify_pack(pack)
    assert time.monotonic() - began < 30  # a terabyte, or a FIFO, takes longer
    assert report.exit_code == 5
    assert codes(report) == {"too-large"}


def test_the_walk_stops_at_its_caps(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FILES", 50)
    write(pack, {f"many/{number}": b"" for number in range(60)})
    assert codes(verify_pack(pack)) == {"too-many-files"}
    monkeypatch.setattr(limits, "MAX_FILES", 500)
    monkeypatch.setattr(limits, "MAX_DIRECTORIES", 5)
    for number in range(10):
        (pack / f"folder{number}").mkdir()
    assert codes(verify_pack(pack)) == {"too-many-folders"}


def test_a_deep_folder_is_not_followed(pack: Path) -> None:
    deep = pack
    for _ in range(300):
        deep = deep / "d"
    deep.mkdir(parents=True)
    report = verify_pack(pack)
    assert report.exit_code == 5
    assert len(report.findings) == 1


def test_a_folder_that_cannot_be_read_is_not_said_to_be_empty(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def entries(self: SafeDirectory, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        if folder == "closed":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return read(self, folder)

    (pack / "closed").mkdir()
    read = SafeDirectory.entries
    monkeypatch.setattr(SafeDirectory, "entries", entries)
    found = [(one.code, one.address) for one in verify_pack(pack).findings]
    assert found == [("cannot-read", "closed")]


@as_anyone
def test_an_unreadable_file_is_never_fine(pack: Path) -> None:
    """A file that cannot be read is not checked, which is never a pass (H15)."""
    (pack / layout.PACKAGES).chmod(0)
    done = evidence_as_anyone(pack.parent, "verify", str(pack))
    assert done.returncode in (1, 5), done.stderr
    assert layout.PACKAGES in done.stdout


def test_only_directories_are_opened(tmp_path: Path) -> None:
    archive = write(tmp_path, {"M90.zip": b"PK\x03\x04"}) / "M90.zip"
    for path, words in ((archive, "archives are never opened"), (tmp_path / "no", "no such")):
        report = verify_pack(path)
        assert (report.verdict, report.exit_code) == ("REFUSED", 5)
        assert words in report.findings[0].message


def test_a_folder_without_a_seal_is_no_pack(tmp_path: Path) -> None:
    report = verify_pack(write(tmp_path / "M90", {"notes.txt": b""}))
    assert report.exit_code == 1
    assert report.findings[0].code == "missing"


def test_a_run_that_was_never_published_is_unfinished(tmp_path: Path) -> None:
    write(
        tmp_path / "runs",
        {".work/M90/pack/journal.jsonl": b"", ".work/M90/remembered.json": b""},
    )
    for path in (tmp_path / "runs/M90", tmp_path / "runs/.work/M90"):
        report = verify_pack(path)
        assert (report.verdict, report.exit_code) == ("UNFINISHED", 4)
        assert "evidence run M90 --resume" in report.next_step
        assert "--close" in report.next_step
