"""A commented milestone for the user's own work, from a template that we ship.

Responsible for the file and for the schema beside it, to which the first line of the file points
editors. The schema lies in the project, so that no path of one machine is in a commit and an
environment may move.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.errors import EvidenceError, UsageError
from evidence.milestone.keys import EDITOR_SCHEMA, WRITTEN_BY, editor_schema
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
    values = {
        "ID": milestone_id,
        "SCHEMA": EDITOR_SCHEMA,
        **({} if given is None else values_of(root, given)),
    }
    name = "v1/milestone.toml" if given is None else "v1/milestone-of-data.toml"
    source = resources.read("templates", name).decode("utf-8")
    text = _NAME.sub(lambda match: values.get(match[1], match[0]), source)
    if not is_utf8(text):
        raise UsageError(
            "a path that is no UTF-8 cannot be written into a milestone",
            hint="Rename the file or the folder.",
        )
    _write_schema(path.with_name(EDITOR_SCHEMA))
    write_file(path, text.encode("utf-8"))
    return path


def _write_schema(path: Path) -> None:
    """That of this version; what lies there and was not written by us stays."""
    if not os.path.lexists(path) or _is_ours(path):
        write_file(path, jsonio.dump_document(editor_schema()))


def _is_ours(path: Path) -> bool:
    if path.is_symlink():
        return False
    try:
        found = jsonio.load_document(path.read_bytes())
    except (EvidenceError, OSError):
        return False
    return isinstance(found, dict) and found.get("$comment") == WRITTEN_BY
