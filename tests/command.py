"""The `evidence` command inside this process: quick, and with its own error boundary."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from signal import SIGINT, SIGTERM

from evidence.cli.main import main


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left: its exit code and what it printed."""

    exit: int
    out: str
    err: str


@contextmanager
def handlers_kept() -> Iterator[None]:
    """A command that ends listens to no signal any more; this process goes on."""
    before = {number: signal.getsignal(number) for number in (SIGINT, SIGTERM)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


def evidence(*words: str) -> Ended:
    """Run `evidence WORDS`."""
    # Real text streams over bytes: click looks for the bytes below a stream without an encoding.
    out, err = (TextIOWrapper(BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    argv_before = sys.argv
    sys.argv = ["evidence", *words]
    code: object = 0
    try:
        with handlers_kept(), redirect_stdout(out), redirect_stderr(err):
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
