"""Laws on limits: every one of them is refused, in little memory, and named by a test."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from breaches import BREACHES, GIGABYTE, Breach
from packs.case import GOLDEN
from packs.sealing import reseal
from toy import MODEL, intact_bytes, write

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.errors import MalformedError, PastLimitError, UnsafePackError
from evidence.pack import sign, sshsig
from evidence.prose import literals
from evidence.verification.options import VerifyOptions
from evidence.verification.problem import shown
from evidence.verification.reading import structure
from evidence.verification.reading.counts import LineCount
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.verification import verify_pack
from tests.command import evidence
from tests.tiers import sampled

NO_LIMITS = ("KIB", "MIB")
MAX_ADDRESS_SPACE_BYTES = 700 << 20
"""Of the whole process, libraries included: what is refused is refused before it is in memory."""
TESTED = [breach for breach in BREACHES if not breach.large]
QUICK = [breach for breach in TESTED if not breach.slow]


def made(breach: Breach, folder: Path) -> Path:
    pack = folder / "M90"
    shutil.copytree(GOLDEN / "v1/complete/M90", pack)
    breach.make(pack)
    return pack


@pytest.mark.parametrize("breach", sampled(TESTED, QUICK), ids=lambda breach: breach.what)
def test_past_a_limit_is_refused(breach: Breach, tmp_path: Path) -> None:
    pack = made(breach, tmp_path)
    ended = evidence("verify", str(pack), "--json")
    assert ended.exit == breach.exit, ended
    assert {one["code"] for one in json.loads(ended.out)["findings"]} & set(breach.codes)
    subprocess.run(["rm", "-rf", str(pack)], check=True)  # shutil gives up on deep folders


LARGE_IN_MEMORY = [b for b in TESTED if "GB" in b.what or "MB" in b.what or "lines" in b.what]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere RLIMIT_AS bounds nothing")
@pytest.mark.parametrize(
    "breach", sampled(LARGE_IN_MEMORY, LARGE_IN_MEMORY[::2]), ids=lambda breach: breach.what
)
def test_past_a_limit_takes_no_memory(breach: Breach, tmp_path: Path) -> None:
    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE_BYTES, MAX_ADDRESS_SPACE_BYTES))

    words = [sys.executable, "-m", "evidence", "verify", str(made(breach, tmp_path))]
    done = subprocess.run(words, capture_output=True, text=True, preexec_fn=bounded, check=False)
    assert (done.returncode, done.stderr) == (breach.exit, "")


def test_every_limit_is_named_by_a_test() -> None:
    """A new limit comes with a test that is past it: in breaches.py where verify meets it."""
    names = {name for name in vars(limits) if name.isupper()} - set(NO_LIMITS)
    texts = [path.read_text("utf-8") for path in Path(__file__).parents[1].rglob("*.py")]
    assert {name for name in names if not any(name in text for text in texts)} == set()
    assert {breach.limit for breach in BREACHES} - {""} <= names


def test_a_trust_file_past_its_limit_is_not_read(tmp_path: Path) -> None:
    trust = tmp_path / "allowed_signers"
    trust.touch()
    with trust.open("r+b") as stream:
        stream.truncate(GIGABYTE)
    pack = str(GOLDEN / "v1/signed/M90")
    ended = evidence("verify", pack, "--allowed-signers", str(trust), "--signer", "a@example.org")
    assert (ended.exit, f"{limits.MAX_TRUST_FILE_BYTES} bytes" in ended.err) == (2, True)


def counted(*pieces: bytes) -> str:
    """What the reader of JSON lines says to these pieces; empty where it goes on."""
    lines = LineCount("x.jsonl")
    try:
        for piece in pieces:
            lines.feed(piece)
    except UnsafePackError as error:
        return f"{error.address} {error.message}"
    return ""


def test_a_line_is_as_long_as_all_its_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_JSONL_LINE_BYTES", 10)
    assert counted(b"x" * 5, b"x" * 5, b"\n" + b"x" * 10, b"\n") == ""
    assert counted(b"x\nx\nxxxxx", b"xxxxx\n", b"x" * 10) == ""
    assert counted(b"x\nx\nxxxxx", b"xxxxxx\n") == "x.jsonl#L3 longer than 10 bytes"
    assert counted(b"x" * 6, b"x" * 5).startswith("x.jsonl#L1 longer")


def test_lines_are_counted_over_all_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_JSONL_LINES", 3)
    assert counted(b"a\nb\n", b"c\n") == ""
    assert counted(b"a\nb\n", b"c\nd\n") == "x.jsonl#L4 more than 3 lines"


def test_foreign_text_in_a_message_is_cut() -> None:
    assert len(shown("x" * 10_000)) <= limits.MAX_MESSAGE_CHARS
    with pytest.raises(MalformedError) as raised:
        jsonio.load_document(f'{{"{"k" * 5000}": 1, "{"k" * 5000}": 2}}'.encode())
    assert len(raised.value.message) < 2 * limits.MAX_MESSAGE_CHARS


@pytest.mark.parametrize("text", ["1" * 65, "0." + "1" * 63, "1e" + "0" * 63])
def test_a_number_is_at_most_so_long(text: str) -> None:
    assert len(text) == limits.MAX_NUMBER_CHARS + 1
    with pytest.raises(MalformedError):
        jsonio.load_document(text.encode())


def test_so_many_numbers_of_a_text_are_looked_at_and_no_more() -> None:
    assert list(literals.measurements("1 " * limits.MAX_PROSE_NUMBERS)) == []
    with pytest.raises(PastLimitError):
        list(literals.measurements("1 " * (limits.MAX_PROSE_NUMBERS + 1)))


@pytest.mark.parametrize("limit", ["SSH_KEYGEN_TIMEOUT_S", "SSH_SIGN_TIMEOUT_S"])
def test_a_tool_that_does_not_answer_is_not_waited_for(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "ssh-keygen"
    tool.write_text("#!/bin/sh\nexec sleep 60\n", "ascii")
    tool.chmod(0o700)
    monkeypatch.setattr(limits, limit, 0.2)
    monkeypatch.setattr(sshsig, "find_ssh_keygen", lambda: tool)
    if limit == "SSH_SIGN_TIMEOUT_S":
        with pytest.raises(sshsig.NoSshKeygenError, match="does not answer"):
            sign._signed(b"x", sshsig.EVIDENCE_NAMESPACE, tmp_path / "key")
        return
    options = VerifyOptions(
        allowed_signers=GOLDEN / "v1/allowed_signers", signer="author@example.org"
    )
    report = verify_pack(GOLDEN / "v1/signed/M90", options)
    (reason,) = (one.reason for one in report.checks if one.id == "signature")
    assert (report.exit_code, "does not answer" in reason) == (3, True)


def test_a_large_file_of_no_stated_size_is_not_read(tmp_path: Path) -> None:
    pack = tmp_path / "M90"
    shutil.copytree(GOLDEN / "v1/complete/M90", pack)
    (pack / layout.MANIFEST).write_bytes(b"{")
    os.truncate(pack / MODEL, limits.MAX_TEXT_BYTES + 1)
    report = verify_pack(pack)
    assert report.exit_code == 1
    assert (MODEL, "size-unknown") in {(f.address, f.code) for f in report.findings}


@pytest.mark.parametrize("readable", [True, False])
def test_a_log_too_large_to_keep_is_read_again_to_explain_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    pack = tmp_path / "M90"
    shutil.copytree(GOLDEN / "v1/complete/M90", pack)
    log = pack / layout.TRAINING_LOG
    log.write_bytes(log.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setattr(structure, "MAX_LOG_BYTES_IN_MEMORY", 1)
    if not readable:

        def fail(self: SafeDirectory, path: str) -> None:
            raise OSError(errno.EIO, "an error of the disk")

        monkeypatch.setattr(SafeDirectory, "open", fail)
    report = verify_pack(pack)
    codes = {f.code for f in report.findings if f.address == layout.TRAINING_LOG}
    assert (report.exit_code, codes) == (1, {"line-ends"} if readable else {"digest-mismatch"})


def test_a_tokenizer_past_max_tokenizer_bytes_is_hashed_and_not_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = write(tmp_path / "M90", intact_bytes())
    tokenizer = layout.TOKENIZER
    assert structure.IN_MEMORY_WHERE_SMALL[tokenizer] == limits.MAX_TOKENIZER_BYTES
    monkeypatch.setitem(structure.IN_MEMORY_WHERE_SMALL, tokenizer, 1)
    report = verify_pack(pack)
    checks = {one.id: one for one in report.checks}
    assert report.verdict == "INTACT"
    assert checks["seen-vocabulary"].outcome == "not_checked"
    assert "larger" in checks["seen-vocabulary"].reason
    (pack / tokenizer).write_bytes((pack / tokenizer).read_bytes() + b" ")
    assert {f.code for f in verify_pack(pack).findings} >= {"digest-mismatch"}


def test_only_more_rows_than_max_rows_listed_may_go_uncounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = write(tmp_path / "M90", intact_bytes())
    seen = json.loads((pack / layout.SEEN).read_bytes())
    seen["times_seen"] = {"unavailable": "too many"}
    (pack / layout.SEEN).write_bytes(jsonio.dump_document(seen))
    reseal(pack, [])
    places = {f.address for f in verify_pack(pack).findings if f.severity == "error"}
    assert places == {f"{layout.SEEN}#/times_seen"}
    monkeypatch.setattr(limits, "MAX_ROWS_LISTED", 1)
    assert verify_pack(pack).verdict == "INTACT"
