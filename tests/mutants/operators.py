"""Mutants of one module: every small lie that can be told in its syntax tree.

Responsible for what may be changed and how. Which mutants are tried, and whether a test tells, is
`campaign`'s. Left alone: docstrings and sentences of messages (a test that pins wording is no
law), annotations, and what is only for the type checker.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CodeType
from typing import Final, TypeAlias

_COMPARISONS: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_WRAPPERS: Final = frozenset(("sorted", "reversed", "list", "tuple", "set", "abs", "min", "max"))
_CODECS: Final = frozenset(("utf-8", "ascii", "utf-16-be", "utf-16-le", "utf-16", "utf-32"))
_REMOVABLE: Final = (ast.Expr, ast.Raise, ast.Assign, ast.AugAssign, ast.Continue, ast.Break)


Way: TypeAlias = tuple[tuple[str, int | None], ...]
"""From the root of a tree to a node: names of fields, with the index where one is a list."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module."""

    module: str
    """Dotted name."""
    path: Path
    line: int
    operator: str
    ordinal: int
    """Which of the module's changes; `changed_tree` makes it."""
    key: str
    """What is changed into what, whatever its line: the same as long as those words stand."""

    @property
    def name(self) -> str:
        """How a report and `--only` call it."""
        return f"{self.module}:{self.line}:{self.operator}:{self.ordinal}"


def mutants_of(module: str, path: Path) -> list[Mutant]:
    """Every mutant of a module, in order of the source."""
    found: list[Mutant] = []
    seen: Counter[str] = Counter()
    changes = _changes(ast.parse(path.read_text("utf-8")))
    for ordinal, (_, node, operator, changed) in enumerate(changes):
        what = f"{module} {operator}: {ast.unparse(node)} -> {ast.unparse(changed)}"
        seen[what] += 1
        line = getattr(node, "lineno", 0)
        found.append(Mutant(module, path, line, operator, ordinal, f"{what} {seen[what]}"))
    return found


def changed_tree(mutant: Mutant) -> ast.Module:
    """The changed syntax tree, with the lines of the original."""
    root = ast.parse(mutant.path.read_text("utf-8"))
    way, node, _, changed = next(islice(_changes(root), mutant.ordinal, None))
    _put(root, way, ast.copy_location(changed, node))
    return ast.fix_missing_locations(root)


def is_real(mutant: Mutant) -> bool:
    """Whether it compiles to something else than the original."""
    original = ast.parse(mutant.path.read_text("utf-8"))
    one, other = (
        _fingerprint(compile(tree, str(mutant.path), "exec"))
        for tree in (original, changed_tree(mutant))
    )
    return one != other


def difference(mutant: Mutant) -> str:
    """The first statement that it changes, as it was and as it is."""
    original = ast.parse(mutant.path.read_text("utf-8"))
    before, after = (ast.unparse(one).splitlines() for one in (original, changed_tree(mutant)))
    pairs = enumerate(zip(before, after, strict=False))
    line = next((index for index, (a, b) in pairs if a != b), 0)
    return f"{before[line].strip()}  ->  {after[line].strip()}"


def _changes(root: ast.Module) -> Iterator[tuple[Way, ast.AST, str, ast.AST]]:
    for way, node in list(_walk(root, ())):
        for operator, changed in _variants(node):
            yield way, node, operator, changed


def _walk(node: ast.AST, path: Way) -> Iterator[tuple[Way, ast.AST]]:
    """Every node that may be changed, with the way to it from the root."""
    for name, value in ast.iter_fields(node):
        if name == "decorator_list" and _is_dataclass(value):
            continue
        if name == "keywords" and isinstance(node, ast.ClassDef):
            continue
        if name in ("annotation", "returns", "type_params", "type_comment"):
            continue
        for index, child in _children(value):
            if not isinstance(child, ast.AST) or _untouchable(node, name, child):
                continue
            way = (*path, (name, index))
            yield way, child
            yield from _walk(child, way)


def _is_dataclass(decorators: object) -> bool:
    """Frozen and slotted is what mypy and ruff hold, not tests."""
    return isinstance(decorators, list) and any("dataclass" in ast.unparse(d) for d in decorators)


def _children(value: object) -> Iterator[tuple[int | None, object]]:
    if isinstance(value, list):
        yield from enumerate(value)
    else:
        yield None, value


