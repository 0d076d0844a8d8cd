"""Jinja, strict, and sandboxed for every text that is not our own. The only importer of jinja2.

Responsible for environments in which an undefined name is an error. Text from data, models or
packs is only ever a value in them, never a template; the author's milestone text is a template and
runs in the sandbox, where it cannot reach Python. The templates that we ship are code of ours like
this file, and the sandbox would only make each of their attributes and calls slower.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import jinja2
from jinja2 import (
    DictLoader,
    Environment,
    StrictUndefined,
    Template,
    TemplateError,
    Undefined,
    meta,
    nodes,
)
from jinja2.bccache import Bucket, FileSystemBytecodeCache
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evidence.errors import MalformedError

__all__ = [
    "ByteCode",
    "Filter",
    "Template",
    "compile_plain",
    "compile_text",
    "dotted_names",
    "names_in",
    "render",
    "shipped",
]

E = TypeVar("E", bound=Environment)

Filter = Callable[..., Any]

MAX_PLAIN_CHARS: Final = 16 * 1024
"""Longest text that `compile_plain` takes."""


class ByteCode(FileSystemBytecodeCache):
    """Templates that we ship, compiled: kept where Python keeps the byte code of this very file.

    And by its rules: with `python -B` nothing is kept, where nothing can be written everything is
    compiled each time (twice the time of `verify` of a small pack). What is found is taken only
    where this file, as it stands, made it from this very source with this Python and this Jinja.
    """

    def __init__(self, version: str) -> None:
        beside = Path(importlib.util.cache_from_source(__file__))
        super().__init__(str(beside.parent), f"{version}-%s.{sys.implementation.cache_tag}.pyc")

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """A template's own name."""
        return name

    def get_source_checksum(self, source: str) -> str:
        """Of all that decides what is compiled; Jinja itself adds the version of Python."""
        made_by = Path(__file__).read_text("utf-8")
        return super().get_source_checksum(f"{jinja2.__version__}\n{made_by}\n{source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in the code where it is there and whole."""
        try:
            super().load_bytecode(bucket)
        except Exception:  # whatever a damaged file makes of itself: it is compiled anew
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code for the next start, unless Python was told to keep none."""
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                Path(self.directory).mkdir(parents=True, exist_ok=True)
                super().dump_bytecode(bucket)


_STRICT: Final[Mapping[str, Any]] = {
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
    # Folding constants takes as long as the rest of compiling, and there are none to fold.
    "optimized": False,
}


def shipped(templates: Mapping[str, str], byte_code: ByteCode) -> Environment:
    """An environment over templates of ours, and of nobody else. Undefined names raise."""
    loader = DictLoader(dict(templates))
    # Markdown mostly: `markdown` and `escape` have escaped every value before it comes here.
    return _bare(Environment(loader=loader, bytecode_cache=byte_code, **_STRICT))  # noqa: S701


def sandbox() -> ImmutableSandboxedEnvironment:
    """A sandboxed environment for the texts of others. Undefined names raise."""
    return _bare(ImmutableSandboxedEnvironment(**_STRICT))


def _bare(built: E) -> E:
    built.globals.clear()
    return built


def _without_null(value: Any) -> Any:
    return "" if value is None else value


def _is_none(value: object) -> bool:
    return value is None or getattr(value, "is_none", False) is True


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool) or getattr(value, "is_boolean", False) is True


_TESTS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "none": _is_none,
    "boolean": _is_boolean,
    "true": lambda value: _is_boolean(value) and bool(value),
    "false": lambda value: _is_boolean(value) and not value,
    "integer": lambda value: isinstance(value, int) and not _is_boolean(value),
}
"""For values of rows that carry where they come from, which no subclass of None or bool can."""


def _dumps(value: object, **options: Any) -> str:
    text = json.dumps(_plain(value), **options)
    marked = next(_leaves(value), None)
    return text if marked is None else str(marked.__marked__(text))


def _leaves(value: object) -> Iterator[Any]:
    """The values inside that know the field of the row which they come from."""
    if hasattr(value, "__marked__"):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part)


def _plain(value: object) -> object:
    if _is_none(value):
        return None
    if _is_boolean(value):
        return bool(value)
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, (list, tuple)) else value


class _OfTheRow(ImmutableSandboxedEnvironment):
    """What a template gives is a function of the row, and takes no more than the row allows."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic of numbers; nothing that makes a text as long as somebody likes."""
        if isinstance(left, (str, list, tuple)) or isinstance(right, (str, list, tuple)):
            raise MalformedError(f"template error: `{operator}` is for numbers here")
        if operator == "**" and abs(right) > MAX_EXPONENT:
            raise MalformedError(f"template error: an exponent above {MAX_EXPONENT}")
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> None:
        """No `str.format` of ours: as every method that fills up a text, it is unsafe here."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """No method that fills up a text to any length."""
        return attr not in _FILLING and super().is_safe_attribute(obj, attr, value)


MAX_EXPONENT: Final = 64
MAX_ASSIGNMENTS: Final = 16
"""Of one template: each can double a text."""
_FILLING: Final = frozenset(
    {"center", "ljust", "rjust", "zfill", "expandtabs", "format", "format_map", "encode"}
)
_NO_FUNCTION_OF_THE_ROW: Final = frozenset({"random", "pprint"})
_NOT_IN_A_TEXT: Final[tuple[type[nodes.Node], ...]] = (
    nodes.Macro,
    nodes.CallBlock,
    nodes.Include,
    nodes.Import,
    nodes.FromImport,
    nodes.Extends,
    nodes.Block,
)
"""They need other templates, or can call themselves."""


def compile_text(source: str) -> Template:
    """Compile the author's own template. Raises MalformedError with the line.

    What it gives is a function of the row alone: whatever chance, an address in memory or another
    row enters is unknown here.
    """
    built = _bare(_OfTheRow(**_STRICT))
    built.finalize = _written
    built.tests = {**built.tests, **_TESTS}
    left_out = _NO_FUNCTION_OF_THE_ROW | {"center", "format"}
    built.filters = {name: one for name, one in built.filters.items() if name not in left_out}
    built.policies = {**built.policies, "json.dumps_function": _dumps}
    try:
        tree = built.parse(source)
        for node in tree.find_all(_NOT_IN_A_TEXT):
            what = type(node).__name__.lower()
            raise MalformedError(f"template error: {what} is not allowed here", line=node.lineno)
        if len(list(tree.find_all((nodes.Assign, nodes.AssignBlock)))) > MAX_ASSIGNMENTS:
            raise MalformedError(f"template error: more than {MAX_ASSIGNMENTS} `set`")
        return built.from_string(source)
    except TemplateError as error:
        line = getattr(error, "lineno", None) or 0
        raise MalformedError(f"template error: {error}", line=line) from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise MalformedError("template error: nested too deeply") from error


def _written(value: Any) -> Any:
    """A value as it is written: nothing for null. What only has an address in memory is refused."""
    has_address = isinstance(value, Iterator) or callable(value)
    if has_address and not isinstance(value, Undefined):
        kind = type(value).__name__
        raise MalformedError(f"template error: a {kind} has no text: end it with `| list`")
    return _without_null(value)


def names_in(source: str) -> tuple[str, ...]:
    """Names that a text of the author uses and does not set itself, sorted.

    Raises MalformedError for one that is no template.
    """
    try:
        return tuple(sorted(meta.find_undeclared_variables(sandbox().parse(source))))
    except (TemplateError, RecursionError, MemoryError) as error:
        raise MalformedError(f"template error: {error}") from error


def render(template: Template, values: Mapping[str, Any]) -> str:
    """Render. Raises MalformedError naming the undefined name or the failing expression."""
    try:
        return template.render(dict(values))
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise MalformedError(f"template error: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise MalformedError("template error: more than can be rendered") from error


def dotted_names(source: str) -> list[tuple[int, str]]:
    """(line, name) of every `a.b.c` in a template that compiles."""
    tree = sandbox().parse(source)
    linked: tuple[nodes.Getattr | nodes.Getitem, ...] = (
        *tree.find_all(nodes.Getattr),
        *tree.find_all(nodes.Getitem),
    )
    parts = {id(one.node) for one in linked}
    chains = (*tree.find_all(nodes.Name), *linked)
    whole = [(one.lineno, _dotted(one)) for one in chains if id(one) not in parts]
    return [(line, name) for line, name in whole if name]


def _dotted(node: nodes.Node) -> str:
    """Empty for what is no chain of names."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        above, last = _dotted(node.node), node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        above, last = _dotted(node.node), str(node.arg.value)
    else:
        return ""
    return f"{above}.{last}" if above else ""


_PLAIN_NODES: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Const,
    nodes.Filter,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.Not,
    nodes.And,
    nodes.Or,
)
"""What a stranger's narrative may use: names, filters of ours, conditions. No loops, calls or
arithmetic, so rendering takes time and memory linear in its text."""


