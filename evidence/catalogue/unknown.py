"""Words that were asked for and that nothing in the index has: the nearest that something has.

Responsible for names alone. That a name is in the index says nothing of which packs meet a
condition.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

from evidence.catalogue.asked import Asked
from evidence.encoding.schema import nearest_word
from evidence.text.escape import one_line

MAX_CHARS: Final = 200
"""Of a name that is offered."""
_MAX_KNOWN: Final = 20_000
"""Names that are compared."""
_NAMES: Final = {
    "value": "SELECT name FROM value_names",
    "package": "SELECT DISTINCT name FROM packages",
    "model": "SELECT DISTINCT id AS name FROM models",
    "milestone": "SELECT DISTINCT milestone AS name FROM packs",
}


def unknown_words(connection: sqlite3.Connection, asked: Asked) -> dict[str, str]:
    """Each asked word that no pack in the index has, as `kind word`, with the nearest one of its
    kind; empty where none is near."""
    return {
        f"{kind} {word}": _nearest(connection, kind, word)
        for kind, word in dict.fromkeys(_words(asked))
        if connection.execute(
            f"SELECT 1 FROM ({_NAMES[kind]}) WHERE name = ? LIMIT 1",  # noqa: S608 - fixed words
            (word,),
        ).fetchone()
        is None
    }


def _words(asked: Asked) -> Iterator[tuple[str, str]]:
    yield from (("value", name) for name in asked.shown)
    yield from (("package", name) for name, _ in asked.packages)
    yield from (("model", name) for name in asked.models)
    if asked.milestone is not None:
        yield "milestone", asked.milestone


def _nearest(connection: sqlite3.Connection, kind: str, word: str) -> str:
    statement = f"SELECT name FROM ({_NAMES[kind]}) WHERE length(name) <= ? LIMIT ?"  # noqa: S608 - fixed words
    known = [name for (name,) in connection.execute(statement, (MAX_CHARS, _MAX_KNOWN))]
    return one_line(nearest_word(word[:MAX_CHARS], known), MAX_CHARS)