def _untouchable(parent: ast.AST, name: str, child: ast.AST) -> bool:
    if isinstance(child, ast.Import | ast.ImportFrom):
        return True
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True  # a docstring
    if isinstance(child, ast.Assign | ast.AnnAssign) and "__all__" in ast.unparse(child):
        return True
    if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
        return True
    if isinstance(child, ast.AnnAssign) and "TypeAlias" in ast.unparse(child.annotation):
        return True
    if isinstance(child, ast.Call) and ast.unparse(child.func) in ("TypeVar", "cast"):
        return True
    if isinstance(child, ast.keyword) and child.arg == "usedforsecurity":
        return True  # the same digest
    return isinstance(parent, ast.FormattedValue) and name == "format_spec"


def _variants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The node changed in each way that its kind allows."""
    for kind, change in _CHANGES.items():
        if isinstance(node, kind):
            yield from change(node)
    if isinstance(node, _REMOVABLE) and _matters(node):
        yield "removed", _removed(node)


def _removed(node: ast.AST) -> ast.AST:
    """Nothing in its place. A generator whose only yield goes is one still, and yields nothing."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom):
        return ast.If(ast.Constant(False), [node], [])
    return ast.Pass()


def _comparison(node: ast.Compare) -> Iterator[tuple[str, ast.AST]]:
    for index, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            yield (
                "comparison",
                _with(node, ops=[*node.ops[:index], other(), *node.ops[index + 1 :]]),
            )


def _boolean(node: ast.BoolOp) -> Iterator[tuple[str, ast.AST]]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield "boolean", _with(node, op=other)
    for index in range(len(node.values)):
        rest = node.values[:index] + node.values[index + 1 :]
        yield "operand", rest[0] if len(rest) == 1 else _with(node, values=rest)


def _negation(node: ast.UnaryOp) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node.op, ast.Not):
        yield "negation", node.operand


def _arithmetic(node: ast.BinOp | ast.AugAssign) -> Iterator[tuple[str, ast.AST]]:
    if type(node.op) in _ARITHMETIC and not _text(node):
        yield "arithmetic", _with(node, op=_ARITHMETIC[type(node.op)]())


def _condition(node: ast.If | ast.While | ast.IfExp) -> Iterator[tuple[str, ast.AST]]:
    yield "condition", _with(node, test=ast.UnaryOp(ast.Not(), node.test))


def _filter(node: ast.comprehension) -> Iterator[tuple[str, ast.AST]]:
    if node.ifs:
        yield "filter", _with(node, ifs=[])


def _return(node: ast.Return) -> Iterator[tuple[str, ast.AST]]:
    if node.value is not None and not _is_none(node.value):
        yield "return", ast.Return(ast.Constant(None))


def _call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    if node.args and isinstance(node.func, ast.Name) and node.func.id in _WRAPPERS:
        yield "call", node.args[0]


def _matters(node: ast.AST) -> bool:
    """Whether removing it can do more than a NameError, which any test tells."""
    return not isinstance(node, ast.Assign) or all(
        isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets
    )


def _constant(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    value = node.value
    if isinstance(value, bool):
        yield "constant", ast.Constant(not value)
    elif isinstance(value, int | float):
        yield "constant", ast.Constant(value + 1)
    elif value in _CODECS:
        yield "constant", ast.Constant("latin-1")  # "utf-8?" would be the same codec
    elif isinstance(value, str | bytes) and value and not _is_sentence(value):
        yield "constant", ast.Constant(value + ("?" if isinstance(value, str) else b"?"))


def _is_sentence(value: str | bytes) -> bool:
    return (" " if isinstance(value, str) else b" ") in value


def _text(node: ast.BinOp | ast.AugAssign) -> bool:
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes))
        for side in sides
    )


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _put(root: ast.AST, path: Way, value: ast.AST) -> None:
    for name, index in path[:-1]:
        child = getattr(root, name)
        root = child if index is None else child[index]
    name, index = path[-1]
    if index is None:
        setattr(root, name, value)
    else:
        getattr(root, name)[index] = value


def _fingerprint(code: CodeType) -> object:
    """What a code object does, without where it stands."""
    constants = tuple(
        _fingerprint(one) if isinstance(one, CodeType) else (type(one).__name__, repr(one))
        for one in code.co_consts
    )
    return code.co_code, code.co_names, code.co_varnames, constants


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """A copy of a node with other fields."""
    changed = copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


_CHANGES: Final[dict[type[ast.AST], Callable[..., Iterator[tuple[str, ast.AST]]]]] = {
    ast.Compare: _comparison,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _negation,
    ast.BinOp: _arithmetic,
    ast.AugAssign: _arithmetic,
    ast.Constant: _constant,
    ast.If: _condition,
    ast.While: _condition,
    ast.IfExp: _condition,
    ast.comprehension: _filter,
    ast.Return: _return,
    ast.Call: _call,
}
