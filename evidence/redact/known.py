"""Secrets that this process knows: values of variables whose names say so.

Responsible for which names speak of a secret, and for what is taken from each value. Reads no
file and no variable by itself: it is given them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from msgspec import field

from evidence.encoding.digest import sha256_hex
from evidence.records.record import Record
from evidence.redact.shapes import MIN_RUN_BYTES, RUN_BYTES, shaped

MIN_BYTES: Final = 12
"""Shorter values are words: 'root' would be cut out of 'square root', 'false' out of everything."""
VARIABLE: Final = "secret-variable"
"""Kind of a value that only the name of its variable gives away."""

_SAYS_SECRET: Final = re.compile(
    r"(?:TOKEN|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|_PWD|API_?KEY|ACCESS_KEY|ACCOUNT_KEY"
    r"|PRIVATE_KEY|CREDENTIALS?)(?=_|$|[0-9])"
)
_SAYS_PLACE: Final = re.compile(r"_(?:FILE|PATH|DIR|SOCK|ID|NAME|TYPE|TTL|LIMIT)$")
HARMLESS: Final = frozenset(
    {
        "TOKENIZERS_PARALLELISM",
        "GOOGLE_APPLICATION_CREDENTIALS",  # the path of a file
        "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
        "AWS_SHARED_CREDENTIALS_FILE",
    }
)
"""Names that sound like a secret and hold none."""
_RUN: Final = re.compile(rb"[%b]{%d,}+" % (re.escape(RUN_BYTES), MIN_RUN_BYTES))
_NUMBER: Final = re.compile(rb"[+-]?[0-9]+(?:\.[0-9]*)?")


class Secrets(Record, dict=True):
    """Known secret values with the kind that each is called in public."""

    kinds: Mapping[bytes, str] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    """SHA-256 of what looks like a secret and is none."""

    @cached_property
    def marks_of_lines(self) -> tuple[bytes, ...]:
        """A part of each value of more than one line: where it is not, the value is not."""
        return tuple(_longest_line(value) for value in self.kinds if b"\n" in value)

    @cached_property
    def marks_in_runs(self) -> tuple[bytes, ...]:
        """The same of each value that has a run of bytes as tokens have."""
        return tuple(run for value in self.kinds if (run := _longest_run(value)))

    @cached_property
    def marks(self) -> tuple[bytes, ...]:
        """The same of the others."""
        return tuple(_longest_line(value) for value in self.kinds if not _longest_run(value))

    def allows(self, found: bytes) -> bool:
        """Whether the author said that these plain bytes are no secret."""
        return bool(self.allowed) and sha256_hex(found) in self.allowed

    def within(self, data: bytes) -> Iterator[tuple[str, int, int]]:
        """(kind, start, end) of every known value in `data`."""
        for value, kind in self.kinds.items():
            start = data.find(value)
            while start >= 0:
                yield kind, start, start + len(value)
                start = data.find(value, start + len(value))


def _longest_line(value: bytes) -> bytes:
    return max(value.split(b"\n"), key=len)


def _longest_run(value: bytes) -> bytes:
    return max(_RUN.findall(_longest_line(value)), key=len, default=b"")


def says_secret(name: str) -> bool:
    """Whether a variable's name says that its value is a secret."""
    upper = name.upper()
    if upper in HARMLESS or _SAYS_PLACE.search(upper):
        return False
    return _SAYS_SECRET.search(upper) is not None


def known_secrets(variables: Mapping[str, str], arguments: Iterable[str] = ()) -> Secrets:
    """What must not be published of these variables and command-line arguments.

    Values of secret-named variables; and from all of them whatever has the form of a secret, so
    that the password of a proxy's URL is known by itself too.
    """
    kinds: dict[bytes, str] = {}
    for name, value in variables.items():
        data = value.encode("utf-8", "surrogateescape")
        for kind, secret in _shaped_parts(data):
            _add(kinds, kind, secret)
        if says_secret(name):
            whole = next((k for k, start, end in shaped(data) if end - start == len(data)), None)
            for line in (data, *data.splitlines()):
                _add(kinds, whole or VARIABLE, line)
    for argument in arguments:
        for kind, secret in _shaped_parts(argument.encode("utf-8", "surrogateescape")):
            _add(kinds, kind, secret)
    # Longest first: a secret that holds another is cut as one.
    return Secrets(dict(sorted(kinds.items(), key=lambda item: -len(item[0]))))


def _shaped_parts(data: bytes) -> Iterator[tuple[str, bytes]]:
    for kind, start, end in shaped(data):
        secret = data[start:end]
        yield kind, secret
        if kind == "url-credentials":
            yield kind, secret.partition(b":")[2]


def _add(kinds: dict[bytes, str], kind: str, value: bytes) -> None:
    value = value.strip()
    if len(value) < MIN_BYTES or _NUMBER.fullmatch(value):
        return
    kinds.setdefault(value, kind)
    if b" " in value:
        kinds.setdefault(value.replace(b" ", b"+"), kind)  # as HTML forms spell it
    if not value.isascii():
        text = value.decode("utf-8", "surrogateescape")
        kinds.setdefault(ascii(text)[1:-1].encode("ascii"), kind)  # as Python's ascii() spells it
