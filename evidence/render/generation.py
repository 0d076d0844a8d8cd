"""What the summary says of how answers were generated: made from what the journal records.

Responsible for these words alone. Nothing is said that is not recorded.
"""

from __future__ import annotations

from typing import Final

from evidence.encoding.codec import decode
from evidence.pack.documents import Documents
from evidence.records.generation import GenerationRecord
from evidence.results.context import Context
from evidence.stages.eval import EVAL
from evidence.text import marked

_PLACE: Final = ("stage", "segment")
SHOWN: Final = 12
"""Settings, or end tokens, that a sentence names."""


def of(documents: Documents) -> GenerationRecord | None:
    """How the answers of the completed attempt were generated; None where it is not recorded."""
    events = Context(documents).stage_events("generation", EVAL.name)
    if not events:
        return None
    facts = {key: value for key, value in events[-1].data.items() if key not in _PLACE}
    return decode(GenerationRecord, facts)


def next_token(found: GenerationRecord | None) -> str:
    """How each next token was chosen."""
    if found is None:
        return "with settings of generation that are not recorded"
    if found.greedy:
        return "always with the likeliest next token"
    return f"with these settings of generation: {_settings(found.settings)}"


def ends(found: GenerationRecord | None) -> str:
    """Where an answer ends, and what of the model's own settings had no effect."""
    if found is None:
        return ""
    names = [marked.code(one.text or str(one.id), 40) for one in found.end_tokens]
    at = f"An answer ends at {_some(names, ' or ')}. " if names else "No token ends an answer. "
    if not found.set_aside:
        return at
    return f"{at}Of the model's own settings these had no effect: {_settings(found.set_aside)}. "


def _settings(found: dict[str, str]) -> str:
    return _some([marked.code(f"{name} = {value}", 80) for name, value in found.items()], ", ")


def _some(names: list[str], between: str) -> str:
    more = len(names) - SHOWN
    return between.join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
