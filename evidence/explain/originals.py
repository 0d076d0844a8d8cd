"""Where a value of an imported pack stands in an original: the line, and what is written there.

Responsible for reading the original as import did. What the value means is `explain`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evidence.errors import UsageError
from evidence.foreign import reading
from evidence.foreign.facts import Fact
from evidence.pack.imported import Imported
from evidence.results.imported.places import address_of
from evidence.text.formatting import plural

MAX_TEXT_CHARS = 100


def shown_at(pack: Path, documents: Imported, path: str, address: str) -> str:
    """What is written at an address of an original, as its reader found it there.

    Raises UsageError where nothing was read at that place.
    """
    entry = next((one for one in documents.sources.files if one.path == path), None)
    if entry is None:
        raise UsageError(f"{path} is no original of this pack")
    try:
        source = reading.file(pack / path, path, found_as=entry.found_as or path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read in this copy: {error.strerror}") from error
    found = [fact for fact in source.facts if address_of(fact) == address]
    if found:
        return _cut(found[-1].text)
    return _of_lines(source.facts, address)


def _of_lines(facts: Sequence[Fact], address: str) -> str:
    """Of an address of lines: how many values were read there."""
    lines, _, pointer = address.partition("#")[2].partition("/")
    if not lines and not pointer:
        return ""  # the file as a whole
    first, _, last = lines.replace("L", "").partition("-")
    if pointer or not first.isdigit() or not (last or first).isdigit():
        raise UsageError(f"nothing was read at {address[:200]}")
    low, high = int(first), int(last or first)
    count = sum(fact.place.line is not None and low <= fact.place.line <= high for fact in facts)
    if not count:
        raise UsageError(f"nothing was read at {address[:200]}")
    return plural(count, "value")


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[: MAX_TEXT_CHARS - 3]}..."
