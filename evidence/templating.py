"""Jinja, sandboxed and strict. The only importer of jinja2.

Responsible for environments in which an undefined name is an error and a template cannot reach
Python. Text from data, models or packs is only ever a value in them, never a template; the
author's own milestone text is a template and runs in the sandbox too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import DictLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evidence.errors import MalformedError

Filter = Callable[..., Any]


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
