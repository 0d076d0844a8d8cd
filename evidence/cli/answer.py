"""What a command answers in JSON: one document on stdout, of a command that failed too.

Responsible for `--json`: that stdout then holds that document and nothing else, and for gathering
what goes into `done.v1` (`done`). Which exit code that is, `boundary` decides; it prints the
document, too.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from io import StringIO
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from evidence.errors import EvidenceError, UnsafePackError
from evidence.text.escape import visible

if TYPE_CHECKING:
    from pathlib import Path

    from evidence.cli.done import Done

_PLACE: Final = re.compile(r"[^\n:]+:[0-9]+(?=: )")
"""The file and line with which a message begins."""


class Answer:
    """What this command is to answer, as it is found out."""

    def __init__(self) -> None:
        self.is_asked = False
        self.is_said = False
        """Whether a document has gone to stdout."""
        self.is_collecting = False
        """Whether what is printed goes into the document."""
        self.stands = ""
        """What was done, in words; its exit code holds whether stdout takes the document or not."""
        self._command = ""
        self.told: dict[str, Any] = {}
        """Fields of the document by their names."""
        self._errors: list[tuple[str, str, str]] = []
        self._lines = StringIO()
        self._stdout: TextIO | None = None

    @property
    def has_errors(self) -> bool:
        """Whether an error was told."""
        return bool(self._errors)

    def ask(self, command: str, *, collecting: bool) -> None:
        """From here on a document is asked for."""
        self.is_asked, self._command = True, command
        if collecting and not self.is_collecting:
            self.is_collecting = True
            self._stdout, sys.stdout = sys.stdout, self._lines

    def end(self) -> None:
        """From here on stdout is stdout again."""
        if self._stdout is not None:
            sys.stdout, self._stdout = self._stdout, None

    def tell(self, **facts: Any) -> None:
        """Fields of the document."""
        self.told |= facts

    def complain(self, message: str, hint: str = "", place: str = "") -> None:
        """Take an error into the document. Without a `place`, the message may begin with one."""
        found = _PLACE.match(message)
        place = place or (found.group() if found else "")
        self._errors.append((visible(message), visible(hint), visible(place)))

    def document(self, exit_code: int) -> Done:
        """All of it."""
        from evidence.cli.done import Done, Problem  # --help needs neither

        printed = self._lines.getvalue().rstrip("\n")
        return Done(
            schema="done.v1",
            command=self._command,
            exit_code=exit_code,
            messages=tuple(printed.split("\n")) if printed else (),
            errors=tuple(Problem(*one) for one in self._errors),
            **self.told,
        )


_CURRENT: Final[ContextVar[Answer | None]] = ContextVar("answer", default=None)


@contextmanager
def answering() -> Iterator[Answer]:
    """For the boundary: the answer of the command that is run inside."""
    answer = Answer()
    token = _CURRENT.set(answer)
    try:
        yield answer
    finally:
        answer.end()
        _CURRENT.reset(token)


def current() -> Answer:
    """That of this command; of a command without a boundary, one that nobody reads."""
    return _CURRENT.get() or Answer()


def tell(**facts: Any) -> None:
    """Fields of the document, as a command finds them out."""
    current().tell(**facts)


def add_written(*paths: Path) -> None:
    """Further files that the command made or changed."""
    answer = current()
    answer.tell(written=(*answer.told.get("written", ()), *map(as_shown, paths)))


def as_shown(path: Path) -> str:
    """A path as one would type it from here, acting characters spelled."""
    from pathlib import Path  # --help names no path

    here = Path.cwd()
    return visible((path.relative_to(here) if path.is_relative_to(here) else path).as_posix())


def of_error(error: EvidenceError) -> None:
    """Take an error into the document."""
    place = error.address if isinstance(error, UnsafePackError) else ""
    current().complain(error.message, error.hint, place)


def is_asked_in(words: Sequence[str], context: click.Context | None) -> bool:
    """Whether words that could not be understood ask for JSON, of a command that has it."""
    own = words[: words.index("--")] if "--" in words else words
    known = () if context is None else context.command.params
    return "--json" in own and any("--json" in one.opts for one in known)


def _ask(context: click.Context, _: click.Parameter, value: bool) -> bool:
    if value:
        current().ask(context.info_name or "", collecting=True)
    return value


def ask_own(context: click.Context, _: click.Parameter, value: Any) -> Any:
    """For an option of a command that has a document of its own: errors are one of ours."""
    if value in (True, "json"):
        current().ask(context.info_name or "", collecting=False)
    return value


def own_json_option(words: str) -> Callable[[Any], Any]:
    """`--json` of a command that has a document of its own: `as_json` of the command."""
    return click.option(
        "--json", "as_json", is_flag=True, is_eager=True, callback=ask_own, help=words
    )


json_option: Final[Callable[[Any], Any]] = click.option(
    "--json",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_ask,
    help="Print what came of it as JSON (done.v1), and nothing else on stdout.",
)
