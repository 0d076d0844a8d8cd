"""Values and addresses of facts: where a number stands, and as it is written there.

An address is `original/FILE#L10/name` in lines and `original/FILE#/pointer` in a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from evidence.encoding.pointer import escaped
from evidence.foreign.digits import LARGEST
from evidence.foreign.facts import Fact
from evidence.records.run import ValueRecord
from evidence.results.context import AS_RECORDED, Value, join, known, unknown

IMPLIED: Final = "implied-count"
JOINER: Final = " + "
MAX_POINTER_CHARS: Final = 1_000
MAX_SHOWN_CHARS: Final = 120


def address_of(fact: Fact) -> str:
    """Where a fact stands."""
    place = fact.place
    line = "" if place.line is None else f"L{place.line}"
    pointer = place.address or escaped(fact.name)
    pointer = pointer if pointer.startswith("/") else f"/{pointer}"
    is_odd = JOINER in pointer or pointer == "/" or len(pointer) > MAX_POINTER_CHARS
    return clean(f"{place.file}#{line}{'' if is_odd else pointer}")


def clean(text: str) -> str:
    """The same text as a document of a pack can hold it: half a pair of UTF-16 becomes `?`."""
    return text.encode("utf-8", "replace").decode("utf-8")


def addresses_of(facts: Sequence[Fact]) -> str:
    """Where several facts stand."""
    return join(*dict.fromkeys(map(address_of, facts)))


def value_of(fact: Fact, unit: str = "", rule: str = AS_RECORDED) -> ValueRecord:
    """A fact as a value; of a number the digits are kept."""
    if fact.value is None:
        return not_said("the file has no value there", unit, [fact])
    if isinstance(fact.value, int) and abs(fact.value) >= LARGEST:
        return not_said("the number there is larger than any that is computed with", unit, [fact])
    value = clean(fact.value) if isinstance(fact.value, str) else fact.value
    record = known(value, unit, address_of(fact), rule)
    is_number = isinstance(fact.value, (int, float)) and not isinstance(fact.value, bool)
    return replace(record, shown=clean(fact.text[:MAX_SHOWN_CHARS])) if is_number else record


def not_said(reason: str, unit: str = "", facts: Sequence[Fact] = ()) -> ValueRecord:
    """A value that the files do not give, and why."""
    return replace(unknown(reason, unit, addresses_of(facts)), level="parsed")


def made_of(
    value: Value, facts: Sequence[Fact], rule: str, unit: str = "", shown: str | None = None
) -> ValueRecord:
    """A value that follows from facts by a rule."""
    said = clean(value) if isinstance(value, str) else value
    return replace(known(said, unit, addresses_of(facts), rule), shown=shown)
