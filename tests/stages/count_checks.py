"""What must hold of counts.json."""

from __future__ import annotations

from evidence.verification.consistency.registry import Evidence, Problems, check, differs, need
from tests.stages.count import COUNT, COUNTS


@check("counts", "the words of the rows add up to those of the data set", kind=COUNT.name)
def counts(evidence: Evidence) -> Problems:
    """num_words = sum of words_of_rows; one number a row of the data set. Exact."""
    found = need(evidence.documents.document(COUNTS), "counts.json is not there")
    text = "the words of the rows add up to another number"
    total = sum(found.words_of_rows)
    yield from differs(f"{COUNTS.path}#/num_words", text, total, found.num_words)
    text = "another number of rows than the data set has"
    rows = evidence.rows_of(found.data)
    yield from differs(f"{COUNTS.path}#/words_of_rows", text, rows, len(found.words_of_rows))
