"""A document to claims, whatever it is written in: markdown, JSON, CSV, TSV.

Responsible for choosing by the name of the document, and for limits. A listing in a page and the
front matter of a model card are read as files of their form would be.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence.audit.claims import Claim
from evidence.audit.pages import Front, Listing, Prose, Table, blocks
from evidence.audit.prose_claims import of_prose
from evidence.audit.spans import Lines
from evidence.audit.table_claims import of_table
from evidence.audit.values import Named, claims_of
from evidence.errors import UsageError
from evidence.foreign import decoding, documents, reading
from evidence.foreign.facts import Fact
from evidence.foreign.lines import Line
from evidence.foreign.logs import Log

MAX_DOCUMENT_BYTES: Final = 2 << 20
MAX_CLAIMS: Final = 20_000
_STRUCTURED: Final = (".json", ".jsonl", ".csv", ".tsv")
_LOGS: Final = ("", "text", "txt", "log", "console", "output", "json", "yaml", "python-console")
_KEYS: Final = ("seed", "epoch", "fold")
_NAMES: Final = ("name", "type", "task", "metric", "model", "dataset", "split", "config", "seed")


def claims_in(path: Path, name: str) -> tuple[tuple[Claim, ...], tuple[str, ...]]:
    """Every claim of a document, and what of it was not read. Raises UsageError where it cannot
    be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{name} is no plain file", hint="Give the path of a document.")
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise UsageError(
                f"{name} has more than {MAX_DOCUMENT_BYTES >> 20} MiB",
                hint="Audit the page itself; what is as large as a log is evidence.",
            )
        if path.suffix.lower() in _STRUCTURED:
            return _limited(_structured(path, name), [])
        with path.open("rb") as stream:
            known = decoding.digest(stream)
            if known.decoding is None:
                raise UsageError(f"{name} is no text", hint="Audit markdown, JSON, CSV or TSV.")
            with decoding.again(stream, known.decoding) as text:
                page = text.read().replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise UsageError(
            f"{name} cannot be read: {error.strerror}", hint="Give the path of a document."
        ) from error
    lines = Lines(page)
    return _limited(of_page(page, name, lines), lines.left_out)


def _limited(
    found: Iterator[Claim], left_out: list[str]
) -> tuple[tuple[Claim, ...], tuple[str, ...]]:
    claims = tuple(islice(found, MAX_CLAIMS))
    if next(found, None) is not None:
        left_out.append(f"claims beyond the first {MAX_CLAIMS} are not read")
    return claims, tuple(left_out)


def of_page(page: str, name: str, lines: Lines | None = None) -> Iterator[Claim]:
    """Every claim of a page in markdown."""
    lines = Lines(page) if lines is None else lines
    has_front = False
    for block in blocks(page):
        match block:
            case Table():
                yield from of_table(block, name, lines)
            case Prose():
                yield from of_prose(block, name, lines)
            case Listing():
                yield from _listing(block, name, lines)
            case Front():
                has_front = True
                facts = documents.facts(block.value, name, "document")
                yield from (_placed(one, lines) for one in _of_facts(facts, name, block.line))
    if page.startswith("---\n") and "\n---" in page[3:] and not has_front:
        lines.left_out.append(
            "what stands at its head between lines of --- is no YAML, and not read"
        )


def _placed(claim: Claim, lines: Lines) -> Claim:
    """With the first line of the front matter that has its value."""
    line = lines.first_with(claim.value, claim.line)
    return replace(claim, line=line, column=lines.column(line, claim.value))


def _listing(block: Listing, name: str, lines: Lines) -> Iterator[Claim]:
    """What was printed, as it was printed; programs and commands claim nothing."""
    if block.language.split(" ")[0] not in _LOGS:
        return
    numbered = [Line(block.line + at, text) for at, text in enumerate(block.lines)]
    for fact in Log(numbered, name).facts():
        line = fact.place.line or block.line
        column = lines.column(line, fact.text)
        yield from _of_fact(fact, name, line, column, "", headings=block.headings[-2:])


def _structured(path: Path, name: str) -> Iterator[Claim]:
    source = reading.file(path, name)
    if not source.facts:
        why = source.notes[0] if source.notes else "nothing in it is a value under a name"
        hint = "Give a document that can be parsed, or its page in markdown."
        raise UsageError(f"{name} cannot be read: {why}", hint=hint)
    yield from _of_facts(source.facts, name, 1)


def _of_facts(facts: Iterable[Fact], name: str, line: int) -> Iterator[Claim]:
    """Names of tasks and the like in the same row or object say what its numbers are of."""
    kept = list(islice(facts, MAX_CLAIMS))
    groups: dict[tuple[object, ...], list[Fact]] = {}
    for fact in kept:
        groups.setdefault(_group(fact), []).append(fact)
    for group in groups.values():
        words = " ".join(
            str(one.value)
            for one in group
            if one.name.lower() in _NAMES and isinstance(one.value, str) and len(one.value) < 60
        )
        keys = tuple(
            (one.name.lower(), one.text.strip())
            for one in group
            if one.name.lower() in _KEYS and isinstance(one.value, int)
        )
        for fact in group:
            if fact.name.lower() not in _NAMES or not isinstance(fact.value, str):
                yield from _of_fact(fact, name, fact.place.line or line, 1, words, keys)


def _group(fact: Fact) -> tuple[object, ...]:
    if fact.row is not None and not fact.place.address.startswith("/"):
        return (fact.row,)
    return ("", fact.place.address.rpartition("/")[0])


def _of_fact(
    fact: Fact,
    name: str,
    line: int,
    column: int,
    words: str,
    keys: tuple[tuple[str, str], ...] = (),
    headings: tuple[str, ...] = (),
) -> Iterator[Claim]:
    if fact.name.lower() in _KEYS and keys:
        return
    if fact.step is not None:
        keys = (("step", str(fact.step)),)
        if fact.value == fact.step:
            return
    is_bare = fact.name.lower() in ("value", "score") and bool(words)
    scope = "" if is_bare else " ".join(one for one in fact.scope[-2:] if not one.isdigit())
    label = words if is_bare else fact.name
    subject = scope if is_bare else f"{scope} {words}".strip()
    named = Named(name, line, column, label, keys, fact.place.address, subject)
    named = replace(named, headings=headings)
    yield from claims_of(named, fact.text)
