"""What a check yields, and how foreign text in it is made harmless.

Responsible for the form of a single problem and for its translation into a `Finding`. Which
check found it is known to the ledger.
"""

from __future__ import annotations

from typing import Final

from evidence import limits
from evidence.records.finding import Finding, Severity
from evidence.records.record import Record
from evidence.text.escape import one_line

_MAX_OWN_MESSAGE_CHARS: Final = 3 * limits.MAX_MESSAGE_CHARS
"""Our own sentences may hold an excerpt of foreign text and more."""

_GRAVEST_FIRST: Final[tuple[Severity, ...]] = ("refused", "error", "warning", "advice")


def gravity(severity: Severity) -> int:
    """Rank of a severity, 0 for the gravest."""
    return _GRAVEST_FIRST.index(severity)


class Problem(Record):
    """One thing wrong at one place. `code` defaults to the id of the check that yields it."""

    address: str
    message: str
    expected: object = None
    actual: object = None
    severity: Severity = "error"
    code: str = ""


class CannotCheckError(Exception):
    """A check lacks what it needs; the text says what. The outcome is `not_checked`."""


def to_finding(check_id: str, problem: Problem) -> Finding:
    """The finding of a problem: one line a text, acting characters visible, bounded length."""
    return Finding(
        check=check_id,
        code=problem.code or check_id,
        severity=problem.severity,
        address=one_line(problem.address, 2 * limits.MAX_MESSAGE_CHARS),
        message=one_line(problem.message, _MAX_OWN_MESSAGE_CHARS),
        expected=_shown_or_none(problem.expected),
        actual=_shown_or_none(problem.actual),
    )


def shown(value: object) -> str:
    """Foreign text or a number as one harmless line of at most MAX_MESSAGE_CHARS."""
    text = value if isinstance(value, str) else repr(value)
    return one_line(text, limits.MAX_MESSAGE_CHARS)


def _shown_or_none(value: object) -> str | None:
    return None if value is None else shown(value)
