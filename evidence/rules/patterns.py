"""Regular expressions from a milestone, which may be a stranger's: in linear time, always.

Responsible for one question, whether a pattern is found in a text. The language is that of
`pattern` in JSON Schema (ECMA-262) without look-around and back-references, which no engine
matches in linear time; the engine is Rust's `regex`, as jsonschema-rs brings it along. A pattern
that needs either, or too large a program, is refused when the milestone is read.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from evidence import limits
from evidence.errors import EvidenceError, MalformedError

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

VERSION: Final = 1
"""Of the language; raised when a pattern comes to mean something else."""


class NoEngineError(EvidenceError):
    """This system has no engine for patterns."""


def refuse_bad_pattern(pattern: str) -> None:
    """Raises MalformedError for a pattern that is none, or that takes more than linear time."""
    _compiled(pattern)


def found(pattern: str, text: str) -> bool:
    """Whether the pattern matches anywhere in the first MAX_PATTERN_TEXT_CHARS of a text.

    Raises MalformedError for a pattern that `check` refuses.
    """
    engine = _compiled(pattern)
    return engine.is_valid(text[: limits.MAX_PATTERN_TEXT_CHARS])


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> Draft202012Validator:
    if len(pattern) > limits.MAX_PATTERN_CHARS:
        raise MalformedError(f"longer than {limits.MAX_PATTERN_CHARS} characters")
    try:
        import jsonschema_rs
    except ImportError as error:
        hint = "pip install jsonschema-rs, which has wheels for the usual systems."
        raise NoEngineError("there is no engine for patterns: jsonschema-rs", hint=hint) from error
    options = jsonschema_rs.RegexOptions(size_limit=limits.MAX_PATTERN_PROGRAM_BYTES)
    schema: dict[str, Any] = {"pattern": pattern}
    try:
        return jsonschema_rs.Draft202012Validator(schema, pattern_options=options)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise MalformedError(
            f"{pattern!r} is no pattern, or needs look-around, a back-reference or too large a "
            "program"
        ) from error
