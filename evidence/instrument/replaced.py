"""Functions of the program's own modules that are others at the end than their source says.

Responsible for one trick: a module that computes a result is imported, and its function is put
aside for another one. Looked at once, when the process ends, and by the source alone: a function
that its module defines plainly, with no decorator and no second assignment, has code of that file.
"""

from __future__ import annotations

import ast  # not inspect: strings that its import runs make a Ctrl-C a plain failure
import os
import sys
from typing import Any, Iterator

from .context import Context

MAX_SOURCE_BYTES = 2 << 20
MAX_MODULES = 500
MAX_SAID = 50


def say(context: Context) -> None:
    """Tell of each that is found, a few at most."""
    for number, (what, by) in enumerate(replaced(os.getcwd())):
        if number >= MAX_SAID:
            break
        context.spool.hold("patched", what=what, by=by)


def replaced(below: str) -> Iterator[tuple[str, str]]:
    """(function, what stands in its place) of modules whose files lie below a folder."""
    folders = tuple({os.path.join(path, "") for path in (below, os.path.realpath(below))})
    for module in list(sys.modules.values())[: MAX_MODULES * 20]:
        name = getattr(module, "__dict__", {}).get("__file__")  # asked of a lazy one, it loads
        if not isinstance(name, str) or not name.endswith(".py"):
            continue
        path = os.path.abspath(name)
        if path.startswith(folders) and "site-packages" not in path:
            yield from _of_module(module, path)


def _of_module(module: Any, path: str) -> Iterator[tuple[str, str]]:
    try:
        if os.path.getsize(path) > MAX_SOURCE_BYTES:
            return
        with open(path, "rb") as stream:
            tree = ast.parse(stream.read())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return  # no file of that name (torch has such modules), or changed meanwhile
    bound = _bound(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and bound.get(node.name) == 1:
            kind = vars(module).get(node.name)
            if isinstance(kind, type) and kind.__module__ == module.__name__:
                yield from _of(vars(kind), node, path, "{}.{}".format(module.__name__, node.name))
    yield from _of(vars(module), tree, path, module.__name__)


def _of(names: Any, node: Any, path: str, prefix: str) -> Iterator[tuple[str, str]]:
    bound = _bound(node)
    for one in node.body:
        plain = isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) and not one.decorator_list
        if not plain or bound.get(one.name) != 1:
            continue
        now = names.get(one.name)
        if now is None:
            yield "{}.{}".format(prefix, one.name), "nothing: it was taken away"
            continue
        code = _code_of(now, path)
        if code is None or os.path.abspath(code.co_filename) != path:
            yield "{}.{}".format(prefix, one.name), _described(now, code)


def _code_of(now: Any, path: str) -> Any:
    """The code of a function; of one that a library wrapped (a tracer, a compiler), the original's.

    What a file of the project wrapped is another function, whatever it says that it wraps.
    """
    folder = os.path.join(os.path.dirname(path), "")
    while callable(now):
        code = getattr(now, "__code__", None)
        inside = getattr(now, "__wrapped__", None)
        own = code is not None and os.path.abspath(code.co_filename).startswith(folder)
        if own or inside is None:
            return code
        now = inside
    return None


def _bound(node: Any) -> dict[str, int]:
    """How often each name is bound anywhere in a body, whatever stands around it."""
    found: dict[str, int] = {}
    for one in ast.walk(node):
        names: list[str] = []
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names = [one.name]
        elif isinstance(one, ast.Name) and isinstance(one.ctx, (ast.Store, ast.Del)):
            names = [one.id]
        elif isinstance(one, (ast.Import, ast.ImportFrom)):
            names = [alias.asname or alias.name.partition(".")[0] for alias in one.names]
        elif isinstance(one, ast.Global):
            names = list(one.names)
        for name in names:
            found[name] = found.get(name, 0) + 1
    return found


def _described(now: Any, code: Any) -> str:
    if code is None:
        return "a {}".format(type(now).__name__)
    place = os.path.basename(code.co_filename)
    return "{} of {}, line {}".format(code.co_name, place, code.co_firstlineno)
