"""What was set on the command line, as the first lines of a summary say it."""

from __future__ import annotations

from typing import Final

from evidence.milestone.overrides import said, spelled
from evidence.pack.documents import Documents
from evidence.records.overrides import OverrideRecord
from evidence.text import formatting, marked

VALUE_CHARS: Final = 200
NAMED: Final = 20


def shown(documents: Documents) -> tuple[str, ...]:
    """One line a setting: what was typed, and what the milestone file says."""
    lines = [_line(one) for one in documents.overrides[:NAMED]]
    more = len(documents.overrides) - NAMED
    if more > 0:
        lines.append(f"{formatting.plural(more, 'setting')} more, in `overrides.json`")
    return tuple(lines)


def _line(one: OverrideRecord) -> str:
    if one.was is None:
        instead = "the milestone file does not say it"
    else:
        instead = f"the milestone file says {marked.code(spelled(one.was), VALUE_CHARS)}"
    return f"{marked.code(said(one), VALUE_CHARS)}; {instead}"
