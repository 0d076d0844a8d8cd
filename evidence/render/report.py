"""report.html: the summary as one page for a browser, where each value opens where it comes from.

Responsible for what the page has besides the summary: origins of values, every attempt, further
values, the journal, and the policy that lets nothing run but our own script. The summary's words,
tables and figures come as they are, with the data in marks. Pure: the same evidence gives the same
bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.pack.documents import Documents
from evidence.pack.imported import PackDocuments
from evidence.records.record import Record
from evidence.records.run import JournalEvent, ValueRecord
from evidence.render.lines import Lines
from evidence.render.places import Place, places_of
from evidence.results.attempts import attempts_in
from evidence.results.rules import sentence_of
from evidence.text import formatting
from evidence.text.escape import visible
from evidence.text.hypertext.blocks import body
from evidence.text.markdown import html_line

SHOWN_VALUES: Final = 1000
SHOWN_EVENTS: Final = 300
SHOWN_PLACES: Final = 4
"""Of one value."""
VALUE_CHARS: Final = 300
ADDRESS_CHARS: Final = 200


class Shipped(Record):
    """The parts of the page that are the same for every pack."""

    style: str
    script: str

    @property
    def policy(self) -> str:
        """What the page may do: show itself in its own style, and run our script."""
        return (
            f"default-src 'none'; style-src '{_digest(self.style)}'; "
            f"script-src '{_digest(self.script)}'; base-uri 'none'; form-action 'none'"
        )


def view(
    documents: PackDocuments, summary: str, figures: Mapping[str, str], shipped: Shipped
) -> dict[str, Any]:
    """Names and values for report.html.j2. `summary`: with its data in marks. All is escaped."""
    results = documents.results
    origins = _Origins({} if results is None else results.values)
    parts = body(summary, figures, origins.opened)
    events = documents.journal if isinstance(documents, Documents) else ()
    lines = Lines(documents)
    return {
        "policy": shipped.policy,
        "style": shipped.style,
        "script": shipped.script,
        "page_title": html_line(id_of(documents)) + ": Evidence",
        "folder": html_line(id_of(documents)),
        "body": parts,
        "attempts": list(_attempts(events)),
        **_values({n: one for n, one in origins.values.items() if n not in origins.shown}),
        **_events(events),
        "opened": [
            _opened(number, name, origins.values[name], documents, lines)
            for number, name in enumerate(origins.shown)
        ],
    }


class _Origins:
    """Values that a page shows, each with the place where it opens."""

    def __init__(self, values: Mapping[str, ValueRecord]) -> None:
        self.values = values
        self._named = {visible(name): name for name in values}
        self.shown: dict[str, int] = {}

    def opened(self, name: str) -> str:
        """The id of a value's origin. A value of the run may be named as one of a stage."""
        known = self._named.get(name) or self._named.get(name.partition(".")[2])
        if known is None:
            return ""
        return _origin_id(self.shown.setdefault(known, len(self.shown)))


def _origin_id(number: int) -> str:
    return f"origin-{number}"


def _opened(
    number: int, name: str, record: ValueRecord, documents: PackDocuments, lines: Lines
) -> dict[str, Any]:
    found = places_of(record.address)
    return {
        "id": _origin_id(number),
        "name": html_line(name),
        "value": _value(record),
        "unit": _unit(record),
        "level": html_line(record.level),
        "rule": html_line(record.rule),
        "formula": html_line(sentence_of(record.rule)),
        "places": [_place(_with_lines(one, lines), documents) for one in found[:SHOWN_PLACES]]
        + ([_more(len(found) - SHOWN_PLACES)] if len(found) > SHOWN_PLACES else []),
    }


def _with_lines(one: Place, lines: Lines) -> Place:
    """The place with the lines of its pointer, where the address names none and they are known."""
    if one.first:
        return one
    first, last = lines.of(one.path, one.pointer)
    return Place(one.path, first, last, one.pointer)


def _place(one: Place, documents: PackDocuments) -> dict[str, str]:
    path = html_line(one.path, ADDRESS_CHARS)
    is_there = one.path in documents.digests and layout.SEALED_PATH.fullmatch(one.path)
    lines = f", line {html_line(one.first)}" if one.first else ""
    return {
        "file": f'<a href="{path}">{path}</a>' if is_there else path,
        "lines": f"{lines} to {html_line(one.last)}" if one.last != one.first else lines,
        "pointer": f", <code>{html_line(one.pointer, ADDRESS_CHARS)}</code>" if one.pointer else "",
    }


def _more(count: int) -> dict[str, str]:
    return {"file": formatting.plural(count, "more place"), "lines": "", "pointer": ""}


def _values(values: Mapping[str, ValueRecord]) -> dict[str, Any]:
    left = len(values) - SHOWN_VALUES
    return {
        "num_values": formatting.plural(len(values), "value"),
        "values_left_out": f", but for {formatting.count(left)} of them" if left > 0 else "",
        "values": [
            {
                "name": f"<code>{html_line(name)}</code>",
                "value": _value(record),
                "unit": _unit(record),
                "level": html_line(record.level),
                "rule": html_line(record.rule),
                "address": f"<code>{html_line(record.address, ADDRESS_CHARS)}</code>",
            }
            for name, record in sorted(values.items())[:SHOWN_VALUES]
        ],
    }


def _unit(record: ValueRecord) -> str:
    return f" {html_line(record.unit)}" if record.unit and record.value is not None else ""


def _value(record: ValueRecord) -> str:
    if record.value is None:
        return f"not measured: {html_line(record.unavailable or 'no reason recorded', VALUE_CHARS)}"
    if isinstance(record.value, str):
        return html_line(record.value, VALUE_CHARS)
    return html_line(jsonio.dump_text(record.value))


def _attempts(events: Sequence[JournalEvent]) -> Iterator[dict[str, str]]:
    """Each attempt that the journal tells of, and what became of it."""
    for number, one in enumerate(attempts_in(events), 1):
        yield {
            "number": formatting.count(number),
            "name": html_line(one.name),
            "outcome": html_line(
                str(one.end.get("outcome", "no end is recorded")).replace("-", " ")
            ),
            "reason": html_line(str(one.end.get("reason") or "–"), VALUE_CHARS),
            "seconds": _seconds(one.end.get("duration_s")),
        }


def _seconds(value: object) -> str:
    return formatting.fixed(value, 1) if isinstance(value, (int, float)) else "–"


def _events(events: Sequence[JournalEvent]) -> dict[str, Any]:
    left = len(events) - SHOWN_EVENTS
    return {
        "num_events": formatting.plural(len(events), "event"),
        "events_left_out": f"; {formatting.count(left)} later ones are only there"
        if left > 0
        else "",
        "events": [
            {
                "line": formatting.count(line),
                "utc": html_line(one.utc),
                "event": html_line(one.event.replace("-", " ")),
                "attempt": html_line(one.attempt or "–"),
            }
            for line, one in enumerate(events[:SHOWN_EVENTS], 1)
        ],
    }


def id_of(documents: PackDocuments) -> str:
    """The milestone that a pack is of."""
    if isinstance(documents, Documents):
        return documents.milestone.id
    return documents.manifest.milestone


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()
