"""Every field that the schemas of a pack's documents know, and which of them a place is.

Responsible for names of fields: `document` and `field`, a pointer in which `*` stands for any item
of a list and any key that is free. A fact of the journal is called `event/key`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from evidence import layout
from evidence.encoding import schema
from evidence.stages.eval import EVAL
from evidence.stages.registry import kinds
from evidence.stages.train import TRAIN

Schema: TypeAlias = Mapping[str, Any]
Parts: TypeAlias = tuple[str | int, ...]

REASON: Final = "unavailable"
OF_A_STAGE: Final = "stages/*/"
OUTCOMES: Final = "attempts/*/outcome.json"

DOCUMENTS: Final[dict[str, str]] = {
    layout.MILESTONE: "milestone.v1",
    **{path: name for path, name in layout.SCHEMA_OF.items() if path != layout.RENDERED},
    **{path: name for kind in kinds() for path, name in kind.schemas.items()},
    **{
        f"attempts/*/{path}": name
        for path, name in [
            (layout.TELEMETRY, layout.SCHEMA_OF[layout.TELEMETRY]),
            *(item for kind in kinds() for item in kind.schemas.items()),
        ]
    },
    OUTCOMES: layout.OUTCOME_SCHEMA,
    **{
        f"{OF_A_STAGE}{path}": name
        for path, name in [
            (layout.INPUTS, layout.SCHEMA_OF[layout.INPUTS]),
            *TRAIN.schemas.items(),
            *EVAL.schemas.items(),
        ]
    },
}
"""Schema of each sealed document of a pack."""


def root_of(document: str) -> Schema:
    """The schema of a document; that of a milestone with the tables of every kind of stage."""
    root = schema.load(DOCUMENTS[document])
    if document != layout.MILESTONE:
        return root
    tables = {one.name: schema.load(one.settings_schema) for one in kinds() if one.settings_schema}
    return {**root, "properties": {**root["properties"], **tables}}


def every_field(document: str) -> list[str]:
    """All fields of a document, in order; why a value is not available is none of its own."""
    root = root_of(document)
    found = list(_fields(root, root, ""))
    for event, facts in events(root).items():
        found += _fields(facts, root, f"{event}/")
    return sorted(set(found))


def field_of(document: str, parts: Parts, row: Any) -> str:
    """The field at this place of a document, or of one row of it."""
    root = root_of(document)
    if document == layout.JOURNAL and parts[0] == "data":
        inside = events(root)[row["event"]]
        return "/".join([row["event"], *_names(inside, root, parts[1:])])
    return "/".join(_names(root, root, parts))


def words_at(document: str, parts: Parts, row: Any) -> tuple[Any, ...]:
    """The words that the schema allows at this place; none where it names none."""
    root = root_of(document)
    inside: Schema = root
    if document == layout.JOURNAL and parts[0] == "data":
        inside, parts = events(root)[row["event"]], parts[1:]
    for part in parts:
        inside = _inside(inside, root, part)
    for one in _shapes(inside, root):
        if "enum" in one:
            return tuple(one["enum"])
    return ()


def events(root: Schema) -> dict[str, Schema]:
    """Of the journal's schema, the facts of each event."""
    found = {}
    for one in root.get("allOf", ()):
        if "data" in one.get("then", {}).get("properties", {}):
            found[one["if"]["properties"]["event"]["const"]] = one["then"]["properties"]["data"]
    return found


def _fields(one: Schema, root: Schema, before: str) -> Iterator[str]:
    inner = False
    for shape in _shapes(one, root):
        if REASON in shape.get("properties", {}) and len(shape["properties"]) == 1:
            continue
        for name, value in shape.get("properties", {}).items():
            inner = True
            if not (root["title"] == "Journal event" and not before and name == "data"):
                yield from _fields(value, root, f"{before}{name}/")
        free = shape.get("additionalProperties")
        items = shape.get("items")
        for value in (free, items):
            if isinstance(value, Mapping):
                inner = True
                yield from _fields(value, root, f"{before}*/")
    if not inner or any("type" in s and _is_plain(s) for s in _shapes(one, root)):
        yield before.rstrip("/")


def _is_plain(shape: Schema) -> bool:
    types = shape["type"] if isinstance(shape["type"], list) else [shape["type"]]
    return bool({"string", "number", "integer", "boolean"} & set(types))


def _shapes(one: Schema, root: Schema) -> Iterator[Schema]:
    if "$ref" in one:
        target: Any = root
        for part in one["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        yield from _shapes(target, root)
    elif "anyOf" in one or "oneOf" in one:
        for option in one.get("anyOf", one.get("oneOf", ())):
            yield from _shapes(option, root)
        if "properties" in one:
            yield {key: value for key, value in one.items() if key not in ("anyOf", "oneOf")}
    else:
        yield one


def _inside(one: Schema, root: Schema, part: str | int) -> Schema:
    for shape in _shapes(one, root):
        if isinstance(part, int):
            if isinstance(shape.get("items"), Mapping):
                found: Schema = shape["items"]
                return found
        elif part in shape.get("properties", {}):
            named: Schema = shape["properties"][part]
            return named
        elif isinstance(shape.get("additionalProperties"), Mapping):
            free: Schema = shape["additionalProperties"]
            return free
    raise KeyError(part)


def _names(one: Schema, root: Schema, parts: Parts) -> list[str]:
    names = []
    for part in parts:
        known = any(part in shape.get("properties", {}) for shape in _shapes(one, root))
        names.append(str(part) if known and isinstance(part, str) else "*")
        one = _inside(one, root, part)
    return names
