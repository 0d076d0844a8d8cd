"""Where a setting of a milestone stands, for messages about it.

Responsible for `file:line: key`. What is wrong there is said by whoever finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import field
from msgspec.structs import replace

from evidence.errors import MilestoneError
from evidence.milestone.parse import line_of
from evidence.records.record import Record
from evidence.stages.stage import Stage


class Where(Record):
    """Turns a key of the milestone into `file:line: key`; of a command line, without a path."""

    path: Path | None
    source: bytes
    origins: Mapping[str, str] = field(default_factory=dict)
    """By its pointer, the option of the command line that a value comes from."""
    stage: Stage | None = None
    """Whose milestone the keys are of."""

    def within(self, stage: Stage) -> Where:
        """The same for the narrowed milestone of a stage."""
        return replace(self, stage=stage)

    def error(self, pointer: str, message: str, hint: str = "") -> MilestoneError:
        if self.stage is not None:
            pointer = self.stage.pointer(pointer)
        key = pointer.strip("/").replace("/", ".")
        named = f"{self.path}:{line_of(self.source, pointer)}: {key}: "
        if self.path is None:
            named = "" if key.startswith("command") else f"{key}: "
        if pointer in self.origins:
            named = f"{self.origins[pointer]}: "
        return MilestoneError(f"{named}{message}", hint=hint)
