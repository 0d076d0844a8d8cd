"""Where a number of a pack comes from: value, address, lines, rule, and the check that guards it.

Responsible for following addresses (`path#L10-L20/pointer`) into the sealed bytes. Reads a pack
through verify only; prints nothing.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TypeAlias

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.pointer import parts_of
from evidence.errors import PackBrokenError, RowsWithheldError, UsageError
from evidence.pack.imported import Imported
from evidence.records.record import Record
from evidence.records.run import ValueRecord
from evidence.results.context import level_at
from evidence.results.rules import RULES, sentence_of
from evidence.stages.registry import is_document
from evidence.verification.verification import CheckedPack, SealedPack, load_sealed

Opened: TypeAlias = SealedPack | CheckedPack
"""A pack that verify has let through, whole or with its sealed set alone."""

_ADDRESS: Final = re.compile(
    r"(?P<path>[A-Za-z0-9._/-]+)"
    r"#(?:L(?P<first>[0-9]{1,9})(?:-L(?P<last>[0-9]{1,9}))?)?(?P<pointer>(?:/[^/]+)*)"
)
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_MARK: Final = "\x02here\x02"
_MAX_SHOWN: Final = 3
_MAX_NAME_CHARS: Final = 300


class Place(Record):
    """One line of a sealed file and what stands there. `line` counts from 1; 0: no line."""

    path: str
    line: int
    pointer: str
    shown: str


class Explanation(Record):
    """A value and the way to it."""

    name: str
    value: str
    unit: str
    level: str
    """How the value, or what stands at the address, is known."""
    rule: str
    rule_text: str
    address: str
    places: tuple[Place, ...]
    num_more: int
    """Lines that belong to it too and are not among `places`."""
    checks: tuple[str, ...]
    """Checks of verify that would fail if it were changed."""


def explain(pack: Path, asked: str) -> Explanation:
    """Explain a value by its name, or an address.

    Raises UsageError for a name that is not there, and for what is no address in this pack;
    PackBrokenError or UnsafePackError for a pack that is not whole, or whose results name an
    address where there is nothing.
    """
    return explain_in(load_sealed(pack), asked)


def explain_in(sealed: Opened, asked: str) -> Explanation:
    """The same of a pack that was opened already. Raises as `explain` does."""
    if "#" in asked:
        places, more = _follow(sealed, asked)
        return Explanation(
            asked, places[0].shown if places else "", "", level_at(asked), "as-recorded",
            RULES["as-recorded"], asked, places, more, ("digests",),
        )  # fmt: skip
    record = value_in(sealed, asked)
    try:
        if record.value is None:
            places, more = _around(sealed, record.address)
        else:
            places, more = _follow(sealed, record.address)
    except UsageError as error:
        _refuse_withheld(sealed, asked, record)
        text = f"{layout.RESULTS}: the address of {asked} leads nowhere: {error.message}"
        raise PackBrokenError(
            text, hint=f"evidence verify {sealed.path} lists everything."
        ) from error
    return Explanation(
        name=asked,
        value=f"not measured: {record.unavailable}"
        if record.value is None
        else jsonio.dump_text(record.value),
        unit=record.unit,
        rule=record.rule,
        level=record.level,
        rule_text=sentence_of(record.rule),
        address=record.address,
        places=places,
        num_more=more,
        checks=("digests", _results_check(sealed), "rendered-bytes"),
    )


def _refuse_withheld(sealed: Opened, asked: str, record: ValueRecord) -> None:
    """That rows are not in this copy is no fault of the pack."""
    paths = (part.partition("#")[0] for part in record.address.split(" + "))
    documents = sealed.documents
    if not isinstance(documents, Imported) and any(map(documents.lacks, paths)):
        raise RowsWithheldError(
            f"{asked} is {jsonio.dump_text(record.value)} as it was sealed, and follows from rows "
            "that are withheld from this copy: it cannot be followed, and is not checked",
            hint="The author's own pack has them; `evidence disclose` shows single ones.",
        )


def _results_check(sealed: Opened) -> str:
    return "imported-results" if isinstance(sealed.documents, Imported) else "results"


def value_in(sealed: Opened, name: str) -> ValueRecord:
    """The value of this name. Raises UsageError, with the nearest names, where there is none."""
    results = sealed.documents.results
    values = {} if results is None else results.values
    if name in values:
        return values[name]
    close = get_close_matches(name[:_MAX_NAME_CHARS], values, n=3, cutoff=0.4)
    raise UsageError(
        f"there is no value {name[:_MAX_NAME_CHARS]!r} in {layout.RESULTS}",
        hint=f"Close: {', '.join(close)}." if close else f"All names are in {layout.RESULTS}.",
    )


def _around(sealed: Opened, address: str) -> tuple[tuple[Place, ...], int]:
    """Where a value would stand that was not measured, or what stands there instead: the nearest
    thing around it that is there. Nothing of a file that such a pack does not have."""
    places: list[Place] = []
    more = 0
    for part in filter(None, address.split(" + ")):
        path, mark, inside = part.partition("#")
        if path not in sealed.documents.digests:
            continue
        lines, _, pointer = inside.partition("/")
        pointer = f"/{pointer}" if pointer else ""
        while True:
            try:
                found, further = _follow(sealed, f"{path}{mark}{lines}{pointer}")
            except UsageError:
                if not pointer:
                    break
                pointer = pointer.rpartition("/")[0]
                continue
            places += found
            more += further
            break
    return tuple(places), more


def _follow(sealed: Opened, address: str) -> tuple[tuple[Place, ...], int]:
    places: list[Place] = []
    more = 0
    for part in filter(None, address.split(" + ")):
        match = _ADDRESS.fullmatch(part)
        if part in sealed.documents.digests:  # the whole of a file
            places.append(Place(part, 0, "", ""))
            continue
        if match is not None and isinstance(sealed.documents, Imported):
            place = _in_original(sealed, sealed.documents, part, match)
            if place is not None:
                places.append(place)
                continue
        if match is None or match["path"] not in sealed.documents.digests:
            raise UsageError(f"{part[:_MAX_NAME_CHARS]!r} is no address in this pack")
        path, pointer = match["path"], match["pointer"]
        if not is_document(path):
            continue
        if match["first"] is None:
            places.append(_in_document(path, pointer, _read(sealed, path)))
            continue
        first, last = int(match["first"]), int(match["last"] or match["first"])
        if not (path.endswith(".jsonl") and 0 < first <= last):
            raise UsageError(f"{part!r} is no address in this pack: there are no such lines")
        lines = range(first, last + 1)
        chosen = lines if len(lines) <= _MAX_SHOWN else [first, first + 1, last]
        more += len(lines) - len(chosen)
        places += _in_rows(path, chosen, pointer, _read(sealed, path))
    return tuple(places), more


def _in_original(
    sealed: Opened, documents: Imported, address: str, match: re.Match[str]
) -> Place | None:
    """The place in a file as it was found; None for a document of the pack."""
    path, line = match["path"], int(match["first"] or 0)
    if not layout.is_original(path):
        return None
    from evidence.explain.originals import shown_at  # readers of all kinds of files

    shown = shown_at(sealed.path, documents, path, address)
    return Place(path, line, match["pointer"], shown)


def _read(sealed: Opened, path: str) -> bytes:
    try:
        return (sealed.path / path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read in this copy: {error.strerror}") from error


def _in_rows(path: str, numbers: Sequence[int], pointer: str, data: bytes) -> Iterator[Place]:
    """What stands in these lines, which are in order."""
    lines = enumerate(BytesIO(data), 1)
    for number in numbers:
        line = next((text for at, text in lines if at == number), None)
        if line is None:
            raise UsageError(f"{path} has no line {number}")
        yield Place(path, number, pointer, _shown(_at(jsonio.load_document(line), pointer)))


def _in_document(path: str, pointer: str, data: bytes) -> Place:
    if not path.endswith(".json"):
        return Place(path, 0, pointer, "")
    document = jsonio.load_document(data)
    shown = _shown(_at(document, pointer))
    return Place(path, _line_of(document, pointer), pointer, shown)


def _line_of(document: Any, pointer: str) -> int:
    """Line of what a pointer leads to, in the canonical text: where a mark put there comes out."""
    if not pointer:
        return 1
    marked = copy.deepcopy(document)
    above, _, last = pointer.rpartition("/")
    inner = _at(marked, above)
    inner[int(last) if isinstance(inner, list) else parts_of(f"/{last}")[0]] = _MARK
    text = jsonio.dump_document(marked).decode("utf-8")
    place = text.find(jsonio.dump_text(_MARK))
    return text.count("\n", 0, place) + 1 if place >= 0 else 1


def _at(document: Any, pointer: str) -> Any:
    for part in parts_of(pointer):
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and _INDEX.fullmatch(part) and int(part) < len(document):
            document = document[int(part)]
        else:
            raise UsageError(f"there is nothing at {pointer[:_MAX_NAME_CHARS]}")
    return document


def _shown(value: Any) -> str:
    text = jsonio.dump_text(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
