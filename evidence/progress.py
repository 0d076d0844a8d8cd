"""What a long run tells whoever is watching. The command line brings the display."""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Receives progress. Nothing it does may change the evidence."""

    def message(self, text: str) -> None:
        """One plain sentence."""

    def stage(self, attempt: str, stage: str, total: int, unit: str) -> None:
        """A stage begins; `total` counts its steps or examples, whichever `unit` says."""

    def advance(self, done: int, total: int, note: str) -> None:
        """`done` of `total` are behind us; `note` is short, such as the current loss."""

    def stage_end(self) -> None:
        """The stage is over, one way or another."""

    def output(self, text: str) -> None:
        """Whole lines that a recorded program printed, without secrets and acting characters."""


class Silent:
    """Watches nothing."""

    def message(self, text: str) -> None:
        """Ignore."""

    def stage(self, attempt: str, stage: str, total: int, unit: str) -> None:
        """Ignore."""

    def advance(self, done: int, total: int, note: str) -> None:
        """Ignore."""

    def stage_end(self) -> None:
        """Ignore."""

    def output(self, text: str) -> None:
        """Ignore."""
