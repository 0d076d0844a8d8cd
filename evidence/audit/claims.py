"""A claim: one statement of a text that evidence can bear out or contradict."""

from __future__ import annotations

from typing import Literal, TypeAlias

from evidence.audit.meaning import Meaning
from evidence.audit.quantities import Quantity
from evidence.foreign.facts import Place
from evidence.records.record import Record

Kind: TypeAlias = Literal[
    "number",
    "statistic",
    "difference",
    "identity",
    "file",
    "size",
    "digest",
    "date",
    "quotation",
    "unchanged",
]
Verdict: TypeAlias = Literal[
    "supported", "contradicted", "mislabelled", "unsupported", "not-checked"
]


class Claim(Record):
    """What a text says at one place."""

    document: str
    line: int
    column: int
    kind: Kind
    text: str
    """With the words that name it, as they stand."""
    value: str
    """What is claimed, as it is written."""
    label: str
    """The words that name it."""
    meaning: Meaning
    quantity: Quantity | None = None
    keys: tuple[tuple[str, str], ...] = ()
    """What row it is of: `("step", "130")`."""
    context: str = ""
    """The sentence or headings that it stands in."""
    is_certain: bool = True
    """Whether its name stands beside it, as in a table; else it was found by the words around."""
    above: tuple[frozenset[str], ...] = ()
    """Such words of each heading above it."""
    headings: tuple[str, ...] = ()
    """Those headings as they stand, and the sentence that leads to a table or a list."""
    subject: str = ""
    """The cell that names its row; empty outside of tables."""
    header: str = ""
    """The cell that names its column."""
    before: str = ""
    after: str = ""
    """Of its sentence or line, what stands before the value and behind it."""
    around: frozenset[str] = frozenset()
    """Words of its sentence and of what stands above it, by which it may be of another thing."""
    hedge: str = ""
    """The word by which it speaks of something else than what was run; empty where none does."""


class Judged(Record):
    """A claim with what the evidence says of it."""

    claim: Claim
    verdict: Verdict
    message: str
    expected: str = ""
    """What the evidence says instead; empty where it says nothing else."""
    places: tuple[Place, ...] = ()
