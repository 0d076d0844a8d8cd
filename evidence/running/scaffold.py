"""A commented milestone for the user's own work, from a template that we ship."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.errors import UsageError
from evidence.running.guess import Given, values_of
from evidence.system import resources
from evidence.system.durable import write_file
from evidence.text.escape import is_utf8

_NAME: Final = re.compile("@([A-Z_]+)@")


def write_milestone(root: Path, milestone_id: str, given: Given | None = None) -> Path:
    """Write milestones/<id>.toml and return its path: for what is given, or to be filled in.

    Raises UsageError when the file is there, or when nothing can be guessed.
    """
    if layout.MILESTONE_ID.fullmatch(milestone_id) is None:
        raise UsageError(
            f"{milestone_id!r} is no milestone id",
            hint="Use letters, digits, dot, dash, underscore.",
        )
    path = layout.milestone_file(root, milestone_id)
    if path.exists():
        raise UsageError(f"{path} exists already", hint="Choose another id, or edit that file.")
    values = {"ID": milestone_id, **({} if given is None else values_of(root, given))}
    name = "v1/milestone.toml" if given is None else "v1/milestone-of-data.toml"
    source = resources.read("templates", name).decode("utf-8")
    text = _NAME.sub(lambda match: values.get(match[1], match[0]), source)
    if not is_utf8(text):
        raise UsageError(
            "a path that is no UTF-8 cannot be written into a milestone",
            hint="Rename the file or the folder.",
        )
    write_file(path, text.encode("utf-8"))
    return path
