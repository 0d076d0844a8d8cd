"""The one place where errors become messages and exit codes."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from types import FrameType
from typing import NoReturn

import click

from evidence.cli import answer as answers
from evidence.cli import start
from evidence.cli.say import echo, echo_json, secho
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
        """From here on, unless somebody else listens already; `start` listened until now."""
        with suppress(ValueError):  # not the main thread: nothing is asked of it by a signal
            for number, own in (
                (signal.SIGTERM, signal.SIG_DFL),
                (signal.SIGINT, signal.default_int_handler),
            ):
                if signal.getsignal(number) in (own, start.end):
                    signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if not self.is_over:
            self.terminated = number == signal.SIGTERM
            raise KeyboardInterrupt


def guarded(command: click.Command) -> NoReturn:
    """Run a click command and exit: its own status, or that of the error it raised."""
    with answers.answering() as answer:
        status = _status_of(command)
        answer.end()
        if answer.is_asked and not answer.is_said:
            status = _say(answer, status)
    sys.exit(status)


def _status_of(command: click.Command) -> int:
    heard = _Heard()
    try:
        heard.listen()
        try:
            # Outside of standalone mode click swallows Exit and returns its code.
            returned = command.main(standalone_mode=False)
        finally:
            heard.is_over = True
        return returned if isinstance(returned, int) else int(ExitCode.DONE)
    except click.ClickException as error:
        _misunderstood(error)
        return int(ExitCode.USAGE)
    except EvidenceError as error:
        complain(error)
        return int(error.exit_code)
    except (KeyboardInterrupt, click.Abort) as error:
        return _interrupted(error, terminated=heard.terminated)
    except SystemExit:
        # The reader of our output is gone (`| head`): click answers with status 1, which here
        # would say 'findings'. Nothing else exits from inside a command.
        return int(ExitCode.OUTPUT_CLOSED)
    except OSError as error:
        return _of_the_system(error)
    except Exception as error:
        return _unforeseen(error)


def _say(answer: answers.Answer, status: int) -> int:
    """Print the document; returns the exit code, which changes where a verdict was not heard."""
    from evidence.encoding import codec, jsonio  # --help needs neither

    try:
        echo_json(jsonio.dump_document(codec.encode(answer.document(status))))
    except OSError as error:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        if not answer.has_errors and (isinstance(error, BrokenPipeError) or not answer.stands):
            status = int(ExitCode.OUTPUT_CLOSED)
        with suppress(OSError):
            said = answer.stands or "what was found is not said"
            echo(f"{said} (stdout: {error.strerror or error})", err=True)
    return status


def _misunderstood(error: click.ClickException) -> None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    answer = answers.current()
    if not answer.is_asked and answers.is_asked_in(sys.argv[1:], context):
        answer.ask(context.info_name or "" if context else "", collecting=False)
    hint = "" if context is None else f"Try `{context.command_path} --help`."
    answer.complain(error.format_message(), hint)
    with suppress(OSError):
        told = StringIO()
        error.show(told)
        echo(told.getvalue(), err=True, nl=False)


def _interrupted(error: BaseException, *, terminated: bool) -> int:
    """Said as what was about to be said, where a second signal came in between."""
    before = error.__context__
    while before is not None:
        if isinstance(before, StoppedError):
            complain(before)
            return int(before.exit_code)
        before = before.__context__
    answers.current().complain("stopped")
    with suppress(OSError):
        echo("Stopped.", err=True)
    return int(ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED)


def _unforeseen(error: Exception) -> int:
    if ran_out(error):
        complain(UsageError(RAN_OUT, hint=RAN_OUT_HINT))
        return int(ExitCode.USAGE)
    bug = f"a bug in evidence-pack: {type(error).__name__}"
    answers.current().complain(bug, "Please report it, with what stands on stderr.")
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
    answers.of_error(error)
    with suppress(OSError):  # nobody may be listening any more; the exit code stands
        shown = visible(error.message)
        if isinstance(error, StoppedError):  # as asked: no error
            secho(shown[:1].upper() + shown[1:], fg="yellow", err=True)
        else:
            echo(f"{click.style('Error:', fg='red', bold=True)} {shown}", err=True)
        if error.hint:
            echo(f"  {visible(error.hint)}", err=True)
