"""The typed 'not available': a value that carries its reason instead of a null or a guess."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Something was looked for and could not be had. In JSON: `{"unavailable": reason}`."""

    reason: str
