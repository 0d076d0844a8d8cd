"""The text of a row and a template, with the field that each character comes from.

Responsible for rendering and for the spans of fields in the result. The trick: values inside a
row are strings whose `str()` wraps them in private-use marks, which Jinja calls on output and on
joining, and which comparisons, lengths and tests never see. Imports no ML framework.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from evidence.errors import MalformedError
from evidence.records.record import Record
from evidence.text import templating
from evidence.text.templating import Template

_OPEN: Final = "\U000f0000"
_CLOSE: Final = "\U000f0001"
_FIRST_FIELD: Final = 0xF0010
_MARKS: Final = re.compile("[\U000f0000-\U000f0fff]")


class Span(Record):
    """Characters start..end (exclusive) of a text come from a field."""

    field: str
    start: int
    end: int


class MarkedText(Record):
    """A rendered text and where its fields are, in order."""

    text: str
    spans: tuple[Span, ...]


class _Marked:
    """Of a row's field. `str(x)` gives a value with marks; all else sees the plain value."""

    __slots__ = ()
    _mark: str  # no template reaches a name with an underscore in front

    def __marked__(self, text: str) -> str:
        """Another text that comes from the same field."""
        return f"{_OPEN}{self._mark}{text}{_CLOSE}"


class _Text(str, _Marked):
    __slots__ = ("_mark",)
    _mark: str

    def __str__(self) -> str:
        return self.__marked__(str.__str__(self))


def _marked_method(name: str) -> Any:
    plain = getattr(str, name)

    def method(self: _Text, *args: Any) -> _Text:
        return _text(plain(self, *args), self._mark)

    return method


# What these methods (and the Jinja filters over them) give still comes from the same field.
for _name in ("strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "replace"):
    setattr(_Text, _name, _marked_method(_name))


class _Whole(int, _Marked):
    def __str__(self) -> str:
        return self.__marked__(int.__repr__(self))


class _Flag(int, _Marked):
    """true or false of a row: Jinja's tests know it by `is_boolean`."""

    is_boolean: Final = True

    def __str__(self) -> str:
        return self.__marked__(f"{bool(self)}")

    def __repr__(self) -> str:
        return repr(bool(self))


class _Null:
    """null of a row: empty text, never a word; false, and equal to none and to null alone."""

    is_none: Final = True

    def __str__(self) -> str:
        return ""

    def __repr__(self) -> str:
        return "null"

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, _Null)

    def __hash__(self) -> int:
        return hash(None)


class _Real(float, _Marked):
    def __str__(self) -> str:
        return self.__marked__(float.__repr__(self))


for _kind, _called in (
    (_Text, "text"), (_Whole, "number"), (_Real, "number"), (_Flag, "boolean"), (_Null, "null"),
):  # fmt: skip
    # What a message calls it: Jinja names the class of a value that lacks what a template asks for.
    _kind.__name__, _kind.__module__ = _called, "builtins"


def render_row(template: Template, row: Mapping[str, Any]) -> MarkedText:
    """Render one row. Raises MalformedError naming an undefined field or a failing expression."""
    names = list(row)
    marked = {name: _mark(row[name], chr(_FIRST_FIELD + i)) for i, name in enumerate(names)}
    return _unmarked(templating.render(template, marked), names)


def as_text(value: Any) -> str:
    """A value of a row as a template writes it: null is empty."""
    return "" if value is None else str(value)


def _text(value: str, mark: str) -> _Text:
    text = _Text(value)
    text._mark = mark
    return text


def _mark(value: Any, mark: str) -> Any:
    if isinstance(value, str):
        if _MARKS.search(value):
            raise MalformedError("a field holds private-use characters U+F0000 to U+F0FFF")
        return _text(value, mark)
    if value is None:
        return _Null()
    if isinstance(value, bool):
        flag = _Flag(value)
        flag._mark = mark
        return flag
    if isinstance(value, (int, float)):
        number = _Whole(value) if isinstance(value, int) else _Real(value)
        number._mark = mark
        return number
    if isinstance(value, list):
        return [_mark(item, mark) for item in value]
    return {key: _mark(item, mark) for key, item in value.items()}


def _unmarked(text: str, names: list[str]) -> MarkedText:
    pieces: list[str] = []
    spans: list[Span] = []
    length, position, field, start = 0, 0, "", 0
    for match in _MARKS.finditer(text):
        pieces.append(text[position : match.start()])
        length += match.start() - position
        position = match.end()
        mark = match.group()
        if mark == _CLOSE:
            if length > start:
                spans.append(Span(field, start, length))
        elif mark != _OPEN:
            field, start = names[ord(mark) - _FIRST_FIELD], length
    pieces.append(text[position:])
    return MarkedText("".join(pieces), tuple(spans))
