"""`evidence keys`: what may stand in a milestone file."""

from __future__ import annotations

import shutil
from textwrap import wrap
from typing import Final

import click

from evidence.cli.answer import ask_own
from evidence.cli.boundary import without_a_run
from evidence.cli.say import echo, echo_json, secho
from evidence.encoding import codec, jsonio
from evidence.milestone.keys import Key, Table, asked_for, editor_schema, tables
from evidence.milestone.wanted import as_typed

_MOST_COLUMNS: Final = 100
_LEAST_COLUMNS: Final = 40


@click.command()
@click.argument("words", nargs=-1, metavar="[TABLE|KEY|WORD]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "schema"]),
    default="text",
    show_default=True,
    callback=ask_own,
    is_eager=True,
    help="json: the same as a list of tables; schema: the JSON Schema, for editors.",
)
@without_a_run()
def command(words: tuple[str, ...], form: str) -> None:
    """Print the keys of a milestone file: meaning, values and default of each.

    All of them, those of a table (train), those that begin so (train.warmup, warmup), or those
    whose meaning has a word (tokens).
    """
    if form == "schema":
        echo_json(jsonio.dump_document(editor_schema()))
        return
    found = tuple(table for word in words for table in asked_for(word)) if words else tables()
    if form == "json":
        echo_json(jsonio.dump_document(codec.encode(found)))
        return
    columns = min(_MOST_COLUMNS, max(_LEAST_COLUMNS, shutil.get_terminal_size().columns))
    for number, table in enumerate(found):
        if number:
            echo()
        _print_table(table, columns)


def _print_table(table: Table, columns: int) -> None:
    secho(table.line or "the top of the file", bold=True)
    _print_text(table.meaning, columns, "")
    for key in table.keys:
        _print_text(_head(key), columns, "  ", "      ")
        _print_text(key.meaning, columns, "    ")


def _head(key: Key) -> str:
    if key.needed:
        said = "; needed"
    else:
        said = "" if key.default is None else f"; default {as_typed(key.default)}"
    return f"{key.name} = {key.values}{said}"


def _print_text(text: str, columns: int, first: str, later: str | None = None) -> None:
    lines = wrap(
        text,
        columns,
        initial_indent=first,
        subsequent_indent=first if later is None else later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        echo(line)
