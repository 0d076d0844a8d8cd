"""Verdicts on files, digests, dates, quotations, and on what is said to be unchanged.

Responsible for statements about the evidence itself. A file that is not there is promised and
missing, which is no lie: it may lie elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from typing import Final

from evidence.audit.claims import Claim, Judged
from evidence.audit.shelf import Shelf
from evidence.audit.spans import squeezed, stands_in
from evidence.foreign import decoding, lines
from evidence.foreign.decoding import Decoding
from evidence.foreign.facts import Place, Source

MAX_SEARCHED_BYTES: Final = 64 << 20
"""Of all texts together, for quotations."""
MAX_COPY_BYTES: Final = 32 << 20
_HEX: Final = re.compile(r"[0-9a-f]{7,64}")
_DATE: Final = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")


class Files:
    """The files of the evidence, to be asked about as files."""

    def __init__(self, root: Path, sources: Sequence[Source], documents: frozenset[str]) -> None:
        self._root = root
        self._sources = tuple(sources)
        self._documents = documents
        self._copies: dict[str, Source] | None = None

    def judge_file(self, claim: Claim) -> Judged:
        """A file or folder that a page promises."""
        wanted = claim.value.strip("./").replace("\\", "/")
        name = PurePosixPath(wanted).name
        for source in self._sources:
            path = source.path
            inside = path.startswith(f"{wanted}/") or f"/{wanted}/" in path
            if (
                path == wanted
                or path.endswith(f"/{wanted}")
                or wanted.endswith(f"/{path}")
                or inside
            ):
                message = "" if not inside else "a folder of the evidence"
                return Judged(claim, "supported", message, "", (Place(path),))
        if name in self._documents:
            return Judged(claim, "supported", "is the document itself", "")
        return Judged(claim, "unsupported", "no such file is among the evidence")

    def judge_digest(self, claim: Claim, shelf: Shelf) -> Judged:
        """A digest or a commit."""
        wanted = claim.value.lower()
        for source in self._sources:
            for digest, message in (
                (source.sha256, ""),
                (source.text_sha256 or "", "of the same text with LF line ends"),
            ):
                if digest.startswith(wanted):
                    return Judged(claim, "supported", message, "", (Place(source.path),))
        known = shelf.hex_with(wanted)
        if known is not None:
            return Judged(claim, "supported", f"stands there as {known.name}", "", known.places)
        copy = self._copy_with(wanted) if len(wanted) == 64 else None
        if copy is not None:
            message = "of the same text with CRLF line ends"
            return Judged(claim, "supported", message, "", (Place(copy.path),))
        commits = [
            one
            for one in shelf.measure("commit").all
            if _is_hex(one.text) and not one.meaning.rest and not wanted.startswith(one.text)
        ]
        if claim.meaning.measure == "commit" and commits and not claim.meaning.rest:
            shown = commits[0].text
            message = f"the evidence has commit {shown}"
            return Judged(claim, "contradicted", message, shown, commits[0].places)
        return self._of_named_file(claim, shelf)

    def _of_named_file(self, claim: Claim, shelf: Shelf) -> Judged:
        words = claim.label
        for source in self._sources:
            pointed = any(("file", source.path) in one.keys for one in shelf.measure("sha256").all)
            if stands_in(source.path, words, "_/-") and not pointed:
                message = f"{source.path} is another file now: its SHA-256 is {source.sha256}"
                place = Place(source.path)
                if len(claim.value) == 64:
                    return Judged(claim, "contradicted", message, source.sha256, (place,))
        return Judged(claim, "unsupported", "no file of the evidence has this digest")

    def _copy_with(self, wanted: str) -> Source | None:
        """The text file whose copy with CRLF line ends has the digest."""
        if self._copies is None:
            self._copies = {}
            for source in self._sources:
                if source.encoding == "utf-8" and source.size_bytes <= MAX_COPY_BYTES:
                    data = (self._root / source.path).read_bytes()
                    crlf = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
                    self._copies[hashlib.sha256(crlf).hexdigest()] = source
        return self._copies.get(wanted)

    def judge_quotations(self, claims: Sequence[Claim]) -> Iterator[Judged]:
        """What a page quotes, looked for in every text."""
        wanted = {index: squeezed(claim.value.strip("\"“”'")) for index, claim in enumerate(claims)}
        found: dict[int, Place] = {}
        searched = 0
        for source in self._sources if wanted else ():
            if source.encoding is None or searched + source.size_bytes > MAX_SEARCHED_BYTES:
                continue
            searched += source.size_bytes
            self._search(source, wanted, found)
        for index, claim in enumerate(claims):
            if index in found:
                yield Judged(claim, "supported", "", "", (found[index],))
            else:
                yield Judged(claim, "unsupported", "these words stand in no text of the evidence")

    def _search(self, source: Source, wanted: dict[int, str], found: dict[int, Place]) -> None:
        how = Decoding(source.encoding or "utf-8", "", is_exact=False)
        for line in lines.lines(decoding.opened(self._root / source.path, how)):
            shown = squeezed(line.text)
            for index, words in wanted.items():
                if index not in found and words in shown:
                    found[index] = Place(source.path, line.number)


def judge_date(claim: Claim, shelf: Shelf) -> Judged:
    """A day, held against the days that the files name. A page may be of a later day."""
    claimed = _day(claim.value)
    dated = [(day, one) for one in shelf.dated() if (day := _day(one.text)) is not None]
    if claimed is None or not dated:
        return Judged(claim, "unsupported", "no file says when")
    near = next((one for day, one in dated if day == claimed), None)
    if near is not None:
        return Judged(claim, "supported", "", "", near.places)
    runs = [(day, one) for one in shelf.dated_runs() if (day := _day(one.text)) is not None]
    first, known = min(runs or dated, key=lambda pair: pair[0])
    if (
        runs
        and claimed < first - timedelta(days=1)
        and claim.meaning.measure == "date"
        and not claim.hedge
    ):
        message = f"the evidence begins on {first}"
        return Judged(claim, "contradicted", message, str(first), known.places)
    return Judged(claim, "unsupported", f"no file names this day; the first is {first}")


def _day(text: str) -> date | None:
    found = _DATE.search(text)
    try:
        return None if found is None else date(*(int(part) for part in found.groups()))
    except ValueError:
        return None


def judge_unchanged(claim: Claim) -> Judged:
    """Only two digests could tell."""
    return Judged(
        claim,
        "not-checked",
        "that something stayed as it was follows only from its digests before and after",
    )


def _is_hex(text: str) -> bool:
    return _HEX.fullmatch(text.strip().lower()) is not None
