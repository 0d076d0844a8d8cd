"""The one place where errors become messages and exit codes."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from types import FrameType
from typing import NoReturn

import click

from evidence.cli.say import echo, secho
from evidence.cli.streams import is_of_output
from evidence.errors import (
    RAN_OUT,
    RAN_OUT_HINT,
    DurabilityError,
    EvidenceError,
    ExitCode,
    StoppedError,
    UsageError,
)
from evidence.system.threads import ran_out
from evidence.text.escape import visible


class _Heard:
    """Signals that ask the command to end. The first ends it as Ctrl-C does, so that what must not
    stay behind is cleared up; those that come while its end is being told change nothing."""

    def __init__(self) -> None:
        self.terminated = self.is_over = False

    def listen(self) -> None:
        """From here on, unless somebody else listens already."""
        with suppress(ValueError):  # not the main thread: nothing is asked of it by a signal
            for number, own in (
                (signal.SIGTERM, signal.SIG_DFL),
                (signal.SIGINT, signal.default_int_handler),
            ):
                if signal.getsignal(number) == own:
                    signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if not self.is_over:
            self.terminated = number == signal.SIGTERM
            raise KeyboardInterrupt


def guarded(command: click.Command) -> NoReturn:
    """Run a click command and exit: its own status, or that of the error it raised."""
    heard = _Heard()
    heard.listen()
    try:
        try:
            # Outside of standalone mode click swallows Exit and returns its code.
            returned = command.main(standalone_mode=False)
        finally:
            heard.is_over = True
        status = returned if isinstance(returned, int) else int(ExitCode.DONE)
    except click.ClickException as error:
        with suppress(OSError):
            told = StringIO()
            error.show(told)
            echo(told.getvalue(), err=True, nl=False)
        status = int(ExitCode.USAGE)
    except EvidenceError as error:
        complain(error)
        status = int(error.exit_code)
    except (KeyboardInterrupt, click.Abort) as error:
        status = _interrupted(error, terminated=heard.terminated)
    except SystemExit:
        # The reader of our output is gone (`| head`): click answers with status 1, which here
        # would say 'findings'. Nothing else exits from inside a command.
        status = int(ExitCode.OUTPUT_CLOSED)
    except OSError as error:
        status = _of_the_system(error)
    except Exception as error:
        status = _unforeseen(error)
    sys.exit(status)


def _interrupted(error: BaseException, *, terminated: bool) -> int:
    """Said as what was about to be said, where a second signal came in between."""
    before = error.__context__
    while before is not None:
        if isinstance(before, StoppedError):
            complain(before)
            return int(before.exit_code)
        before = before.__context__
    with suppress(OSError):
        echo("Stopped.", err=True)
    return int(ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED)


def _unforeseen(error: Exception) -> int:
    if ran_out(error):
        complain(UsageError(RAN_OUT, hint=RAN_OUT_HINT))
        return int(ExitCode.USAGE)
    with suppress(OSError):
        echo(traceback.format_exc(), err=True, nl=False)
        said = "This is a bug in evidence-pack. Please report it with the lines above."
        echo(said, err=True)
    return int(ExitCode.BUG)


def _of_the_system(error: OSError) -> int:
    if isinstance(error.__context__, KeyboardInterrupt):
        return int(ExitCode.INTERRUPTED)  # and nobody heard the line that click ends
    reason = error.strerror or str(error)
    if is_of_output(error):
        complain(UsageError(f"stdout: {reason}; what was found is not said"))
        return int(ExitCode.OUTPUT_CLOSED)
    # A disk that is full, read-only or gone, a path that is too long: no bug of ours.
    place = f": {error.filename}" if error.filename else ""
    complain(UsageError(f"{reason}{place}"))
    return int(ExitCode.USAGE)


@contextmanager
def without_a_run() -> Iterator[None]:
    """For commands that run nothing: what the disk refuses leaves no run unfinished."""
    try:
        yield
    except DurabilityError as error:
        raise UsageError(error.message, hint=error.hint) from error


def complain(error: EvidenceError) -> None:
    """Print an error and its hint to stderr, acting characters made visible."""
    with suppress(OSError):  # nobody may be listening any more; the exit code stands
        shown = visible(error.message)
        if isinstance(error, StoppedError):  # as asked: no error
            secho(shown[:1].upper() + shown[1:], fg="yellow", err=True)
        else:
            echo(f"{click.style('Error:', fg='red', bold=True)} {shown}", err=True)
        if error.hint:
            echo(f"  {visible(error.hint)}", err=True)
