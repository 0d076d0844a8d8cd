"""Jinja, strict, and sandboxed for every text that is not our own. The only importer of jinja2.

Responsible for environments in which an undefined name is an error. Text from data, models or
packs is only ever a value in them, never a template; the author's milestone text is a template and
runs in the sandbox, where it cannot reach Python. The templates that we ship are code of ours like
this file, and the sandbox would only make each of their attributes and calls slower.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import jinja2
from jinja2 import DictLoader, Environment, StrictUndefined, Template, TemplateError, meta, nodes
from jinja2.bccache import Bucket, FileSystemBytecodeCache
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evidence.errors import MalformedError

__all__ = [
    "ByteCode",
    "Filter",
    "Template",
    "compile_plain",
    "compile_text",
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


def compile_text(source: str) -> Template:
    """Compile the author's own template. Raises MalformedError with the line."""
    try:
        return sandbox().from_string(source)
    except TemplateError as error:
        line = getattr(error, "lineno", None) or 0
        raise MalformedError(f"template error: {error}", line=line) from error


def names_in(source: str) -> tuple[str, ...]:
    """Names that a text of the author uses and does not set itself, sorted."""
    return tuple(sorted(meta.find_undeclared_variables(sandbox().parse(source))))


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
