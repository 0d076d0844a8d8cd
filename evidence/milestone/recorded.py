"""The milestone of a program that is recorded without one: written from its command line.

Responsible for TOML that `evidence run` would take as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from evidence.errors import UsageError
from evidence.milestone.overrides import options
from evidence.milestone.parse import SCHEMA
from evidence.records.milestone import Milestone
from evidence.records.overrides import OverrideRecord
from evidence.records.record import Record
from evidence.stages.command import COMMAND
from evidence.text import commands

TITLE: Final = "A recorded program"
ATTEMPT: Final = "as-it-is"
NEVER_S: Final = 30 * 86_400
"""Silence after which a recorded program counts as hung: as good as never."""


class Recording(Record):
    """What a command line asks to be recorded."""

    id: str
    command: tuple[str, ...]
    cwd: str = "."
    data: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Data files, each with the fields that the model must learn."""
    collect: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    """Patterns of files that must be, and stay, what the commit has."""
    timeout_s: int | None = None


def written(asked: Recording) -> bytes:
    """The milestone file."""
    import tomlkit  # to write one only

    document: dict[str, Any] = {
        "schema": SCHEMA,
        "id": asked.id,
        "title": TITLE,
        "kind": "recorded-program",
        "objective": "A program was run as it is, to record what it did.",
        COMMAND.name: _command(asked),
    }
    data = {f"file{n}": _data(path, fields) for n, (path, fields) in enumerate(asked.data, 1)}
    if data:
        document["data"] = data
    attempt = {"name": ATTEMPT, "backend": COMMAND.name, "no_progress_timeout_s": NEVER_S}
    document["attempt"] = [_filled(attempt, timeout_s=asked.timeout_s)]
    if asked.frozen:
        document["frozen"] = [{"name": "frozen", "paths": list(asked.frozen), "ref": "HEAD"}]
    if asked.collect:
        document["collect"] = [{"paths": list(asked.collect)}]
    try:
        return tomlkit.dumps(document).encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            "a word of the command, a path or the folder is no UTF-8; nothing was started",
            hint="Rename what is named so, or give another name for it.",
        ) from error


def command_of(milestone: Milestone) -> tuple[str, ...] | None:
    """The program of a milestone that was written from a command line; None of any other."""
    settings = milestone.stages.get(COMMAND.name)
    names = [(one.name, one.backend) for one in milestone.attempts]
    if settings is None or names != [(ATTEMPT, COMMAND.name)] or milestone.title != TITLE:
        return None
    return tuple(map(str, settings["run"]))


def to_run_anew(milestone: Milestone, overrides: Sequence[OverrideRecord] = ()) -> str:
    """What to type for a new run of a milestone, or for a new recording of a program.

    A run with settings of the command line is run anew with the same.
    """
    program = command_of(milestone)
    if program is None:
        return commands.evidence("run", milestone.id, "--again", *options(overrides))
    return commands.record(milestone.id, program, "--again")


def _command(asked: Recording) -> dict[str, Any]:
    cwd = None if asked.cwd == "." else asked.cwd
    return _filled({"run": list(asked.command)}, cwd=cwd)


def _data(path: str, fields: Sequence[str]) -> dict[str, Any]:
    return _filled({"path": path}, answer=list(fields) or None)


def _filled(table: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**table, **{key: value for key, value in more.items() if value is not None}}
