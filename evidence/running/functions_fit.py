"""The author's own functions before a run: files that are not there, and what they do not have.

Responsible for what can be told without running them: a file is read and parsed, never imported.
What it needs to be loaded is found by the worker, before the training.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evidence.encoding.digest import sha256_hex
from evidence.milestone.judge_problems import place_of
from evidence.records.eval_spec import FunctionSpec
from evidence.records.milestone import Milestone
from evidence.running.fitting import nearest
from evidence.worker.functions import MAX_SOURCE_BYTES

Problem = tuple[str, str, str]
"""A pointer into the milestone, what is wrong there, and what to do."""
NUM_GIVEN: Final = 2
_BINDING: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_CALLED: Final = (
    "It is called with two arguments, the answer and its row: def score(prediction, row)."
)


def digests_of_functions(root: Path, milestone: Milestone) -> dict[str, str]:
    """Digest of each file that [eval] names a function of, by its path."""
    asked = milestone.given_eval
    files = () if asked is None else asked.files
    return {file: sha256_hex((root / file).read_bytes()) for file in files}


def function_problems(root: Path, milestone: Milestone) -> Iterator[Problem]:
    """Files and functions that are not as they are asked for."""
    asked = milestone.given_eval
    parses = all(one.interpreter is None for one in milestone.attempts)  # else: another Python
    for one in () if asked is None else asked.functions:
        place = f"/eval/{place_of(asked, one.file, one.name)}" if asked is not None else ""
        found = _unreadable(root, one) or (_unfit(root / one.file, one) if parses else None)
        if found is not None:
            yield place, *found


def _unreadable(root: Path, one: FunctionSpec) -> tuple[str, str] | None:
    path = root / one.file
    if not path.is_file():
        here = sorted(other.name for other in path.parent.glob("*.py"))
        there = f" In that folder: {', '.join(here)}." if here else ""
        return f"there is no file {one.file}", f"Paths are relative to {root}.{there}"
    size_bytes = path.stat().st_size
    if size_bytes > MAX_SOURCE_BYTES:
        text = f"{one.file} has {size_bytes} bytes; a pack holds {MAX_SOURCE_BYTES} of a function"
        return text, "Put the function into a file of its own, which may import the rest."
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return f"{one.file} is not UTF-8 (byte {error.start})", "Save it as UTF-8."
    return None


def _unfit(path: Path, one: FunctionSpec) -> tuple[str, str] | None:
    try:
        module = ast.parse(path.read_bytes(), filename=one.file)
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        return f"{one.file}{line} is no Python: {error}", "Mend the file."
    except (RecursionError, MemoryError):
        return None  # the worker will tell
    names = dict(_defined(module))
    if one.name not in names and "*" not in names:
        return f"{one.file} has no function {one.name}", nearest(one.name, tuple(names))
    found = names.get(one.name)
    if isinstance(found, ast.AsyncFunctionDef):
        return f"{one.file}:{found.lineno}: {one.name} is async, and nobody awaits it", _CALLED
    if isinstance(found, ast.FunctionDef) and not _takes_two(found.args):
        return f"{one.file}:{found.lineno}: {one.name} does not take two arguments", _CALLED
    return None


def _takes_two(args: ast.arguments) -> bool:
    given = len(args.posonlyargs) + len(args.args)
    needed = given - len(args.defaults)
    keywords = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    if any(default is None for _, default in keywords):
        return False
    return needed <= NUM_GIVEN and (given >= NUM_GIVEN or args.vararg is not None)


def _defined(module: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Names that a file gives a meaning to, with what does, wherever but inside of functions and
    classes; `*` where it takes all that another has."""
    waiting: list[ast.stmt] = list(reversed(module.body))
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield one.name, one
        elif isinstance(one, ast.Import | ast.ImportFrom):
            yield from ((name.asname or name.name, one) for name in one.names)
        else:
            inside = (child for child in ast.walk(one) if isinstance(child, ast.Name))
            yield from ((name.id, one) for name in inside if isinstance(name.ctx, ast.Store))
            waiting += [child for child in ast.walk(one) if isinstance(child, _BINDING)]
