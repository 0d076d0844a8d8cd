"""A commented milestone for the user's own work, from a template that we ship."""

from __future__ import annotations

from pathlib import Path

from evidence import layout
from evidence.errors import UsageError
from evidence.system import resources
from evidence.system.durable import write_file


def write_milestone(root: Path, milestone_id: str) -> Path:
    """Write milestones/<id>.toml and return its path. Raises UsageError when it is there."""
    if layout.MILESTONE_ID.fullmatch(milestone_id) is None:
        raise UsageError(
            f"{milestone_id!r} is no milestone id",
            hint="Use letters, digits, dot, dash, underscore.",
        )
    path = layout.milestone_file(root, milestone_id)
    if path.exists():
        raise UsageError(f"{path} exists already", hint="Choose another id, or edit that file.")
    source = resources.read("templates", "v1/milestone.toml").decode("utf-8")
    write_file(path, source.replace("@ID@", milestone_id).encode("utf-8"))
    return path
