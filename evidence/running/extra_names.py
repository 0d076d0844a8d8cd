"""Names in [train.extra] that the installed transformers does not know.

Responsible for finding them without importing it: its source is read, and never run. Where workers
run under another Python, or the source is not there, the worker tells before the first step.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from evidence.milestone.extra_problems import extra_tables
from evidence.records.milestone import Milestone
from evidence.rules.arguments import not_there
from evidence.worker.interface import Backend

_PACKAGE: Final = "transformers"
_FILE: Final = "training_args.py"
_CLASS: Final = "TrainingArguments"


def extra_problems(
    milestone: Milestone, backends: Mapping[str, Backend]
) -> Iterator[tuple[str, str, str]]:
    """Pointer, message and hint of each name that is none."""
    given = [(place, table) for place, table in extra_tables(milestone) if table]
    here = [
        one
        for one in milestone.attempts
        if one.interpreter is None and one.backend == _PACKAGE and _PACKAGE in backends
    ]
    known = argument_names() if given and here else ()
    for place, table in given:
        for name in table:
            if known and name not in known:
                hint = "The names are those of the transformers that is installed here."
                yield f"{place}/{name}", not_there(name, known), hint


@cache
def argument_names() -> tuple[str, ...]:
    """Fields of TrainingArguments of the installed transformers, in order; empty where its source
    cannot be read."""
    try:
        found = find_spec(_PACKAGE)
        if found is None or found.origin is None:
            return ()
        source = (Path(found.origin).parent / _FILE).read_text("utf-8")
        parts = ast.parse(source).body
    except (OSError, ValueError, SyntaxError):
        return ()
    return tuple(
        line.target.id
        for part in parts
        if isinstance(part, ast.ClassDef) and part.name == _CLASS
        for line in part.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    )
