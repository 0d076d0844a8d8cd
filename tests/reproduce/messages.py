"""An observer that records its messages."""

from __future__ import annotations


class Messages:
    """The lines, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)

    def stage(self, attempt: str, stage: str, total: int, unit: str) -> None:
        """Nothing to keep."""

    def advance(self, done: int, total: int, note: str) -> None:
        """Nothing to keep."""

    def stage_end(self) -> None:
        """Nothing to keep."""
