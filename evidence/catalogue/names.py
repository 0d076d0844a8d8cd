"""What those who build the index and those who ask it must say alike. Pure, and quick to import."""

from __future__ import annotations

import re
from typing import Final

_BETWEEN_WORDS: Final = re.compile(r"[-_.]+")


def normalised(package: str) -> str:
    """The name of a package as package indexes compare it (PEP 503)."""
    return _BETWEEN_WORDS.sub("-", package).lower()
