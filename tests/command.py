"""The `evidence` command inside this process: quick, and with its own error boundary."""

from __future__ import annotations

import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper

from evidence.cli.main import main


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left: its exit code and what it printed."""

    exit: int
    out: str
    err: str


def evidence(*words: str) -> Ended:
    """Run `evidence WORDS`."""
    # Real text streams over bytes: click looks for the bytes below a stream without an encoding.
    out, err = (TextIOWrapper(BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    argv_before = sys.argv
    sys.argv = ["evidence", *words]
    code: object = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.argv = argv_before
    assert isinstance(code, int)
    return Ended(code, _printed(out), _printed(err))


def _printed(stream: TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
