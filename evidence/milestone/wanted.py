"""What to write where a milestone file does not satisfy its schema.

Responsible for turning errors of the schema into what its author can act on: the table that a key
is of, the name that was meant, the brackets that a table needs. Which rule is broken, and where,
is `encoding.schema`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from evidence.encoding import schema
from evidence.encoding.pointer import parts_of
from evidence.milestone import not_built
from evidence.milestone.lines import header_in
from evidence.milestone.names_meant import meant_for
from evidence.stages.registry import kinds

SCHEMA: Final = "milestone.v1"
_MAX_SHOWN: Final = 60
_NUMBERS: Final = ("integer", "number")


def in_words(found: schema.SchemaError, document: dict[str, Any]) -> str:
    """The message of an error, with what to write instead."""
    parts = _parts(found.pointer)
    value, node = _value_at(document, parts), _Node.at(parts)
    match found.rule:
        case "additionalProperties":
            table = parts[-2] if len(parts) > 1 else ""
            said = not_built.of_key(parts[-1], table) or _unknown(document, parts)
            return f"unknown key{said}"
        case "enum" if isinstance(value, str):
            return found.message + not_built.of_value(value)
        case "required":
            return found.message + _missing(found.message, node)
        case "type":
            return _other_type(found.message, value, node, parts)
        case "pattern" | "anyOf" if isinstance(value, str):
            names = [one.get("name") for one in _entries(document, "stage")]
            pattern = next((one["pattern"] for one in node.forms if "pattern" in one), "")
            meant = meant_for(value, pattern, names)
            return found.message + (meant or not_built.of_value(value))
        case _:
            return found.message


def points(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Numbers written with a point where whole ones are wanted: pointer, and what to write.

    To JSON 2.0 is an integer, and so to its schema.
    """
    yield from _points(document, _Node.at([]), "")


