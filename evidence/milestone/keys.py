"""What may stand in a milestone file, key by key, as its schema has it.

Responsible for one list of keys with meaning, values and default, made from the schema and from
those of further kinds of stages. What is wrong with a file is told by `parse` and `wanted`; how
the list is printed is the command's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from evidence.encoding import schema
from evidence.errors import UsageError
from evidence.milestone.wanted import SCHEMA, as_typed
from evidence.records.record import Record
from evidence.stages.registry import kinds

EDITOR_SCHEMA: Final = f"{SCHEMA}.schema.json"
"""Name of the file that editors are pointed to, beside the milestones."""
WRITTEN_BY: Final = "Written by `evidence new`, for editors: `evidence keys --format schema`."
_NAMES: Final = {"string": "text", "integer": "whole number", "number": "number",
                 "boolean": "true or false", "array": "list", "object": "table"}  # fmt: skip
_MANY: Final = {"text": "texts", "whole number": "whole numbers", "number": "numbers"}

Node = Mapping[str, Any]


class Key(Record, omit_defaults=True):
    """One key of a table."""

    path: str
    """`train.seed`; of the top of the file `id`."""
    values: str
    """What it may be, in words."""
    meaning: str
    needed: bool = False
    """Whether its table cannot do without it."""
    default: Any = None
    """What holds where the key is left out. None: what its meaning says."""

    @property
    def name(self) -> str:
        """As it is written in its table."""
        return self.path.rpartition(".")[2]


class Table(Record):
    """A table of a milestone file, and its keys in the order of the schema."""

    path: str
    """`train`, `data.hub`; empty: the top of the file."""
    line: str
    """The line that begins it: `[[gate]]`, `[data.NAME]`; empty: the top of the file."""
    meaning: str
    keys: tuple[Key, ...]


def editor_schema() -> dict[str, Any]:
    """The schema of a whole file in one document, tables of every kind of stage among them.

    Without a name of its own: an editor resolves references by where the file lies.
    """
    whole = {key: part for key, part in schema.load(SCHEMA).items() if key != "$id"}
    further = {one.name: schema.load(one.settings_schema) for one in kinds() if one.settings_schema}
    unnamed = {
        name: {key: part for key, part in own.items() if not key.startswith("$")}
        for name, own in further.items()
    }
    properties = {**whole["properties"], **unnamed}
    return {"$comment": WRITTEN_BY, **whole, "properties": properties}


@cache
def tables() -> tuple[Table, ...]:
    """Every table that a milestone file may have, its top first."""
    whole = editor_schema()
    return tuple(_tables(whole, whole, "", ""))


def asked_for(word: str) -> tuple[Table, ...]:
    """The tables, or single keys of them, that a word means: a table with those inside of it, keys
    that begin so, or else keys whose meaning has the word.

    Raises UsageError where there is none, with the nearest.
    """
    word = word.strip("[] ").lower()
    inside = tuple(one for one in tables() if one.path and f"{one.path}.".startswith(f"{word}."))
    if inside:
        return inside
    for fits in (
        lambda key: key.path.startswith(word),
        lambda key: key.name.startswith(word),
        lambda key: word in key.meaning.lower(),
    ):
        found = tuple(
            Table(path=one.path, line=one.line, meaning=one.meaning, keys=keys)
            for one in tables()
            if word and (keys := tuple(key for key in one.keys if fits(key)))
        )
        if found:
            return found
    every = [one.path for one in tables() if one.path]
    known = [*every, *(key.path for one in tables() for key in one.keys)]
    known += [key.name for one in tables() for key in one.keys]
    raise UsageError(
        f"a milestone has no key {word!r}{schema.nearest(word, known)}",
        hint=f"`evidence keys` prints all; tables are: {', '.join(every)}.",
    )


def _tables(whole: Node, node: Node, path: str, line: str) -> Iterator[Table]:
    own = node["properties"]
    inner = {name: found for name in own if (found := _table_of(whole, own[name])) is not None}
    shared = whole["properties"] if path else {}
    keys = [
        _key(whole, f"{path}.{name}".lstrip("."), own[name], needed=name in node["required"])
        for name in own
        if name not in inner or name in shared
    ]
    if keys:
        yield Table(path=path, line=line, meaning=node["description"], keys=tuple(keys))
    for name, (table, form) in inner.items():
        if name not in shared:  # [attempt.train] has the keys of [train]
            below = f"{path}.{name}".lstrip(".")
            dotted = f"{line.strip('[]')}.{name}".lstrip(".")
            yield from _tables(whole, table, below, form.replace("@", dotted))


def _table_of(whole: Node, node: Node) -> tuple[Node, str] | None:
    """A table with keys of its own at this place, and the form of its line; None: a value."""
    node = _resolved(whole, node)
    form = "[@]"
    if node.get("type") == "array":
        node, form = _resolved(whole, node["items"]), "[[@]]"
    elif isinstance(node.get("additionalProperties"), Mapping):
        node, form = _resolved(whole, node["additionalProperties"]), "[@.NAME]"
    return (node, form) if "properties" in node else None


def _resolved(whole: Node, node: Node) -> Node:
    """What a reference inside our schema leads to; its own words stay."""
    found: Any = node
    if "$ref" in node:
        found = whole
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        found = {**found, **{key: part for key, part in node.items() if key != "$ref"}}
    return dict(found)


def _key(whole: Node, path: str, node: Node, *, needed: bool) -> Key:
    node, name = _resolved(whole, node), path.rpartition(".")[2]
    is_shared = "properties" in node
    return Key(
        path=path,
        values=f"table: keys of [{name}]" if is_shared else _values(node),
        meaning=node.get("description", ""),
        needed=needed,
        default=node.get("default"),
    )


def _values(node: Node) -> str:
    """What may be written, as TOML has it."""
    if "const" in node:
        return as_typed(node["const"])
    if "enum" in node:
        return " | ".join(map(as_typed, node["enum"]))
    if "anyOf" in node:
        return str(node.get("wanted") or " or ".join(map(_values, node["anyOf"])))
    kinds_of = node.get("type", "string")
    if not isinstance(kinds_of, str):
        return " or ".join(_NAMES[one] for one in kinds_of)
    if kinds_of == "array":
        return _list(node)
    if kinds_of == "object":
        inner = node.get("additionalProperties")
        return f"table of NAME = {_values(inner)}" if isinstance(inner, Mapping) else "table"
    words = _NAMES[kinds_of] + _bounds(node)
    return f"{words}: {node['wanted']}" if "wanted" in node else words


def _list(node: Node) -> str:
    least, most = node.get("minItems", 0), node.get("maxItems")
    how_many = f" of {least} to {most}" if least > 1 and most else " of"
    items = _values(node["items"])
    one = next((word for word in _MANY if items.startswith(word)), "")
    return f"list{how_many} {_MANY.get(one, '')}{items.removeprefix(one)}"


def _bounds(node: Node) -> str:
    """Between which numbers; how long a text may be is said where one is too long."""
    words = (
        ("minimum", " from "),
        ("exclusiveMinimum", " above "),
        ("maximum", " to " if "minimum" in node else ", at most "),
        ("exclusiveMaximum", ", below "),
    )
    return "".join(f"{word}{_short(node[key])}" for key, word in words if key in node)


def _short(number: float) -> str:
    return str(int(number) if number == int(number) else number)
