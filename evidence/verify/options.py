"""What the caller of verify asks for besides the pack itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Options of one verification. Nothing of it is ever read from the pack."""

    expect: str | None = None
    """Root digest that the pack must have, `sha256:` in front or not."""
    expect_milestone: str | None = None
    expect_commit: str | None = None
    """Commit that the run must have started from; a prefix of 7 or more digits will do."""
    strict: bool = False
    """An unsigned pack is exit 3: its origin is not established."""
    require_all: bool = False
    """Withheld files count as missing."""
