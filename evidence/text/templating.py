"""Jinja, strict, and sandboxed for every text that is not our own. The only importer of jinja2.

Responsible for environments in which an undefined name is an error. Text from data, models or
packs is only ever a value in them, never a template; the author's milestone text is a template and
runs in the sandbox, where it cannot reach Python. The templates that we ship are code of ours like
this file, and the sandbox would only make each of their attributes and calls slower.
"""

from __future__ import annotations

import importlib.util
import marshal
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

import jinja2
from jinja2 import DictLoader, Environment, StrictUndefined, Template, TemplateError, nodes
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evidence.errors import MalformedError

__all__ = ["ByteCode", "Filter", "Template", "compile_plain", "compile_text", "render", "shipped"]

E = TypeVar("E", bound=Environment)

Filter = Callable[..., Any]

MAX_PLAIN_CHARS: Final = 16 * 1024
"""Longest text that `compile_plain` takes."""


class ByteCode(BytecodeCache):
    """Templates that we ship, compiled: kept where Python keeps its byte code, and by its rules.

    Compiling takes longer than all else in verifying a small pack. What is found is taken only
    where this very file compiled it from this very source, with this Python and this Jinja.
    """

    def __init__(self, version: str) -> None:
        self._version = version

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """A template's own name."""
        return name

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in the code where it is there."""
        with suppress(OSError, EOFError, ValueError, TypeError):
            data, mark = self._place(bucket).read_bytes(), self._mark(bucket)
            if data.startswith(mark):
                bucket.code = marshal.loads(data[len(mark) :])  # noqa: S302 - as Python's own

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code for the next start, unless Python was told to keep none."""
        place = self._place(bucket)
        own = place.with_suffix(f".{os.getpid()}")
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            own.write_bytes(self._mark(bucket) + marshal.dumps(bucket.code))
            own.replace(place)

    def _place(self, bucket: Bucket) -> Path:
        source = Path(__file__).with_name(f"{self._version}-{bucket.key}.py")
        return Path(importlib.util.cache_from_source(source))

    def _mark(self, bucket: Bucket) -> bytes:
        made = f"{jinja2.__version__} {bucket.checksum} ".encode() + Path(__file__).read_bytes()
        return importlib.util.MAGIC_NUMBER + sha256(made).digest()


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
