"""Notes attached at once, from what is no file, and past what verify reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evidence import limits
from evidence.system import posix
from evidence.verification.verification import verify_pack
from tests.command import evidence
from tests.project import Project


@pytest.fixture
def pack(ran: Project) -> Path:
    return ran.pack


def test_what_is_said_to_be_attached_is_attached(pack: Path, tmp_path: Path) -> None:
    """Eight at once: each has a name of its own, and the pack is intact."""
    started = []
    for number in range(8):
        note = tmp_path / f"{number}.md"
        note.write_text(f"Note {number}.\n".replace(str(number), "abcdefgh"[number]))
        command = [sys.executable, "-m", "evidence", "note", str(pack), str(note)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    said = [one.communicate(timeout=60)[0].split()[2].rstrip(";") for one in started]
    assert sorted(said) == [f"attached/notes-{n:03d}.md" for n in range(1, 9)]
    texts = {path.read_text() for path in (pack / "attached").iterdir()}
    assert texts == {f"Note {letter}.\n" for letter in "abcdefgh"}
    assert verify_pack(pack).exit == 0


def test_who_renders_and_signs_meanwhile_loses_nobody_a_note(pack: Path, tmp_path: Path) -> None:
    """Eight notes, two summaries and two signatures at once: all is there and whole."""
    key = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True, timeout=60)
    commands = [["render", str(pack)], ["sign", str(pack), "--key", str(key)]] * 2
    for letter in "abcdefgh":
        note = tmp_path / f"{letter}.md"
        note.write_text(f"Note {letter}.\n")
        commands.insert(2, ["note", str(pack), str(note)])
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "evidence", *words], stdout=subprocess.DEVNULL, stderr=2
        )
        for words in commands
    ]
    assert [one.wait(timeout=120) for one in started] == [0] * len(commands)
    texts = {path.read_text() for path in (pack / "attached").iterdir()}
    assert texts == {f"Note {letter}.\n" for letter in "abcdefgh"}
    report = verify_pack(pack)
    assert report.exit == 0
    assert "attaching-broken-off" not in {finding.code for finding in report.findings}
    assert list(pack.parent.glob("**/*.partial")) == []


def test_who_waited_while_a_pack_was_archived_does_not_write_into_its_place(
    pack: Path, tmp_path: Path
) -> None:
    note = tmp_path / "note.md"
    note.write_text("Too late.\n")
    with posix.folder_held(pack):
        command = [sys.executable, "-m", "evidence", "note", str(pack), str(note)]
        waiting = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=2)
        pack.rename(pack.with_name("elsewhere"))
    _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 2, said
    assert str(pack) in said
    assert not pack.exists()


@pytest.mark.parametrize("kind", ["fifo", "/dev/zero"])
def test_a_note_is_a_file(kind: str, pack: Path, tmp_path: Path) -> None:
    note = Path(kind)
    if kind == "fifo":
        note = tmp_path / kind
        os.mkfifo(note)
    ended = evidence("note", str(pack), str(note))
    assert ended.exit == 2
    assert "no regular file" in ended.err


def test_a_note_that_verify_would_not_read_is_refused_before(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "note.md"
    note.write_text("word " * 20_000)
    monkeypatch.setattr(limits, "MAX_RENDERED_BYTES", (1 << 20) + 300_000)
    refused = ""
    for _ in range(8):
        ended = evidence("note", str(pack), str(note))
        refused = refused or (ended.err if ended.exit == 2 else "")
    assert "nothing was attached" in refused
    assert verify_pack(pack).exit == 0
