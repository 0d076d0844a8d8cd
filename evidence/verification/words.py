"""The problems that verify reports for measurements in prose, sealed or attached later.

Responsible for severity and wording; what is a measurement, and what supports it, is `prose`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from evidence import layout, prose
from evidence.errors import PastLimitError
from evidence.pack.imported import PackDocuments
from evidence.text.formatting import significant
from evidence.verification.ledger import Ledger, Rule
from evidence.verification.problem import CannotCheckError, Problem, shown

ATTACHED: Final = Rule(
    "attached-prose", "numbers in words added after sealing are held by the evidence"
)


def problem_of(address: str, unsupported: prose.UnsupportedLiteral) -> Problem | None:
    """The problem of one typed measurement; None for one that its author declared."""
    number = shown(unsupported.literal.text)
    if unsupported.actual is not None:
        text = f"the words say {number}, but {unsupported.name} is another number"
        actual = significant(unsupported.actual)
        return Problem(address, text, actual, number, code="prose-contradicts")
    if unsupported.reason:
        return None
    text = f"{number} is a measurement typed by hand that nothing in the evidence supports"
    if unsupported.measure:
        text += f" under the name of {unsupported.measure}"
    return Problem(address, text, actual=number, severity="warning", code="prose-unsupported")


def check_attached_words(
    files: Mapping[str, bytes], documents: PackDocuments | None, ledger: Ledger
) -> None:
    """Enter the check of the attached notes, where there are any."""
    folder = f"{layout.ATTACHED}/"
    notes = {p: data for p, data in files.items() if p.startswith(folder) and p.endswith(".md")}
    if not notes:
        return
    if documents is None:
        ledger.skip(ATTACHED, "the evidence could not be read")
    else:
        ledger.run_check(ATTACHED, _problems(notes, documents))


def _problems(notes: Mapping[str, bytes], documents: PackDocuments) -> Iterator[Problem]:
    known = prose.known_of(documents)
    for path, data in sorted(notes.items()):
        text = data.decode("utf-8", "replace")
        try:
            for unsupported in prose.unsupported_in_text(text, documents, known):
                problem = problem_of(f"{path}#L{unsupported.literal.line}", unsupported)
                if problem is not None:
                    yield problem
        except PastLimitError as error:
            raise CannotCheckError(f"{path} holds {error.message}") from error