def as_typed(value: Any) -> str:
    """A value as it is typed in TOML; one that is long is cut."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, list):
        text = f"[{', '.join(map(as_typed, value[:_MAX_SHOWN]))}]"
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = "{ … }" if isinstance(value, dict) else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"


def of_twice(blanked: str, line: int) -> str:
    """What to write where the line that TOML stops at begins a table that is there already;
    `blanked`: as `lines.skeleton` makes it. Empty where it begins none."""
    every = blanked.split("\n")
    found = header_in(every[line - 1]) if 0 < line <= len(every) else None
    before = [one for text in every[: line - 1] if (one := header_in(text)) is not None]
    if found is None or found[0] not in [name for name, _ in before]:
        return ""
    name, in_a_list = found
    if (name, in_a_list) in before:
        return f": [{name}] is there twice, and all of it is written below one"
    wanted = _headed(name.split("."))
    return f": [{name}] and [[{name}]] are both here; write {wanted} each time"


class _Node:
    """What our schemas say of a place; nothing where they do not."""

    def __init__(self, root: dict[str, Any], own: dict[str, Any]) -> None:
        self._root = root
        self.own: dict[str, Any] = own
        for number, part in enumerate(own.get("$ref", "").split("/")):
            self.own = self.own[part] if number else (root if part else own)

    @classmethod
    def at(cls, parts: list[str]) -> _Node:
        """Of a place in a milestone, tables of other kinds of stages among them."""
        node = cls(schema.load(SCHEMA), schema.load(SCHEMA))
        for number, part in enumerate(parts):
            own = [one for one in kinds() if one.settings_schema and one.name == part]
            if number == 0 and own:
                root = schema.load(own[0].settings_schema)
                node = cls(root, root)
            else:
                node = node.below(part)
        return node

    def below(self, part: str) -> _Node:
        own = self.own.get("properties", {}).get(part) or self.own.get("additionalProperties")
        if self.own.get("type") == "array":
            own = self.own.get("items")
        return _Node(self._root, own if isinstance(own, dict) else {})

    @property
    def keys(self) -> list[str]:
        return list(self.own.get("properties", {}))

    @property
    def forms(self) -> list[dict[str, Any]]:
        """What it may be: itself, or one of several."""
        return [self.own, *self.own.get("anyOf", ())]

    @property
    def is_tables(self) -> bool:
        """Whether it is written with two brackets."""
        return self.own.get("type") == "array" and self.below("0").own.get("type") == "object"


def _unknown(document: dict[str, Any], parts: list[str]) -> str:
    """Where such a key lives, or which one is meant, or which there are."""
    *table, key = parts
    node = _Node.at(table)
    inner = {
        one: name for name in _inner_first(node, document, table) for one in node.below(name).keys
    }
    if key in inner:
        return f": it is one of `{inner[key]}`: {_in_table(inner[key], key, document, parts)}"
    around = table[:-1]
    if around and key in _Node.at(around).keys:
        return f": it is one of {_headed(around)}: write it above the line of this table"
    elsewhere = _elsewhere(key) if table else []
    near = get_close_matches(key, node.keys, n=1, cutoff=0.6)
    lives = f"; {key!r} is one of {' and '.join(elsewhere)}" if 0 < len(elsewhere) <= 2 else ""
    if near:
        return f" (did you mean {_called(near[0], node, table)}?){lives}"
    near = get_close_matches(key, inner, n=1, cutoff=0.6)
    if near and table:
        return f" (did you mean {inner[near[0]]} = {{ {near[0]} = … }}?)"
    return f"{lives}; there {'are' if len(node.keys) > 1 else 'is'}: {', '.join(node.keys)}"


def _elsewhere(key: str) -> list[str]:
    """Tables of a milestone that have such a key, the file itself among them."""
    top = _Node.at([]).keys
    return [_headed([name]) for name in top if key in _keys_of(name)] + (
        ["the top of the file"] if key in top else []
    )


def _inner_first(node: _Node, document: dict[str, Any], table: list[str]) -> list[str]:
    """The tables inside of one, that which its `kind` names last: its keys hold."""
    there = _value_at(document, table)
    kind = there.get("kind") if isinstance(there, dict) else None
    names = [name for name in node.keys if node.below(name).own.get("type") == "object"]
    return [*(name for name in reversed(names) if name != kind), *([kind] if kind in names else [])]


def _in_table(name: str, key: str, document: dict[str, Any], parts: list[str]) -> str:
    if len(parts) == 1:
        return f"write it below [{name}]"
    return f"write {name} = {{ {key} = {as_typed(_value_at(document, parts))} }}"


def _keys_of(name: str) -> list[str]:
    node = _Node.at([name])
    return node.below("0").keys if node.is_tables else node.keys


def _called(key: str, node: _Node, table: list[str]) -> str:
    """A key; a table by its line, where it has one of its own."""
    own = node.below(key)
    if table or not (own.is_tables or own.own.get("type") == "object"):
        return repr(key)
    return _headed([key])


def _headed(table: list[str]) -> str:
    """The line of a table: [train], [[stage]], [data.easy]."""
    named = [part for part in table if not part.isdigit()]
    in_a_list = table[-1].isdigit() or _Node.at(table).is_tables
    dotted = ".".join(named)
    return f"[[{dotted}]]" if in_a_list else f"[{dotted}]"


def _missing(message: str, node: _Node) -> str:
    """What a key that is not there is for."""
    own = node.below(message.split("'")[1]).own
    if "enum" in own:
        return f": {' or '.join(map(json.dumps, own['enum']))}"
    if "const" in own:
        return f": {json.dumps(own['const'])}"
    return f": {own['description']}" if "description" in own else ""


def _other_type(message: str, value: Any, node: _Node, parts: list[str]) -> str:
    wanted = node.own.get("type")
    if node.is_tables:
        line = f"write {_headed(parts)}, with two brackets" if isinstance(value, dict) else (
            f"each stands below a line {_headed(parts)}")  # fmt: skip
        return f"is {_kind(value)}, and a list of tables is wanted: {line}"
    if wanted == "object":
        return f"is {_kind(value)}, and a table is wanted{_as_table(value, node, parts)}"
    if wanted == "array":
        return f"is {_kind(value)}, and a list is wanted: {parts[-1]} = [{as_typed(value)}]"
    if isinstance(value, str) and wanted in _NUMBERS and _is_number(value):
        return f"{message}: write {value}, without quotes"
    if isinstance(value, str) and wanted == "boolean" and value.lower() in ("true", "false"):
        return f"{message}: write {value.lower()}, without quotes"
    return message


def _as_table(value: Any, node: _Node, parts: list[str]) -> str:
    if parts[-1].isdigit():
        return f": each stands below a line {_headed(parts)}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f": write {_headed(parts)}, with one bracket"
    described = node.own.get("description", "")
    example = described[described.index(f"{parts[-1]} = ") :] if "= {" in described else ""
    return f": {example.partition('. ')[0]}" if example else f": write a line {_headed(parts)}"


def _kind(value: Any) -> str:
    """What a value of TOML is, in its terms."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return f"{as_typed(value)}"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?", text) is not None


def _points(value: Any, node: _Node, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, float) and node.own.get("type") == "integer":
        yield pointer, f"{value} is written with a point, and whole numbers have none: {value:.0f}"
    elif isinstance(value, dict):
        for key, part in value.items():
            own = _Node.at([key]) if not pointer else node.below(key)
            yield from _points(part, own, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _points(part, node.below(str(index)), f"{pointer}/{index}")


def _entries(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = document.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _value_at(document: Any, parts: list[str]) -> Any:
    for part in parts:
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document


def _parts(pointer: str) -> list[str]:
    return [one for one in parts_of(pointer) if one]
