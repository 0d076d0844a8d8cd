"""SHA256SUMS, read to the letter.

Responsible for the form of the file and the names in it. Whether the digests hold is checked by
`digests`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec import field

from evidence import layout, limits
from evidence.encoding.digest import sha256_hex, with_lf
from evidence.records.record import Record
from evidence.verification.problem import Problem, shown
from evidence.verification.reading.names import unsafe_when_listed

_LINE: Final = re.compile(r"([0-9a-f]{64})  (.+)")
_LIKE_A_LINE: Final = re.compile(r"\\?[0-9A-Fa-f]*\s+\*?(\S.*)", re.DOTALL)
LINE_ENDS_HINT: Final = (
    "only line ends differ (CRLF for LF), as git or an editor does on Windows: put `* -text` "
    "into runs/.gitattributes, then check the pack out again"
)


class Sums(Record):
    """What SHA256SUMS lists, and what is wrong with its form."""

    digests: dict[str, str]
    """Digest by path, for every line that can be read."""
    root_sha256: str
    data: bytes = b""
    """The bytes that the root digest is of, which are those that a signature covers."""
    problems: tuple[Problem, ...] = field(default=())


def parse_sums(data: bytes) -> Sums:
    """Read SHA256SUMS; every deviation is a problem with its line."""
    problems: list[Problem] = []
    plain = with_lf(data)
    if plain != data:
        problems.append(Problem(layout.SUMS, LINE_ENDS_HINT, code="line-ends"))
    lines = plain.split(b"\n")
    if not data:
        problems.append(_odd(0, "is empty: a pack without evidence proves nothing"))
    elif lines.pop() != b"":
        problems.append(_odd(len(lines) + 1, "the last line does not end with LF"))
        lines = plain.split(b"\n")
    digests: dict[str, str] = {}
    previous = b""
    for number, line in enumerate(lines, 1):
        text = line.decode("utf-8", "surrogateescape")
        match = _LINE.fullmatch(text)
        if match is None or _cannot_be_listed(match[2]):
            problems.extend(_line_problems(number, text, match))
        if match is None:
            continue
        path = line[66:]
        if match[2] in digests:
            problems.append(_odd(number, f"lists {shown(match[2])} a second time"))
        elif path < previous:
            problems.append(_odd(number, "is not in order: lines are sorted bytewise by path"))
        digests.setdefault(match[2], match[1])
        previous = path
    if len(digests) > limits.MAX_FILES:
        text = f"lists more than {limits.MAX_FILES} files"
        problems.append(Problem(layout.SUMS, text, severity="refused", code="too-many-files"))
    return Sums(digests, sha256_hex(plain), plain, tuple(problems))


def _line_problems(number: int, text: str, match: re.Match[str] | None) -> Iterator[Problem]:
    if match is None:
        yield _odd(number, f"is not `<64 lower-case hex digits>  <path>`: {shown(text)}")
    like = match[2] if match else None
    if like is None and (loose := _LIKE_A_LINE.fullmatch(text)):
        like = loose[1]
    reason = None if like is None else unsafe_when_listed(like)
    if like is not None and reason is not None:
        yield Problem(
            f"{layout.SUMS}#L{number}",
            f"lists {shown(like)}: {reason}",
            severity="refused",
            code="unsafe-name",
        )
    if like is not None and _is_beside(like):
        yield _odd(number, f"lists {shown(like)}, which cannot be part of the sealed set")


def _cannot_be_listed(path: str) -> bool:
    return unsafe_when_listed(path) is not None or _is_beside(path)


def _is_beside(path: str) -> bool:
    return path in (layout.SUMS, layout.SIGNATURE) or _is_added(path)


def _is_added(path: str) -> bool:
    return layout.is_rendered(path) or layout.is_attached(path)


def _odd(number: int, message: str) -> Problem:
    where = f"{layout.SUMS}#L{number}" if number else layout.SUMS
    return Problem(where, message, code="sums-line")
