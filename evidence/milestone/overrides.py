"""Settings of a command line in the place of a milestone file's, and what comes of them.

Pure. Responsible for reading KEY=VALUE, for finding the place of a key in a document, and for the
document that comes of it. Whether that is a milestone is judged as every milestone is (`parse`).
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any, Final, TypeAlias

from evidence.encoding import schema
from evidence.errors import MalformedError, UsageError
from evidence.milestone.parse import SCHEMA, document_in
from evidence.records.overrides import OverrideRecord, Setting
from evidence.records.record import Record
from evidence.stages.registry import kinds
from evidence.text.escape import is_utf8

Pointer: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the top of a document."""

MAX_SETTINGS: Final = 100
MAX_KEY_CHARS: Final = 500
MAX_VALUE_CHARS: Final = 65_536
MAX_ELEMENTS: Final = 1000
_INT_LIMIT: Final = 2**63
_PART: Final = re.compile(r"""[ \t]*+(?:"([^"\n]*+)"|'([^'\n]*+)'|([^."'=\n]++))[ \t]*+""")
_NEEDS_QUOTES: Final = ("[", "{", '"', "'")
_FIXED: Final = {
    "schema": "the format of the file is no setting",
    "id": "the pack is named by it: another id is another milestone, in a file of its own",
    "kind": "what a milestone is, is no setting: write another file",
}
_NAME: Final = "name"


class Applied(Record):
    """A document with settings in their places."""

    document: dict[str, Any]
    overrides: tuple[OverrideRecord, ...]
    places: tuple[Pointer, ...]
    """Where each of them stands."""
    problems: tuple[str, ...] = ()
    """What is wrong with a setting; it then has no place."""


def read_setting(text: str) -> Setting:
    """KEY=VALUE of a command line. VALUE is TOML, or else a string. Raises UsageError."""
    if not is_utf8(text):
        raise UsageError("--set: KEY=VALUE is no UTF-8")
    parts, end = _parts(text)
    if not parts or not text[end:].startswith("="):
        raise UsageError(
            f"--set {shlex.quote(text)}: is not KEY=VALUE", hint="For example: --set train.seed=7"
        )
    setting = Setting(text[:end].strip(), _value(text, text[end + 1 :].strip()))
    for too_long, what in (
        (len(setting.key) > MAX_KEY_CHARS, f"its key has more than {MAX_KEY_CHARS} characters"),
        (_longest(setting.value) > MAX_VALUE_CHARS, f"has more than {MAX_VALUE_CHARS} characters"),
    ):
        if too_long:
            raise UsageError(f"--set {text[:60]}…: {what}")
    return setting


def read_settings(texts: Iterable[str]) -> tuple[Setting, ...]:
    """Each KEY=VALUE, in order. Raises UsageError."""
    found = tuple(map(read_setting, texts))
    if len(found) > MAX_SETTINGS:
        text = f"--set is given {len(found)} times, and {MAX_SETTINGS} are the most"
        raise UsageError(text, hint="Write a milestone file of its own.")
    return found


def applied(document: dict[str, Any], settings: Sequence[Setting | OverrideRecord]) -> Applied:
    """The document with the settings, which is left as it is; what cannot be set is a problem."""
    if not settings:
        return Applied(document, (), ())
    made = deepcopy(document)
    overrides: list[OverrideRecord] = []
    places: list[Pointer] = []
    problems: list[str] = []
    for one in settings:
        try:
            place = place_of(made, one.key)
            if place in places:
                raise MalformedError("is set twice")
            was = _found(document, place)
            _put(made, place, one.value)
        except MalformedError as error:
            problems.append(f"{said(one)}: {error.message}")
        else:
            overrides.append(OverrideRecord(one.key, one.value, was, "command line"))
            places.append(place)
    return Applied(made, tuple(overrides), tuple(places), tuple(problems))


def settings_of(overrides: Iterable[OverrideRecord]) -> tuple[Setting, ...]:
    """What was set, to be set once more."""
    return tuple(Setting(one.key, one.value) for one in overrides)


