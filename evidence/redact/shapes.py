"""What secrets look like: tokens, keys and credentials that give themselves away by their form.

Responsible for patterns over bytes, each linear in its input whatever the input is. Values that
have no form of their own are `known`'s; other spellings (base64, hex, …) are `views`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from evidence.records.record import Record

_START: Final = rb"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))"
"""Start of a word, also right behind an escaped line end."""
_BASE64: Final = rb"[A-Za-z0-9+/=]"
_GAP: Final = rb"(?:\s|\\[nrt])"

PEM_MARK: Final = b"-----BEGIN"
PEM_BEGIN: Final = rb"-----BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
PEM_END: Final = rb"-----END (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_PEM_HEADERS: Final = rb"(?:(?:Proc-Type|DEK-Info|Version|Comment):[^\n\\]{0,200}+" + _GAP + rb"*+)"


RUN_BYTES: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/._-"
MIN_RUN_BYTES: Final = 13
"""The longest that every anchor in a run allows: `authorization` may stand alone."""

_IGNORECASE: Final = int(re.IGNORECASE)
"""As a number: it is asked for each shape and line, and a flag of `re` takes twice the time."""


class Shape(Record):
    """One recognisable form. Group 1, where the pattern has one, is the secret itself."""

    kind: str
    anchors: tuple[bytes, ...]
    """One of these is in every match: looked for first, since that is many times faster. In small
    letters where the pattern ignores case."""
    pattern: re.Pattern[bytes]
    is_in_run: bool = True
    """The anchor of every match is part of a run of `MIN_RUN_BYTES` of `RUN_BYTES` or more."""

    @property
    def ignores_case(self) -> bool:
        """Whether capital and small letters are the same to the pattern."""
        return bool(self.pattern.flags & _IGNORECASE)


def _shape(kind: str, anchors: str, pattern: bytes, flags: int = 0) -> Shape:
    return Shape(kind, tuple(anchors.encode().split()), re.compile(pattern, flags))


def _apart(kind: str, anchors: str, pattern: bytes, flags: int = 0) -> Shape:
    return Shape(kind, tuple(anchors.encode().split()), re.compile(pattern, flags), False)


SHAPES: Final = (
    _shape("hf-token", "hf_ api_org_", rb"(?:hf_|api_org_)[A-Za-z0-9]{30,}+"),
    _shape(
        "aws-access-key",
        "AKIA ASIA ABIA ACCA",
        rb"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Z0-9])",
    ),
    _apart(
        "aws-secret-key",
        "ecret",
        rb"(?:secret_?(?:access_?)?key|SecretAccessKey)[\"'\\]{0,3}[ \t]{0,8}[:=][ \t]{0,8}"
        rb"[\"'\\]{0,3}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        re.IGNORECASE,
    ),
    _shape("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", rb"gh[pousr]_[A-Za-z0-9]{30,}+"),
    _shape("github-token", "github_pat_", rb"github_pat_[A-Za-z0-9_]{22,}+"),
    _shape("gitlab-token", "glpat-", rb"glpat-[A-Za-z0-9_-]{20,}+"),
    _shape("openai-key", "sk-", _START + rb"sk-(?=[A-Za-z]{0,64}[0-9])[A-Za-z0-9]{20,}+"),
    _shape(
        "openai-key",
        "sk-proj- sk-svcacct- sk-admin- sk-or-",
        _START + rb"sk-(?:proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{20,}+",
    ),
    _shape("anthropic-key", "sk-ant-", _START + rb"sk-ant-[A-Za-z0-9_-]{20,}+"),
    _shape(
        "jwt",
        ".eyJ",
        _START + rb"eyJ[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+",
    ),
    _apart(
        "private-key",
        "-----BEGIN",
        PEM_BEGIN + _GAP + rb"*+" + _PEM_HEADERS + rb"{0,4}+"
        rb"(?:" + _BASE64 + rb"{16,}+" + _GAP + rb"*+)++(?:" + _BASE64 + rb"{0,64}+"
        rb"" + _GAP + rb"*+" + PEM_END + rb")?",
    ),
    _apart(
        "url-credentials",
        "://",
        rb"(?<=[A-Za-z0-9+.-])://(?!\[redacted:)([^\s/:@\"'<>`\x00-\x20\x7f-\xff]{0,100}:"
        rb"(?![*xX.<{$%\[]|(?:password|passwd|pass|secret|token|pw)@)"
        rb"[^\s/@\"'<>`\x00-\x20\x7f]{1,200})@(?=[A-Za-z0-9\[])",
    ),
    _shape(
        "slack-token",
        "xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs-",
        rb"xox[abeoprs]-[A-Za-z0-9-]{10,}+",
    ),
    _shape(
        "slack-webhook",
        "hooks.slack.com/",
        rb"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/_+-]{20,}+)",
    ),
    _shape("google-api-key", "AIza", rb"AIza[A-Za-z0-9_-]{35}"),
    _shape("google-oauth-token", "ya29.", rb"ya29\.[A-Za-z0-9_-]{20,}+"),
    _shape("stripe-key", "k_live_ k_test_", rb"[rs]k_(?:live|test)_[A-Za-z0-9]{20,}+"),
    _shape("npm-token", "npm_", rb"npm_[A-Za-z0-9]{36}"),
    _shape("pypi-token", "pypi-", rb"pypi-AgE[A-Za-z0-9_-]{40,}+"),
    _shape(
        "authorization-header",
        "uthorization",
        rb"authorization[\"'\\]{0,3}[ \t]{0,8}[:=][ \t]{0,8}[\"'\\]{0,3}"
        rb"(?:bearer|basic|token)[ \t]{1,8}([A-Za-z0-9._~+/=-]{12,}+)",
        re.IGNORECASE,
    ),
)


URL_WITH_AT: Final = re.compile(rb"://[^\s/@\"'<>`\x00-\x20\x7f]{2,301}+@")
"""In whatever `url-credentials` matches this matches, too; it is many times faster."""
AWS_KEY_BYTES: Final = 40


def shaped(data: bytes) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of everything in `data` that has the form of a secret."""
    small_letters = data.lower()
    for shape in SHAPES:
        among = small_letters if shape.ignores_case else data
        if any(anchor in among for anchor in shape.anchors):
            for match in shape.pattern.finditer(data):
                start, end = match.span(shape.pattern.groups)
                yield shape.kind, start, end
