"""What a program prints: kept within a bound, never holding it up, and no secret at any seam."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evidence import limits
from evidence.attempt import files
from evidence.attempt.files import LogFile
from evidence.redact.known import Secrets
from evidence.redact.stream import Redactor
from tests.recording.programs import PYTHON, make_repository, record

SECRET = "ghp_" + "a1B2" * 9


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is full soon."""
    for name, size in (("MAX_LOG_BYTES", 20_000), ("TAIL_BYTES", 2_000), ("ROOM_BYTES", 10_000)):
        monkeypatch.setattr(files, name, size)
    monkeypatch.setattr(files, "SEAM_CHARS", 200)


def fed(path: Path, pieces: list[bytes]) -> tuple[str, LogFile]:
    """A log that was fed, closed, and read again."""
    log = LogFile(path, Redactor(Secrets()))
    for piece in pieces:
        log.feed(piece)
    log.close()
    return path.read_text("utf-8"), log


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", ["lines", "one line", "nothing", "carriage returns"])
def test_a_log_past_its_bound_keeps_beginning_and_end(tmp_path: Path, kind: str) -> None:
    ends = {"lines": b"\n", "one line": b"", "nothing": b"\0", "carriage returns": b"\r"}
    pieces = [b"%06d" % n + b"x" * 90 + ends[kind] for n in range(2_000)]
    text, log = fed(tmp_path / "log.txt", [*pieces, b"\nthe end\n"])
    assert text.startswith("000000x")
    assert text.endswith("\nthe end\n")
    assert "bytes are left out here]\n" in text
    waiting = 80_000 if kind in ("one line", "nothing") else 0  # of a line that does not end
    assert len(text.encode()) <= files.MAX_LOG_BYTES + waiting
    assert log.last_lines[-1] == "the end"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("shift", range(0, 60, 7))
def test_no_part_of_a_secret_is_left_where_the_end_begins(tmp_path: Path, shift: int) -> None:
    lines = [b"y" * shift, *(f"{SECRET} {n}\n".encode() for n in range(3_000))]
    text, _ = fed(tmp_path / "log.txt", lines)
    assert "left out here" in text
    assert not any(SECRET[n : n + 12] in text for n in range(28))


def test_a_log_within_its_bound_is_whole(tmp_path: Path) -> None:
    text, _ = fed(tmp_path / "log.txt", [b"line\n"] * 50_000)
    assert text == "line\n" * 50_000
    assert files.MAX_LOG_BYTES == limits.MAX_TEXT_BYTES


def test_nobody_waits_for_who_reads_the_output() -> None:
    text = """
import sys
from evidence.recording.echo import Echo
echo = Echo()
for number in range(200): echo.put(b"z" * 50_000)
print("printed", file=sys.stderr, flush=True)
echo.close()
"""
    with subprocess.Popen(
        [sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert process.stderr.readline() == b"printed\n"  # and nothing was read so far
        assert process.stdout.read() == b"z" * 10_000_000
        assert process.wait(30) == 0


@pytest.mark.parametrize("text", [
    "import os; os.write(1, b'raw\\n'); os.write(2, b'raw\\n' * 3)",
    "import sys; sys.stdout.close(); import os; os.close(1); os.write(2, b'raw\\n')",
    "import os; os.chdir('/'); os.system('echo raw')",
    "import os; os.closerange(3, 1000); os.write(2, b'raw' + os.urandom(300_000) + b'\\n')",
])  # fmt: skip
def test_whatever_descriptor_it_prints_to_is_in_the_log(tmp_path: Path, text: str) -> None:
    made = record(make_repository(tmp_path / "project"), [PYTHON, "-c", text])
    assert made.log.startswith("raw")
    assert made.verified().verdict == "INTACT"


@pytest.mark.full
def test_a_hundred_megabytes_are_kept_within_the_bound(tmp_path: Path) -> None:
    text = (
        "import sys; [sys.stdout.write('x' * 99 + chr(10)) for _ in range(1_000_000)]; print('end')"
    )
    made = record(make_repository(tmp_path / "project"), [PYTHON, "-c", text])
    (path,) = made.pack.rglob("program_log.txt")
    assert path.stat().st_size <= limits.MAX_TEXT_BYTES
    assert made.log.endswith("\nend\n")
    assert made.read("program/program.json")["output_bytes"] == 100_000_004
    assert made.verified().verdict == "INTACT"
