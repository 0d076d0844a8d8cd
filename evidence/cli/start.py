"""The first lines of the `evidence` command: a signal while the rest of it is imported.

Responsible for ending at once then, in one line and with the code that a signal has later. Nothing
was done yet, so there is nothing to clear up, and an exception could be lost in what is imported.
What is imported before is what Python has loaded or built in, since each moment until then is one
in which Ctrl-C still prints a traceback. What Python itself does before is out of reach.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # type checkers take this name for true; `typing` is not imported for it
if TYPE_CHECKING:
    from signal import SIG_DFL, SIGINT, SIGTERM, default_int_handler, getsignal, signal
    from types import FrameType
    from typing import NoReturn
else:  # what `signal` wraps, which imports others first
    from _signal import SIG_DFL, SIGINT, SIGTERM, default_int_handler, getsignal, signal

_TOLD = b"\nStopped.\n"
"""A line of its own after the ^C of a terminal, as click has it."""
_STDERR = 2


def end(number: int, frame: FrameType | None) -> NoReturn:
    """End this process, as one that the signal `number` stopped."""
    try:
        os.write(_STDERR, _TOLD)
    finally:  # nobody may be listening any more
        os._exit(128 + number)


def main() -> None:
    """Entry point of the `evidence` command. Who ignores a signal, as nohup does, ignores it."""
    for number, own in ((SIGTERM, SIG_DFL), (SIGINT, default_int_handler)):
        if getsignal(number) == own:
            signal(number, end)
    from evidence.cli import main as command

    command.main()
