"""What another Python says of itself: a program that `interpreter` hands to it as `-c`.

Responsible for looking without importing: no package that is looked for is loaded, and of ours only
what the worker's own process begins with, once its code is known to be the same. Standard library
only, since nothing of ours need be there; older Pythons than ours must be able to read it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

OLDEST = (3, 11)


def code_sha256(package: Path) -> str:
    """Digest over every module of a package: path and bytes, line ends apart."""
    total = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest = hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
        total.update(f"{digest}  {path.relative_to(package).as_posix()}\n".encode())
    return total.hexdigest()


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Who this Python is, and which of the modules that are asked for it would find, and where."""
    told: dict[str, Any] = {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "compiler": platform.python_compiler(),
        "executable": sys.executable,
        "parent": os.getppid(),
        "too_old": sys.version_info < OLDEST,
    }
    if not told["too_old"]:
        told["modules"] = {name: _place(name) for name in question["modules"]}
        told["versions"] = _versions()
        told["tool"] = _tool(question)
    return told


def _place(name: str) -> str | None:
    """The file that an import would begin with, or the folder; None where there is nothing."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    return spec.origin or next(iter(spec.submodule_search_locations or ()), None)


def _versions() -> dict[str, str]:
    from importlib.metadata import distributions

    found: dict[str, str] = {}
    for one in distributions():  # in the order of the path, as an import looks
        try:
            name, version = str(one.metadata["Name"]), str(one.version)
        except (OSError, ValueError, KeyError):
            continue  # half of an installation
        found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
    return found


def _tool(question: dict[str, Any]) -> dict[str, Any] | None:
    """Of the `evidence` that a worker would import; packages where it is the one that asks."""
    place = _place("evidence")
    if place is None or not place.endswith("__init__.py"):
        return None
    folder = Path(place).parent
    stated = re.search(r'^__version__ = "([^"]+)"', Path(place).read_text("utf-8"), re.MULTILINE)
    told: dict[str, Any] = {
        "version": stated[1] if stated else "unknown",
        "folder": str(folder),
        "same_code": code_sha256(folder) == question["code_sha256"],
        "packages": None,
        "trouble": "",
    }
    if told["same_code"]:
        try:
            import_module(str(question["begins_with"]))
            from evidence.capture.packages import capture_packages
            from evidence.encoding.codec import encode

            told["packages"] = encode(capture_packages())["packages"]
        except Exception as error:
            told["trouble"] = f"{type(error).__name__}: {error}"
    return told


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(answer(json.loads(sys.argv[1]))) + "\n")
