"""What the summary says of rows that are withheld, and what it must not show of them.

Responsible for rendering from the same documents whether the rows are at hand or not: the author's
summary is the published one.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from evidence import layout
from evidence.pack.documents import Documents
from evidence.text import formatting, marked


def without_rows(documents: Documents) -> Documents:
    """The documents as if no rows were there, where the milestone withholds them."""
    if not documents.milestone.publish.withhold_rows:
        return documents
    return replace(documents, of_stages={**documents.of_stages, layout.PREDICTIONS: ()})


def view(documents: Documents) -> dict[str, Any]:
    """Names for summary.md.j2: how many rows are committed to, and in which files."""
    committed = () if documents.commitments is None else documents.commitments.files
    return {
        "withheld_rows": formatting.plural(
            sum(one.num_rows for one in committed), "row is", "rows are"
        )
        if committed
        else "",
        "withheld_files": ", ".join(marked.code(one.path) for one in committed),
    }
