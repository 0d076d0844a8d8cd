"""An observer for runs that nobody watches."""

from __future__ import annotations


class Silent:
    """Watches nothing."""

    def message(self, text: str) -> None:
        """Ignore."""

    def stage(self, attempt: str, stage: str, total: int) -> None:
        """Ignore."""

    def advance(self, done: int, total: int, note: str) -> None:
        """Ignore."""

    def stage_end(self) -> None:
        """Ignore."""
