"""Laws at the edges of a verification: what was half done, locked, closed, odd or cut off."""

from __future__ import annotations

import errno
import json
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judged import said
from lies import milestone, put
from toy import toy, write

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.encoding.digest import in_pages_of_its_own, sha256_hex
from evidence.errors import EvidenceError, MalformedError, PastLimitError
from evidence.pack import journal
from evidence.records.finding import Finding, Report
from evidence.system import posix
from evidence.verification.options import VerifyOptions
from evidence.verification.reading import digests
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.unfinished import last_known_state
from evidence.verification.verification import load_sealed, verify_pack

NOTE = "attached/notes-001.md"
TEXT = b"We learned **a lot**.\n"


def of(report: Report, address: str) -> list[Finding]:
    return [one for one in report.findings if one.address == address]


def attaching(folder: Path, written: bytes | None) -> Report:
    """A pack whose note was being attached when that was ended, and what is there of it."""
    pack = write(folder / "M90", toy().all_bytes())
    record = json.loads((pack / layout.RENDERED).read_bytes())
    named = {"path": NOTE, "sha256": sha256_hex(TEXT), "size_bytes": len(TEXT)}
    record["attaching"] = [named]
    (pack / layout.RENDERED).write_bytes(jsonio.dump_document(record))
    if written is not None:
        write(pack, {NOTE: written})
    return verify_pack(pack)


@pytest.mark.parametrize(
    ("written", "words"),
    [(None, "is not there"), (TEXT, "the summary may not show it yet")],
)
def test_attaching_that_was_ended_is_a_warning_and_render_finishes_it(
    written: bytes | None, words: str, tmp_path: Path
) -> None:
    report = attaching(tmp_path, written)
    (found,) = [one for one in of(report, NOTE) if one.check == "rendered-list"]
    assert words in found.message
    assert (found.severity, found.code) == ("warning", "attaching-broken-off")
    assert report.exit_code == 0
    assert report.next_step == (
        "evidence render PACK finishes the summary, which a command left half done"
    )


def test_other_bytes_than_were_being_attached_are_an_error(tmp_path: Path) -> None:
    report = attaching(tmp_path, b"Something else.\n")
    (found,) = [one for one in of(report, NOTE) if one.code == "digest-mismatch"]
    assert (found.severity, found.expected) == ("error", sha256_hex(TEXT))


def work_of(runs: Path) -> Path:
    work = runs / layout.WORK / "M90"
    (work / layout.STAGED).mkdir(parents=True)
    (work / layout.REMEMBERED).write_bytes(b"{}")
    (work / layout.STAGED / layout.JOURNAL).write_bytes(b"")
    return work


def test_a_run_at_work_is_let_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = work_of(tmp_path)
    asked: list[Path] = []
    monkeypatch.setattr(posix, "is_locked", lambda path: not asked.append(path))
    state = last_known_state(work)
    assert (state.happened, state.next_step) == (
        "the run is at work at this moment", "wait until it ends"
    )  # fmt: skip
    assert asked == [work.with_name("M90.lock")]


