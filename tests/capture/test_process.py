"""Laws of the output of programs: what one said last is heard, however late we come to it."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import IO

import pytest

from evidence.capture import process
from evidence.capture.process import collect_output, up_to


def program(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def test_the_reason_of_a_program_that_has_ended_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine its errors are read after it is gone."""
    drain = process._drain

    def late(stream: IO[bytes], into: bytearray) -> None:
        time.sleep(0.3)
        drain(stream, into)

    monkeypatch.setattr(process, "_drain", late)
    ended = collect_output(program("import sys; sys.exit('not trusted')"), 20.0, up_to(100))
    assert (ended.status, ended.errors) == (1, b"not trusted\n")


def test_a_child_that_keeps_the_errors_open_holds_up_nobody() -> None:
    code = (
        "import subprocess, sys;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'],"
        " stdout=subprocess.DEVNULL);"
        "sys.exit('gone')"
    )
    began_s = time.monotonic()
    ended = collect_output(program(code), 20.0, up_to(100))
    assert (ended.status, ended.errors) == (1, b"gone\n")
    assert time.monotonic() - began_s < 15