_BOUNDED_NODES: Final = (*_PLAIN_NODES, nodes.For, nodes.Concat, nodes.Test, nodes.Keyword)
_BOUNDED_FILTERS: Final = frozenset(
    {"trim", "upper", "lower", "title", "capitalize", "string", "int", "float", "default", "d"}
    | {"join", "length", "first", "last", "tojson"}
)
MAX_BOUNDED_CHARS: Final = 1 << 26
"""Of a template times those of a row: no text that it gives is longer."""


def compile_bounded(source: str, longest_row: int) -> Template:
    """As `compile_text`, for a template that a stranger may have written.

    Raises MalformedError for what could take more time than template times row: loops in loops,
    calls, assignments, arithmetic, most filters.
    """
    if len(source) > MAX_PLAIN_CHARS or len(source) * longest_row > MAX_BOUNDED_CHARS:
        raise MalformedError("template and rows are too long to be rendered by others")
    try:
        tree = sandbox().parse(source)
        for node in tree.find_all(nodes.Node):
            nested = isinstance(node, nodes.For) and next(node.find_all(nodes.For), None)
            if nested or not isinstance(node, _BOUNDED_NODES):
                what = "loop in a loop" if nested else type(node).__name__.lower()
                raise MalformedError(f"a {what} is not rendered by others")
            if isinstance(node, nodes.Filter) and node.name not in _BOUNDED_FILTERS:
                raise MalformedError(f"the filter {node.name} is not rendered by others")
    except (TemplateError, RecursionError, MemoryError, SyntaxError) as error:
        raise MalformedError(f"template error: {error}") from error
    return compile_text(source)


def compile_plain(source: str, filters: Mapping[str, Filter]) -> Template:
    """Compile a text that only fills in names. Raises MalformedError for anything more."""
    if len(source) > MAX_PLAIN_CHARS:
        raise MalformedError(f"template error: longer than {MAX_PLAIN_CHARS} characters")
    built = sandbox()
    built.filters = dict(filters)
    try:
        tree = built.parse(source)
        for node in tree.find_all(nodes.Node):
            if not isinstance(node, _PLAIN_NODES):
                kind = type(node).__name__.lower()
                raise MalformedError(
                    f"template error: {kind} is not allowed here", line=node.lineno
                )
        return built.from_string(tree)
    except TemplateError as error:
        line = getattr(error, "lineno", None) or 0
        raise MalformedError(f"template error: {error}", line=line) from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise MalformedError("template error: nested too deeply") from error
