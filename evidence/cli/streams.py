"""Standard streams that were closed, that are full, or that nobody reads.

Responsible for there being three of them, and for what it means when stdout takes nothing: words
are lost, never what was done. Which exit code that is, `boundary` decides.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from traceback import walk_tb
from typing import Final

import click

from evidence.cli.answer import current
from evidence.cli.say import echo

_STANDARD: Final = (0, 1, 2)


def prepare() -> None:
    """Put the null device where a stream was closed, and spell what an encoding cannot hold.

    Else the next file that is opened gets the number of the stream, and what a library or a child
    prints goes into that file; and a path that is no UTF-8 ends a command that did its work.
    """
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_of_output(error: OSError) -> bool:
    """Whether it was raised where a command says something, and not where it does something."""
    return any(frame.f_code is click.echo.__code__ for frame, _ in walk_tb(error.__traceback__))


@contextmanager
def heard(done: str) -> Iterator[None]:
    """For the words of a command that has done its work: its exit code stands without them.

    `done` goes to stderr where stdout takes nothing. A reader who went away has a code of its own.
    """
    current().stands = done
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if not is_of_output(error):
            raise
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        with suppress(OSError):
            echo(f"{done} (stdout: {error.strerror or error})", err=True)
