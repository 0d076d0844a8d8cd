"""What a terminal gets to see of a stranger's pack: colours of ours, and nothing that acts."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from packs.case import CASES, read
from packs.made import arguments, made

OURS = re.compile(rb"\x1b\[[0-9;]*m")
"""What click colours with."""
HOSTILE = ("name-escape", "name-right-to-left", "valid-hostile-output", "valid-hostile-log")


def on_a_terminal(*words: str) -> tuple[int, bytes]:
    """Exit code and output of a command that has a terminal for its output."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(words, stdin=end, stdout=end, stderr=end)
    os.close(end)
    printed = b""
    with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as stream:
        while piece := stream.read(65536):  # Linux says by an error that the other end is closed
            printed += piece
    return process.wait(), printed


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_of_a_pack_acts_on_a_terminal(name: str, tmp_path: Path) -> None:
    """Escapes, bells and reversals of text are shown, also where colours are (I2)."""
    case = read(CASES / name)
    words = [sys.executable, "-m", "evidence", "verify", *arguments(case, made(case, tmp_path))]
    code, printed = on_a_terminal(*words)
    assert code == case.exit
    assert OURS.search(printed), "this was no terminal"
    text = OURS.sub(b"", printed).replace(b"\r\n", b"\n").decode("utf-8")
    assert [c for c in text if c != "\n" and not c.isprintable()] == []
