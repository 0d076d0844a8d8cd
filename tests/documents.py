"""Documents of a pack with other contents, for tests that compute without a pack on disk."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from evidence import layout
from evidence.pack.documents import Documents

PATHS = {"seen": layout.SEEN, "steps": layout.METRICS, "predictions": layout.PREDICTIONS}


def replaced(documents: Documents, **changes: Any) -> Documents:
    """The documents with other fields; `seen`, `steps` and `predictions` are those of stages."""
    of_stages = dict(documents.of_stages)
    for name in PATHS.keys() & changes.keys():
        value = changes.pop(name)
        of_stages.pop(PATHS[name], None)
        if value:
            of_stages[PATHS[name]] = value
    return replace(documents, of_stages=of_stages, **changes)
