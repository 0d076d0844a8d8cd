"""A program that is to be recorded: whether it is there at all.

Responsible for what can be known before it is started; what it lacks otherwise it says itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from evidence.encoding.codec import decode
from evidence.recording import child
from evidence.records.milestone import Milestone
from evidence.records.program import CommandSpec
from evidence.stages.command import COMMAND
from evidence.worker.interface import StageFailure


def problems(root: Path, milestone: Milestone) -> Iterator[tuple[str, str, str]]:
    """A pointer into the milestone, what is not there, and what to do."""
    if COMMAND.name not in milestone.stages:
        return
    spec = decode(CommandSpec, milestone.stages[COMMAND.name])
    if not (root / spec.cwd).is_dir():
        yield "/command/cwd", f"there is no folder {spec.cwd}", "Give it from the project's root."
        return
    for key, words in (("run", spec.run), ("resume", spec.resume or spec.run)):
        try:
            child.found(words[0], root / spec.cwd, os.environ.get("PATH"))
        except StageFailure as error:
            hint = "Give its path, or activate the environment that has it. Nothing was run."
            yield f"/command/{key}", error.message, hint
