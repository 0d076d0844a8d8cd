"""Jinja, sandboxed and strict. The only importer of jinja2.

Responsible for environments in which an undefined name is an error and a template cannot reach
Python. Text from data, models or packs is only ever a value in them, never a template; the
author's own milestone text is a template and runs in the sandbox too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import DictLoader, StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evidence.errors import MalformedError

__all__ = ["Filter", "Template", "compile_text", "environment", "render"]

Filter = Callable[..., Any]

MAX_PLAIN_CHARS: Final = 16 * 1024
"""Longest text that `compile_plain` takes."""


def environment(
    templates: Mapping[str, str] | None = None, filters: Mapping[str, Filter] | None = None
) -> ImmutableSandboxedEnvironment:
    """A sandboxed environment over in-memory templates. Undefined names raise."""
    built = ImmutableSandboxedEnvironment(
        loader=DictLoader(dict(templates or {})),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Folding constants takes as long as the rest of compiling, and there are none to fold.
        optimized=False,
    )
    built.globals.clear()
    built.filters.update(filters or {})
    return built


def compile_text(source: str, filters: Mapping[str, Filter] | None = None) -> Template:
    """Compile the author's own template. Raises MalformedError with the line."""
    try:
        return environment(filters=filters).from_string(source)
    except TemplateError as error:
        line = getattr(error, "lineno", None) or 0
        raise MalformedError(f"template error: {error}", line=line) from error


def render(template: Template, values: Mapping[str, Any]) -> str:
    """Render. Raises MalformedError naming the undefined name or the failing expression."""
    try:
        return template.render(dict(values))
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise MalformedError(f"template error: {error}") from error


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


def compile_plain(source: str, filters: Mapping[str, Filter]) -> Template:
    """Compile a text that only fills in names. Raises MalformedError for anything more."""
    if len(source) > MAX_PLAIN_CHARS:
        raise MalformedError(f"template error: longer than {MAX_PLAIN_CHARS} characters")
    built = environment()
    built.filters = dict(filters)
    built.keep_trailing_newline = True
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
