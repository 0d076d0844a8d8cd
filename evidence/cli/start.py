"""The first lines of the `evidence` command: a signal while the rest of it is imported.

Responsible for ending at once then, in one line and with the code that a signal has later. Nothing
was done yet, so there is nothing to clear up, and an exception could be lost in what is imported.
It imports nothing else of the package. What Python itself does before is out of its reach.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn

_TOLD: Final = b"\nStopped.\n"
"""A line of its own after the ^C of a terminal, as click has it."""
_STDERR: Final = 2


def end(number: int, frame: FrameType | None) -> NoReturn:
    """End this process, as one that the signal `number` stopped."""
    with suppress(OSError):  # nobody may be listening any more
        os.write(_STDERR, _TOLD)
    os._exit(128 + number)


def main() -> None:
    """Entry point of the `evidence` command. Who ignores a signal, as nohup does, ignores it."""
    for number, own in (
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGINT, signal.default_int_handler),
    ):
        if signal.getsignal(number) == own:
            signal.signal(number, end)
    from evidence.cli import main as command

    command.main()
