"""Every regular expression of the package, and how the package asks it.

Responsible for finding them: those written in a module's source by reading it, those of our
schemas from the schemas. What is put together from parts is had by importing the module; what a
function builds from what it is given cannot be found so: `BUILT` makes one of each, and a place
that is not in it is a fault.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path
from typing import Any, Final

import evidence
from evidence.audit.mentions import Stages
from evidence.capture import patterns as globs
from evidence.encoding.schema import load
from evidence.prose import names
from evidence.recording import typed
from evidence.redact.identity import Identity
from evidence.redact.shapes import SHAPES
from evidence.system import resources

ROOT: Final = Path(evidence.__file__).parent
ASKING: Final = frozenset({"match", "fullmatch", "search", "finditer", "findall", "sub", "split"})
"""Methods by which a pattern is looked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """One pattern, where it stands, and the methods by which it is asked."""

    place: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]


def _of_identity() -> list[re.Pattern[Any]]:
    return [one for one, _ in Identity(home="/home/ann", user="ann", host="box.lan")._rules]


BUILT: Final[Mapping[str, tuple[str, Callable[[], Iterable[re.Pattern[Any]]]]]] = {
    "audit/mentions.py": (
        "finditer",
        lambda: [
            Stages(("A", "self-correct", "check_A", "check_self-correct", "a_a-a.a_b"))._pattern
        ],
    ),
    "capture/patterns.py": (
        "fullmatch",
        lambda: map(globs._regex, ("**/*.py", "a*b*c/*.x", "*a*a*a*b", "**/a/**/a/**/b", "*")),
    ),
    "milestone/names_meant.py": (
        "fullmatch",
        lambda: map(re.compile, _schema_patterns(load("milestone.v1"))),
    ),
    "prose/names.py": (
        "search",
        lambda: [
            *(one for one, _ in names._named()),
            *(one for both in names._measures() for one in both[:2]),
        ],
    ),
    "recording/typed.py": ("finditer", lambda: map(typed.standing_alone, ("0.98765", "1e-9"))),
    "verification/consistency/status.py": (
        "match",
        lambda: [
            re.compile(translate(one)) for one in ("*.safetensors", "*a*a*a*b", "[!a]*", "?*")
        ],
    ),
    "redact/identity.py": ("sub", _of_identity),
    "redact/shapes.py": ("finditer", lambda: [shape.pattern for shape in SHAPES]),
    "self_test/forger.py": ("sub", list),  # our own forgeries, of our own packs
}
"""Modules that build patterns in a function, how they ask them, and examples of each."""


def every_pattern() -> list[Found]:
    """All of them, in the order of their places."""
    found = [*_in_sources(), *_built(), *_of_schemas()]
    return sorted(found, key=lambda one: one.place)


def unlisted() -> list[str]:
    """Places that build a pattern and are not in `BUILT`."""
    return [
        f"{path}:{call.lineno}"
        for path, tree in _trees()
        for call in _calls(tree)
        if path not in BUILT and not _is_literal(call) and not _constants(tree, call)
    ]


def _in_sources() -> Iterator[Found]:
    trees = list(_trees())
    of_modules = {path: _methods_by_name(tree) for path, tree in trees}
    used = {
        name: frozenset().union(*(one.get(name, ()) for one in of_modules.values()))
        for name in set().union(*of_modules.values())
    }
    for path, tree in trees:
        for call in _calls(tree):
            names = _constants(tree, call)
            if names:
                value = _value(path, call, names[0])
                # One that begins with an underscore is asked in its own module only.
                own = of_modules[path] if names[0].startswith("_") else used
                yield Found(f"{path}:{names[0]}", value, own.get(names[0], frozenset({"search"})))
            elif _is_literal(call):
                flags = re.MULTILINE if "MULTILINE" in ast.unparse(call) else 0
                pattern = re.compile(ast.literal_eval(call.args[0]), flags)
                method = getattr(call.func, "attr", "")
                yield Found(f"{path}:{call.lineno}", pattern, frozenset({method} & ASKING))


def _value(path: str, call: ast.Call, name: str) -> re.Pattern[Any]:
    """A constant of a module. One whose framework may not be here is read, not imported."""
    if path.startswith("backends/tunix/"):
        assert _is_literal(call), f"{path}: {name} is put together, and nobody can import it here"
        return re.compile(ast.literal_eval(call.args[0]))
    value: re.Pattern[Any] = getattr(importlib.import_module(_module_name(path)), name)
    return value


def _methods_by_name(tree: ast.Module) -> dict[str, frozenset[str]]:
    """How a constant of each name is asked in this module."""
    used: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ASKING:
            name = getattr(node.value, "id", "") or getattr(node.value, "attr", "")
            used.setdefault(name, set()).add(node.attr)
    return {name: frozenset(methods) for name, methods in used.items()}


def _built() -> Iterator[Found]:
    for path, (method, make) in BUILT.items():
        for number, pattern in enumerate(make()):
            yield Found(f"{path}[{number}]", pattern, frozenset({method}))


def _of_schemas() -> Iterator[Found]:
    folder = Path(str(resources.folder("schemas")))
    texts = {
        text: path.name
        for path in sorted(folder.glob("*.json"))
        for text in _schema_patterns(json.loads(path.read_text("utf-8")))
    }
    for text, name in texts.items():
        yield Found(f"{name}: {text}", re.compile(text), frozenset({"search"}))


def _schema_patterns(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        if isinstance(value.get("patternProperties"), dict):
            yield from value["patternProperties"]
    inside = value.values() if isinstance(value, dict) else value
    for part in inside if isinstance(value, (dict, list)) else ():
        yield from _schema_patterns(part)


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def _module_name(path: str) -> str:
    return "evidence." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _calls(inside: ast.AST) -> Iterator[ast.Call]:
    """Every `re.…(pattern)` of a module, or of a part of it."""
    for node in ast.walk(inside):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_re = getattr(node.func.value, "id", "") == "re"
            if of_re and node.func.attr in ASKING | {"compile"}:
                yield node


def _is_literal(call: ast.Call) -> bool:
    return isinstance(call.args[0], ast.Constant)


def _constants(tree: ast.Module, call: ast.Call) -> list[str]:
    """The name that a module gives to this pattern; none where it is no constant of the module."""
    return [
        ast.unparse(statement.target)
        for statement in tree.body
        if isinstance(statement, ast.AnnAssign) and statement.value is call
    ]
