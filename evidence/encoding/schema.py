"""Validation against the schemas we ship. The only importer of jsonschema.

Responsible for: loading our own schemas (never a pack's), and turning the first few errors into
plain sentences with a JSON pointer. jsonschema is the reference: it alone refuses, and it writes
the errors. jsonschema-rs is many times faster and says what is valid; where it hesitates, or has
no wheel for a system, the reference decides. Parsing is `jsonio`'s, typed records are
`codec`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from evidence import limits
from evidence.encoding import jsonio
from evidence.encoding.pointer import escaped
from evidence.records.record import Record
from evidence.system import resources

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

MAX_ERRORS: Final = 20


class SchemaError(Record):
    """One place where a document does not satisfy its schema. `pointer` is a JSON pointer."""

    pointer: str
    message: str
    rule: str = ""
    """The keyword of the schema that is not satisfied."""


@cache
def load(name: str) -> dict[str, Any]:
    """The schema `schemas/<name>.schema.json` as a dictionary."""
    document = jsonio.load_document(resources.read("schemas", f"{name}.schema.json"))
    assert isinstance(document, dict)  # noqa: S101 - our own file, and a test reads them all
    return document


def validate(name: str, document: object) -> tuple[SchemaError, ...]:
    """Every error (up to MAX_ERRORS) of `document` under the schema `name`; empty when valid.

    Numbers in `document` are finite, as in all JSON.
    """
    try:
        if _quick(name)(document):
            return ()
    except ValueError:  # a value that JSON has not, such as a date of TOML
        pass
    found: list[SchemaError] = []
    for error in _reference(name).iter_errors(document):
        found.extend(_plain(error))
        if len(found) >= MAX_ERRORS:
            break
    return tuple(found[:MAX_ERRORS])


@cache
def _quick(name: str) -> Callable[[object], bool]:
    try:
        from jsonschema_rs import validator_for
    except ImportError:
        return lambda document: False
    schema = resources.read("schemas", f"{name}.schema.json").decode("utf-8")
    return validator_for(schema, retriever=_refuse_reference).is_valid


def _refuse_reference(uri: str) -> NoReturn:
    raise ValueError(f"our schemas refer to nothing outside themselves, but here: {uri}")


@cache
def _reference(name: str) -> Draft202012Validator:
    # Imported when something is wrong only: it takes longer than checking a small pack.
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # An empty registry: a reference outside our own schema fails instead of being fetched.
    registry: Registry[Any] = Registry()
    return Draft202012Validator(load(name), registry=registry)


def _plain(error: ValidationError) -> Iterator[SchemaError]:
    pointer = _pointer(error)
    limit: Any = error.validator_value
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = sorted(cast(dict[str, Any], error.schema).get("properties", {}))
        for key in sorted(set(error.instance) - set(known)):
            message = f"unknown key{nearest(key, known)}"
            yield SchemaError(f"{pointer}/{escaped(key)}", message, "additionalProperties")
        return
    if error.validator == "required" and isinstance(error.instance, dict):
        for key in limit:
            if key not in error.instance:
                yield SchemaError(pointer or "/", f"the key {key!r} is missing", "required")
        return
    yield SchemaError(pointer or "/", _sentence(error, limit), str(error.validator))


def _sentence(error: ValidationError, limit: Any) -> str:
    shown = _short(error.instance)
    match error.validator:
        case "type":
            kinds = limit if isinstance(limit, str) else " or ".join(limit)
            return f"{shown} is not of type {kinds}"
        case "enum":
            hint = nearest(str(error.instance), [str(item) for item in limit])
            return f"{shown} is not one of {', '.join(map(str, limit))}{hint}"
        case "const":
            return f"{shown} is not {_short(limit)}"
        case "maxLength":
            return f"{shown} has {len(str(error.instance))} characters, and {limit} are the most"
        case "minimum" | "exclusiveMinimum":
            word = "less than" if error.validator == "minimum" else "not more than"
            return f"{shown} is {word} {limit}"
        case "maximum" | "exclusiveMaximum":
            word = "more than" if error.validator == "maximum" else "not less than"
            return f"{shown} is {word} {limit}"
        case "maxItems" | "maxProperties":
            return f"{_counted(error.instance)}, and {limit} are the most"
        case "minItems" | "minProperties" | "minLength":
            word = "is" if limit == 1 else "are"
            return f"{_counted(error.instance)}, and at least {limit} {word} needed"
        case "pattern" | "anyOf":
            return _unlike(error, shown)
        case _:
            return error.message[: limits.MAX_MESSAGE_CHARS]


def _unlike(error: ValidationError, shown: str) -> str:
    """In the words that stand beside a rule which alone would tell nobody what to write."""
    place = cast(dict[str, Any], error.schema)
    if wanted := place.get("wanted"):
        return f"{shown} does not fit; wanted: {wanted}"
    described = f" ({place['description']})" if "description" in place else ""
    return f"{error.message[: limits.MAX_MESSAGE_CHARS]}{described}"


def _counted(value: Any) -> str:
    """How much there is of a text, a list or a table; none of it is shown."""
    if not value:
        return "is empty"
    one, several = ("character", "characters") if isinstance(value, str) else ("entry", "entries")
    return f"has {len(value)} {one if len(value) == 1 else several}"


def nearest(word: str, known: list[str]) -> str:
    """` (did you mean …?)` with the known word that is most like this one; empty if none is."""
    close = nearest_word(word, known)
    return f" (did you mean {close!r}?)" if close else ""


def nearest_word(word: str, known: list[str]) -> str:
    """The known word that is most like this one; empty if none is."""
    from difflib import get_close_matches  # for errors only, as jsonschema

    return next(iter(get_close_matches(word, known, n=1, cutoff=0.6)), "")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _pointer(error: ValidationError) -> str:
    return "".join(f"/{escaped(part)}" for part in error.absolute_path)
