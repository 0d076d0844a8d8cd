r"""What commands print: the one way to a terminal, on which nothing of a stranger's acts.

Responsible for that law: whatever a line is made of, its acting characters are spelled (`\x1b`,
`\u202e`) unless they are the colours of ours. Which words are said is the commands'.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from evidence.cli.answer import current
from evidence.text.escape import acts_at, visible

if TYPE_CHECKING:
    from evidence.records.record import Record

_OURS: Final = re.compile(r"(\x1b\[(?:0|1|2|3[0-7])m)")
"""What `click.style` puts around words."""
_ACTING_IN_JSON: Final = re.compile(r"[^\n\x20-\x7e]")


def echo(message: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a line, to stderr where `err`."""
    click.echo(harmless(message), err=err, nl=nl)


def secho(
    message: str, *, fg: str | None = None, bold: bool | None = None, err: bool = False
) -> None:
    """Print a line in a colour."""
    click.secho(harmless(message), fg=fg, bold=bold, err=err)


def echo_json(document: bytes) -> None:
    """Print a document: the same values, with what would act spelled as JSON spells it."""
    current().is_said = True
    text = document.decode("utf-8")
    click.echo(text if acts_at(text) is None else _ACTING_IN_JSON.sub(_spelled, text), nl=False)


def echo_records(records: Sequence[Record]) -> None:
    """Print a record as a document; of several, a list of them."""
    from evidence.encoding import jsonio  # --help needs neither
    from evidence.encoding.codec import encode

    values = [encode(one) for one in records]
    echo_json(jsonio.dump_document(values[0] if len(values) == 1 else values))


def harmless(text: str) -> str:
    """The text with every acting character spelled, colours of ours aside."""
    parts = _OURS.split(text)
    return "".join(part if _OURS.fullmatch(part) else visible(part) for part in parts)


def _spelled(found: re.Match[str]) -> str:
    if acts_at(found.group()) is None:
        return found.group()
    units = found.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
