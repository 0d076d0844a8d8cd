"""Measurements in prose, compared with the values of the run.

Responsible for telling a measurement in a text from a version, an identifier or a year
(`literals`), in whatever way it is written (`as_read`, `spelled`), and for comparing it with the
values of a run (`support`) that its words name (`names`). Pure. Does not judge what a sentence
means.
"""

from evidence.prose.literals import Literal, measurements
from evidence.prose.support import (
    KnownNumber,
    KnownNumbers,
    UnsupportedLiteral,
    known_numbers,
    unsupported_literals,
)
from evidence.prose.texts import (
    author_texts,
    known_of,
    unsupported_in_pack,
    unsupported_in_text,
    values_named,
)

__all__ = [
    "KnownNumber",
    "KnownNumbers",
    "Literal",
    "UnsupportedLiteral",
    "author_texts",
    "known_numbers",
    "known_of",
    "measurements",
    "unsupported_in_pack",
    "unsupported_in_text",
    "unsupported_literals",
    "values_named",
]
