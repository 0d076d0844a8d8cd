"""The name of a package as package indexes compare it (PEP 503)."""

from __future__ import annotations

import re
from typing import Final

_BETWEEN_WORDS: Final = re.compile(r"[-_.]+")


def normalised(package: str) -> str:
    """The same for every way in which one package is written: `Flash_Attn` is `flash-attn`."""
    return _BETWEEN_WORDS.sub("-", package).lower()