def place_of(document: dict[str, Any], key: str) -> Pointer:
    """Where a key stands, or would stand. Raises MalformedError where a milestone has no such key,
    and for what is no setting."""
    parts, end = _parts(key)
    if not parts or end != len(key):
        raise MalformedError("is no dotted key")
    node: Any = document
    known = _Known.of_top(parts[0])
    place: Pointer = ()
    for number, part in enumerate(parts):
        at = ".".join(parts[:number])
        if isinstance(node, list) or known.is_list_of_tables:
            index = _entry(node if isinstance(node, list) else [], part, at)
            node, known, place = node[index], known.element, (*place, index)
            continue
        if node is not None and not isinstance(node, dict):
            raise MalformedError(f"{at} is a value, and has no keys")
        known.refuse_unknown(part, at, node or {})
        known, place = known.below(part), (*place, part)
        node = (node or {}).get(part)
    _refuse_fixed(place)
    is_table = isinstance(node, dict) or (node is None and known.is_table)
    if is_table or not isinstance(place[-1], str):
        raise MalformedError("is a table: set each of its keys")
    if _is_tables(node) or known.is_list_of_tables:
        raise MalformedError("is a list of tables: set a key of one of them, by its name")
    return place


def shadowed(made: Applied, attempts: Iterable[str]) -> Iterator[str]:
    """What is said of settings of [train] and [eval] of which an attempt has its own."""
    tables = made.document.get("attempt", [])
    for one, place in zip(made.overrides, made.places, strict=True):
        if place[0] not in ("train", "eval") or len(place) < 2:
            continue
        table, key = map(str, place[:2])
        for attempt in tables:
            own = attempt.get(table, {})
            if attempt["name"] not in attempts or key not in own:
                continue
            if _found(own, place[1:]) != one.value:
                parts = ".".join(map(str, place))
                instead = Setting(f"attempt.{attempt['name']}.{parts}", one.value)
                yield (
                    f"{said(one)} does not reach the attempt {attempt['name']}, which has its own "
                    f"{_own(own[key])}: {said(instead)}"
                )


def _own(value: Any) -> str:
    return "table" if isinstance(value, dict) else f"({spelled(value)})"


def said(one: Setting | OverrideRecord) -> str:
    """The option, as it can be typed."""
    return f"--set {shlex.quote(argument(one))}"


def options(settings: Iterable[Setting | OverrideRecord]) -> tuple[str, ...]:
    """The words of a command line that set the same."""
    return tuple(word for one in settings for word in ("--set", argument(one)))


def argument(one: Setting | OverrideRecord) -> str:
    """KEY=VALUE, which reads back as the same."""
    return f"{one.key}={spelled(one.value)}"


def spelled(value: Any) -> str:
    """A value as it is typed behind KEY=: a string in quotes only where it needs them."""
    if isinstance(value, str):
        bare = value and value == value.strip() and value.isprintable() and not _is_toml(value)
        return value if bare and not value.startswith(_NEEDS_QUOTES) else _toml(value)
    return _toml(value)


def _toml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value) if isinstance(value, bool) else repr(value)


def _is_toml(text: str) -> bool:
    try:
        return document_in(b"value = " + text.encode("utf-8")).keys() == {"value"}
    except MalformedError:
        return False


def _parts(text: str) -> tuple[list[str], int]:
    """The parts of a dotted key, and where it ends; none where it is none."""
    parts: list[str] = []
    end = 0
    while found := _PART.match(text, end):
        parts.append(next(part for part in found.groups() if part is not None).strip())
        end = found.end()
        if not text.startswith(".", end):
            return parts, end
        end += 1
    return [], end


def _value(whole: str, text: str) -> Any:
    try:
        document = document_in(b"value = " + text.encode("utf-8"))
    except MalformedError as error:
        if not text.startswith(_NEEDS_QUOTES):
            return text
        raise UsageError(
            f"--set {shlex.quote(whole)}: the value is {error.message}",
            hint="A string is taken as it is, unless it begins like TOML: with a quote or bracket.",
        ) from error
    if document.keys() != {"value"}:
        return text
    value = document["value"]
    elements = value if isinstance(value, list) else [value]
    if not all(_is_holdable(one) for one in elements) or len(elements) > MAX_ELEMENTS:
        raise UsageError(
            f"--set {shlex.quote(whole)}: a value is a string, a finite number of 64 bits, true, "
            f"false, or a list of at most {MAX_ELEMENTS} of these",
            hint="Set each key of a table. A string that looks like something else is quoted: "
            + f"--set {shlex.quote(whole[: whole.index('=') + 1] + json.dumps(text))}",
        )
    return value


