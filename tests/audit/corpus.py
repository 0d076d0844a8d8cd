"""What a text of the corpus is: a page over evidence, and edits by which it becomes false."""

from __future__ import annotations

from evidence.records.record import Record

ACCUSED = frozenset(("contradicted", "mislabelled"))


class Edit(Record):
    """One change of a page after which a claim is false, and the place that shows it."""

    old: str
    """Stands once in the page."""
    new: str
    file: str
    """Of the evidence; a part of the path is enough, empty where nothing can be named."""
    mark: str = ""
    """Words of the line that shows it, or an address that begins with `/`."""
    verdicts: frozenset[str] = ACCUSED


class Text(Record):
    """A page in one form over evidence in another."""

    name: str
    evidence: dict[str, bytes]
    page: str
    edits: tuple[Edit, ...]
    document: str = "page.md"
    """The name of the page, whose ending says what it is."""


MISSING = frozenset(("contradicted", "mislabelled", "unsupported"))
"""Of a file that is promised: it may lie elsewhere, so that it is missing and no lie."""
