"""The author's words: names filled in, markdown kept, everything else neutralised."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from evidence import prose
from evidence.errors import MalformedError, PastLimitError
from evidence.pack.documents import Documents
from evidence.render.values import Node, Sheet, formatted, number_of
from evidence.text import formatting, marked, templating

_MAX_PLACES: Final = 12
_MAX_UNSUPPORTED: Final = 25


def filled(source: str, sheet: Sheet, *, quoted: bool = False, item: int = 0) -> str:
    """One narrative text, as a quotation or as an item of a list; empty for an empty one.

    A text that cannot be filled in is shown as it stands, with the reason: a summary is rendered
    after hours of work, and a misspelt name in it must not lose them.
    """
    if not source.strip():
        return ""
    try:
        text = templating.render(_compiled(source), sheet.names)
    except MalformedError as error:
        reason = marked.inline(error.message)
        begin = f"{item}. " if item else ""
        return (
            f"{begin}⚠️ *This text of the milestone could not be filled in ({reason}). It reads:*"
            f"\n\n{marked.verbatim(source, len(begin))}"
        )
    return marked.quoted(text) if quoted else marked.words(text, item)


def refuse_bad_narrative(source: str) -> None:
    """Raise MalformedError, with the line, for a narrative text that could not be filled in."""
    _compiled(source)


@lru_cache(maxsize=32)
def _compiled(source: str) -> templating.Template:
    """Milestones of one project share most of their words, and packs are judged by the hundred."""
    return templating.compile_plain(source, _FILTERS)


def unsupported_measurements(documents: Documents) -> list[tuple[str, str]]:
    """Measurements in the words that the evidence does not support, each with a remark.

    Markdown. A reader must be able to tell them from the numbers that have an address.
    """
    rows: list[tuple[str, str]] = []
    try:
        for _, unsupported in prose.unsupported_in_pack(documents):
            rows.append((marked.code(unsupported.literal.text), _remark(unsupported)))
            if len(rows) == _MAX_UNSUPPORTED:
                break
    except PastLimitError as error:
        return [("…", f"not checked: the words hold {error.message}")]
    if len(rows) == _MAX_UNSUPPORTED:
        rows.append(("…", "and perhaps more; `evidence verify` goes on"))
    return rows


def _remark(unsupported: prose.UnsupportedLiteral) -> str:
    if unsupported.actual is not None:
        measured = formatting.significant(unsupported.actual)
        return f"❌ the evidence says {measured} ({marked.code(unsupported.name)})"
    if unsupported.reason:
        return f"declared by the author: {marked.inline(unsupported.reason)}"
    return "⚠️ typed by hand, no reason given"


def _fixed(value: Any, places: Any = 2) -> str:
    """`{{ train.loss_end | fixed(3) }}`: a number with so many digits after the point."""
    if not isinstance(places, int) or not 0 <= places <= _MAX_PLACES:
        raise MalformedError(f"template error: fixed() takes 0 to {_MAX_PLACES} places")
    number = number_of(value)
    return str(value) if number is None else formatting.fixed(number, places)


def _as(value: Any, form: Any = "") -> str:
    """`{{ train.padding_share | as("percent") }}`: a value in a named format."""
    return formatted(value, str(form)) if isinstance(value, Node) else str(value)


_FILTERS: Final = {"fixed": _fixed, "as": _as}
