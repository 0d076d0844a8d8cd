"""What became of a run, in one line: why it failed, or which required gates are open.

Responsible for a line that is there for every pack that can be read, a stranger's too.
"""

from __future__ import annotations

from evidence.pack import lost
from evidence.pack.documents import Documents
from evidence.text import endings
from evidence.text.escape import one_line
from evidence.verification.ledger import BAD_VALUE_ERRORS
from evidence.verification.unfinished import MAX_SENTENCE_CHARS


def happened_in(documents: Documents) -> str:
    """Of a pack that is honest and has not all that was asked for; empty where a stranger's events
    are so odd that no sentence can be made of them."""
    try:
        return one_line(_ending(documents), MAX_SENTENCE_CHARS)
    except BAD_VALUE_ERRORS:
        return ""  # damaged-files broke on them too, and said so


def _ending(documents: Documents) -> str:
    if documents.manifest is not None and documents.manifest.status == "failed":
        return endings.of_failed_run(documents.outcomes, lost.damaged_in(documents.journal))
    return endings.of_open_gates(() if documents.results is None else documents.results.gates)
