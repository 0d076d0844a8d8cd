"""Checks on what was set on the command line: said in the journal, and true of the file.

Whether the milestone allows a key and its value is told where the documents are read (`reading`).
"""

from __future__ import annotations

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.milestone.overrides import applied
from evidence.milestone.parse import document_in
from evidence.results.context import at, journal_at
from evidence.verification.consistency.registry import Evidence, Problems, check, differs
from evidence.verification.problem import CannotCheckError, shown


@check("overrides", "what was set on the command line is in the journal, and true of the file")
def overrides_stated(evidence: Evidence) -> Problems:
    """overrides.json = run-started.overrides, both or neither; `was` of each = the value that
    milestone.toml has at its key, null where it has none; no key twice (records). Exact."""
    documents, events = evidence.documents, evidence.documents.journal
    if not events or events[0].event != "run-started":
        raise CannotCheckError("the journal does not begin with run-started")
    first = events[0]
    told, sealed = first.data.get("overrides", []), encode(documents.overrides)
    place, text = journal_at(first, "data", "overrides"), f"other settings than {layout.OVERRIDES}"
    yield from differs(place, text, _exactly(sealed), _exactly(told))
    made = applied(document_in(evidence.contents[layout.MILESTONE]), documents.overrides)
    for number, (found, said) in enumerate(zip(made.overrides, documents.overrides, strict=True)):
        place = at(layout.OVERRIDES, "overrides", number, "was")
        text = f"another value than {layout.MILESTONE} has for {shown(said.key)}"
        yield from differs(place, text, _exactly(found.was), _exactly(said.was))


def _exactly(value: object) -> str:
    """Its canonical JSON: 1, 1.0 and true are three values."""
    return jsonio.dump_document(encode(value)).decode("utf-8").strip()
