"""What was attached after sealing, and covered by no signature that was checked.

Responsible for the words and the name of that finding. Whether a signature covers it is
`signatures`' to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from evidence import layout
from evidence.verification.problem import Problem

UNSIGNED_TEXT: Final = "unsigned-text"
NO_SUMMARY_SIGNATURE: Final = "no signature covers the summary"


def attached_to(rendered: Collection[str]) -> tuple[str, ...]:
    """The attached files among those of the rendered set."""
    return tuple(sorted(filter(layout.is_attached, rendered)))


def uncovered(attached: Collection[str]) -> Iterator[Problem]:
    """One warning for each attached file that nobody vouches for."""
    for path in attached:
        text = "was attached later, and no signature covers it that was checked: anyone may have "
        yield Problem(path, f"{text}written it", severity="warning", code=UNSIGNED_TEXT)
