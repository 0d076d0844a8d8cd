"""Warnings of what ran, and on what: a recorded program, and a kind of device that was never tried.

Responsible for sentences made from what workers and programs say of themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.results.program import remarks_of
from evidence.rules.devices import kind_of, untried
from evidence.text import marked

_REMARK_CHARS = 600


def untried_device(documents: Documents) -> Iterator[str]:
    """Of what a worker says that it computed on; what a program did is its own matter."""
    framework = documents.environment.framework
    said = "" if isinstance(framework, Unavailable) else untried(kind_of(framework))
    if said:
        yield f"This ran {said}."


def program(documents: Documents) -> Iterator[str]:
    """What weakens a recorded program; its words are names that the program gave."""
    for one in remarks_of(documents):
        if one.severity != "advice":  # its section says it
            yield marked.inline(one.text, _REMARK_CHARS)
