"""Checks on words: measurements that the author typed, against the evidence."""

from __future__ import annotations

from evidence import prose
from evidence.errors import PastLimitError
from evidence.verification.consistency.registry import Evidence, Problems, check
from evidence.verification.problem import CannotCheckError
from evidence.verification.words import problem_of


@check("prose", "numbers typed into the author's words are held by the evidence", by_author=True)
def words(evidence: Evidence) -> Problems:
    """prose.judge over objective, narrative and notes.md: a measurement typed by hand is rounded
    to by some value of results.json or number of the milestone (± half of its last digit), or
    declared in [narrative.literals]. Another number than the value that its sentence names is an
    error, declared or not."""
    try:
        for address, unsupported in prose.unsupported_in_pack(evidence.documents):
            problem = problem_of(address, unsupported)
            if problem is not None:
                yield problem
    except PastLimitError as error:
        raise CannotCheckError(f"the words hold {error.message}") from error
