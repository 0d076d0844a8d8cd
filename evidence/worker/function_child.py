"""The process in which the author's own functions score answers: a worker starts one.

`python -m evidence.worker.function_child ROOT ANSWERS_FD FILE:NAME…`, questions on stdin, one JSON
object a line; one answer a line. Responsible for running code of the author's so that whatever it
does is an answer, or the end of this process alone. What an answer is worth is `functions`'.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

Function = Callable[[str, Mapping[str, Any]], object]


def main() -> int:
    """Load the functions, say what was loaded, then answer until nothing more is asked."""
    root, answers, *named = sys.argv[1:]
    with os.fdopen(int(answers), "w", encoding="utf-8") as told:
        try:
            functions, record = _loaded(Path(root), named)
        except BaseException as error:
            _tell(told, failed=_said(error))
            return 1
        _tell(told, loaded=record)
        for line in sys.stdin:
            _tell(told, **_scored(functions, json.loads(line)))
    return 0


def _loaded(root: Path, named: list[str]) -> tuple[dict[str, Function], list[dict[str, Any]]]:
    """The functions by name, and what was read. Each file is read once, and those bytes run."""
    modules: dict[str, tuple[ModuleType, bytes]] = {}
    functions: dict[str, Function] = {}
    record = []
    for one in named:
        file, _, name = one.rpartition(":")
        if file not in modules:
            modules[file] = _module(root / file)
        module, data = modules[file]
        found = getattr(module, name, None)
        if not callable(found):
            raise LookupError(f"{file} has no function {name}")
        functions[name] = found
        read = {"sha256": sha256(data).hexdigest(), "size_bytes": len(data)}
        record.append({"name": name, "file": file, **read, "source": data.decode("utf-8")})
    return functions, record


def _module(path: Path) -> tuple[ModuleType, bytes]:
    """A file as a module; what lies beside it can be imported, as in a script."""
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    data, module = path.read_bytes(), ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules.setdefault(path.stem, module)  # where pickles and dataclasses look it up
    exec(compile(data, str(path), "exec"), module.__dict__)  # noqa: S102 - the author's own code
    return module, data


def _scored(functions: Mapping[str, Function], asked: dict[str, Any]) -> dict[str, Any]:
    name = asked["name"]
    try:
        found = functions[name](asked["prediction"], asked["row"])
        item = getattr(found, "item", None)  # a number of numpy or torch
        return {"value": _told(item() if callable(item) else found)}
    except BaseException as error:  # sys.exit is one, too
        return {"failed": _said(error)}


def _told(found: object) -> dict[str, Any]:
    """What a function returned, as JSON can say it: numbers by their digits, else their kind."""
    if isinstance(found, bool):
        return {"bool": found}
    if isinstance(found, (int, float)):
        return {"number": repr(float(found))}
    return {"kind": type(found).__name__}


def _said(error: BaseException) -> str:
    """An error in a line; all of it goes to the log."""
    traceback.print_exception(error)
    text = " ".join(str(error).split())[:400]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _tell(told: Any, **answer: Any) -> None:
    told.write(json.dumps(answer) + "\n")
    told.flush()


if __name__ == "__main__":
    sys.exit(main())