def _is_holdable(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < _INT_LIMIT
    return isinstance(value, str)


def _longest(value: Any) -> int:
    elements = value if isinstance(value, list) else [value]
    return max((len(one) for one in elements if isinstance(one, str)), default=0)


def _refuse_fixed(place: Pointer) -> None:
    if len(place) == 1 and place[0] in _FIXED:
        raise MalformedError(f"cannot be set: {_FIXED[str(place[0])]}")
    if len(place) > 1 and place[-1] == _NAME and isinstance(place[-2], int):
        raise MalformedError("cannot be set: other parts of the file, and evidence, go by the name")


def _entry(entries: list[Any], part: str, at: str) -> int:
    """Index of the entry with this name; of one without a name, its number from 0."""
    names = [one.get(_NAME) if isinstance(one, dict) else None for one in entries]
    found = [index for index, name in enumerate(names) if name == part]
    if len(found) == 1:
        return found[0]
    if found:
        raise MalformedError(f"{len(found)} entries of {at} are named {part!r}")
    numbers = [str(index) for index, name in enumerate(names) if name is None]
    if part in numbers:
        return int(part)
    known = [name for name in names if isinstance(name, str)]
    there = ", ".join(known) or (f"0 to {len(entries) - 1}" if entries else "none")
    near = schema.nearest(part, known)
    raise MalformedError(f"there is no {at} {part!r}{near}; there are: {there}")


def _found(document: Any, place: Pointer) -> Any:
    for part in place:
        if isinstance(part, str):
            document = document.get(part) if isinstance(document, dict) else None
        else:
            document = document[part]
    return document


def _put(document: Any, place: Pointer, value: Any) -> None:
    for part in place[:-1]:
        document = document.setdefault(part, {}) if isinstance(part, str) else document[part]
    document[place[-1]] = value


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, (dict, list)) for one in value)


class _Known(Record):
    """What our own schemas say of a place; nothing where they do not."""

    root: dict[str, Any]
    node: dict[str, Any]

    @classmethod
    def of_top(cls, first: str) -> _Known:
        """Of a milestone, with the table of the kind of stage that `first` names."""
        root = schema.load(SCHEMA)
        for kind in kinds():
            if kind.settings_schema and kind.name == first:
                own = schema.load(kind.settings_schema)
                return cls(own, {"properties": {first: own}})
        more: dict[str, Any] = {kind.name: {} for kind in kinds() if kind.settings_schema}
        return cls(root, {**root, "properties": {**root["properties"], **more}})

    @property
    def is_list_of_tables(self) -> bool:
        """Whether it is an array of tables, whose entries go by a name."""
        return self.node.get("type") == "array" and self.element.is_table

    @property
    def is_table(self) -> bool:
        return self.node.get("type") == "object"

    @property
    def element(self) -> _Known:
        return self._at(self.node.get("items", {}))

    def below(self, part: str) -> _Known:
        """What is known of a key of this table."""
        own = self.node.get("properties", {})
        return self._at(own.get(part, self._any))

    def refuse_unknown(self, part: str, at: str, there: dict[str, Any]) -> None:
        """Raise MalformedError for a key that this table cannot have, with the nearest one."""
        own = self.node.get("properties", {})
        if part in own or part in there or not self.node:
            return
        named = f"{at}.{part}" if at else part
        if self.node.get("additionalProperties") is False:
            raise MalformedError(f"unknown key {named}{schema.nearest(part, sorted(own))}")
        if self._at(self._any).is_table:
            known = sorted(there)
            near = schema.nearest(part, known) or f"; there are: {', '.join(known) or 'none'}"
            raise MalformedError(f"there is no table {named}{near}")

    @property
    def _any(self) -> dict[str, Any]:
        found = self.node.get("additionalProperties")
        return found if isinstance(found, dict) else {}

    def _at(self, node: dict[str, Any]) -> _Known:
        found: Any = node
        for number, part in enumerate(node.get("$ref", "").split("/")):
            found = found[part] if number else self.root
        return _Known(self.root, found if "$ref" in node else node)