@pytest.mark.parametrize("inside", ["", layout.STAGED])
def test_a_folder_that_cannot_be_looked_into_is_named_with_what_opens_it(
    inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = work_of(tmp_path)
    closed = work / inside
    allowed = os.access

    def access(path: Path, mode: int) -> bool:
        return Path(path) != closed and allowed(path, mode)

    monkeypatch.setattr(os, "access", access)
    state = last_known_state(work)
    assert state.happened.endswith(f"and {closed} cannot be looked into")
    assert state.next_step.startswith(f"allow it (chmod -R u+rwX {closed}), then: ")


def test_a_run_without_its_pack_to_be_says_so(tmp_path: Path) -> None:
    work = work_of(tmp_path)
    (work / layout.STAGED / layout.JOURNAL).unlink()
    (work / layout.STAGED).rmdir()
    state = last_known_state(work)
    assert state.happened.endswith(f"and the folder {work / layout.STAGED} is gone")
    assert state.next_step.startswith("put it back, then: ")


def test_a_measurement_that_its_author_declares_is_no_finding(tmp_path: Path) -> None:
    pack = toy()
    words = "A pack for tests, faster than the 0.123 s of before."
    milestone("A pack for tests.", words)(pack)
    told = verify_pack(write(tmp_path / "told" / "M90", pack.seal().all_bytes()))
    assert [one.code for one in told.findings] == ["prose-unsupported"]
    literals = '[narrative.literals]\n"0.123 s" = "It is of another paper."\n'
    milestone("[publish]", f"{literals}\n[publish]")(pack)
    report = verify_pack(write(tmp_path / "declared" / "M90", pack.seal().all_bytes()))
    assert [one.code for one in report.findings] == []


def test_a_long_file_whose_row_is_no_record_is_named_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = toy()
    put(layout.METRICS, 4, "step", value=5.0)(pack)  # a whole number to a schema, not to a record
    monkeypatch.setattr(digests, "LONG_ROWS_BYTES", 0)
    path = write(tmp_path / "M90", pack.list_files().all_bytes())
    report = verify_pack(path)
    (found,) = [one for one in report.findings if one.check == "records"]
    assert found.address == f"{layout.METRICS}#L5"
    assert found.code == "record-invalid"
    with pytest.raises(EvidenceError, match="float does not fit int"):
        load_sealed(path)


def pieces(*some: bytes) -> deque[Any]:
    return deque(map(in_pages_of_its_own, some))


def test_lines_that_a_piece_ends_in_are_read_whole() -> None:
    assert list(jsonio.iter_lines_of(pieces(b"a\nb", b"c\nd", b"e\n"))) == [
        (1, b"a"), (2, b"bc"), (3, b"de")
    ]  # fmt: skip


BAD: dict[str, tuple[tuple[bytes, ...], type[MalformedError], int, str]] = {
    "too many lines": ((b"a\nb\n", b"c\nd\n"), PastLimitError, 0, "more than 3 lines"),
    "a line that is too long": ((b"a\nbb", b"bbb\n"), PastLimitError, 2, "longer than 4 bytes"),
    "an end that is too long": ((b"a\nbb", b"bbb"), PastLimitError, 2, "longer than 4 bytes"),
    "an empty line": ((b"a\n", b"\nb\n"), MalformedError, 2, "empty line"),
    "a cut end": ((b"a\n", b"b"), MalformedError, 2, "does not end with LF"),
}


@pytest.mark.parametrize("case", BAD)
def test_pieces_that_are_no_lines_are_named_by_their_line(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, kind, line, words = BAD[case]
    monkeypatch.setattr(limits, "MAX_JSONL_LINES", 3)
    monkeypatch.setattr(limits, "MAX_JSONL_LINE_BYTES", 4)
    with pytest.raises(kind, match=words) as caught:
        list(jsonio.iter_lines_of(pieces(*some)))
    assert caught.value.line == line


def test_a_clock_goes_on_where_the_journal_stopped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with journal.Journal(path, journal.Clock(monotonic_s=lambda: 1e6)) as writer:
        writer.record("a")
    before = journal.continued_clock(tuple(journal.read(path.read_bytes()))).monotonic_s()
    assert 1e6 <= before < 1e6 + 60
    assert journal.continued_clock(()).monotonic_s is journal.Clock().monotonic_s


FULL: dict[str, tuple[Callable[[journal.Journal], None], str]] = {
    "an event longer than a line": (
        lambda writer: writer.record("a", text="x" * 500),
        "a line of the journal holds 400",
    ),
    "a checkpoint too many": (
        lambda writer: writer.record(journal.CHECKPOINT, step=1),
        "the journal has no room for another checkpoint: it has [0-9]+ bytes",
    ),
}


@pytest.mark.parametrize("case", FULL)
def test_a_journal_takes_nothing_that_no_pack_could_hold(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, words = FULL[case]
    monkeypatch.setattr(limits, "MAX_JSONL_LINE_BYTES", 400)
    monkeypatch.setattr(limits, "MAX_JOURNAL_BYTES", 2 * limits.MIB + 300)
    path = tmp_path / "journal.jsonl"
    with journal.Journal(path) as writer:
        writer.record("a")
        size_bytes = path.stat().st_size
        assert size_bytes < 300
        with pytest.raises(PastLimitError, match=words):
            record(writer)
        assert path.stat().st_size == size_bytes
        writer.record("b")  # what is no checkpoint has the room that was left for it
    assert [one.event for one in journal.read(path.read_bytes())] == ["a", "b"]


def test_a_measurement_that_no_value_is_called_like_is_told_by_its_name(tmp_path: Path) -> None:
    pack = toy()
    milestone("A pack for tests.", "A perplexity of 0.123.")(pack)
    (found,) = verify_pack(write(tmp_path / "M90", pack.seal().all_bytes())).findings
    assert found.code == "prose-unsupported"
    assert found.message.endswith("nothing in the evidence supports under the name of perplexity")


def test_a_link_that_leads_nowhere_is_named_with_where_it_leads(tmp_path: Path) -> None:
    link = tmp_path / "M90"
    link.symlink_to("gone")
    report = verify_pack(link)
    (found,) = of(report, link.as_posix())
    assert (found.code, found.message) == (
        "not-a-directory", "a link to gone, which leads nowhere"
    )  # fmt: skip
    assert report.verdict == "REFUSED"


def test_where_no_process_is_copied_an_unreadable_file_is_said_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = toy()
    paths = [f"{layout.FINAL_MODEL}/more-{number}.dat" for number in range(4)]
    made.files.update(dict.fromkeys(paths, b"x"))
    pack = write(tmp_path / "M90", made.seal().all_bytes())
    opened = SafeDirectory.open_file

    def fail(self: SafeDirectory, path: str) -> tuple[int, os.stat_result]:
        if path == paths[2]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(self, path)

    monkeypatch.setattr(digests, "MIN_FILES", 2)
    monkeypatch.setattr(posix, "can_copy_process", lambda: False)
    monkeypatch.setattr(SafeDirectory, "open_file", fail)
    report = verify_pack(pack, VerifyOptions(num_threads=3))
    assert [(one.address, one.code) for one in report.findings] == [(paths[2], "cannot-read")]
    assert report == verify_pack(pack, VerifyOptions(num_threads=1))


@pytest.mark.parametrize(
    ("field", "check"), [("learning_rate", "learning-rate-schedule"), ("epoch", "training-epoch")]
)
@pytest.mark.parametrize(("off", "wrong"), [(1e-12, False), (1e-6, True)])
def test_what_another_processor_rounds_otherwise_is_no_lie(
    field: str, check: str, off: float, wrong: bool
) -> None:
    forged = toy()
    forged.docs[layout.METRICS][4][field] *= 1 + off
    assert bool(said(forged, check).lines) == wrong


def test_counts_of_fewer_rows_than_were_recorded_break_no_check() -> None:
    forged = toy()
    seen = forged.docs[layout.SEEN]
    last = max(row["source_row"] for batch in seen["batches"] for row in batch["rows"])
    del seen["times_seen"][last:]
    found = said(forged, "seen-counts")
    assert any("a count for each row of the data" in line for line in found.lines)
    assert "check-broke" not in {one.code for one in found.findings}
