"""Thirty secrets that nobody owns, and the spellings in which they could slip into a pack.

The values are put together here from parts, so that no scanner of repositories mistakes this
file for a leak.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
UPPER: Final = LOWER.upper()
DIGITS: Final = "0123456789"
BASE32: Final = UPPER + "234567"


@dataclass(frozen=True, slots=True)
class Canary:
    """A text that holds a secret; `secret` is the part that must never be seen."""

    name: str
    text: str
    secret: str
    variable: str = ""
    """Name of the variable that gives it away; empty: its form does."""


def _drawn(name: str, alphabet: str, count: int) -> str:
    random = Random(name)
    return "".join(random.choice(alphabet) for _ in range(count - 1)) + "7"


def _token(name: str, prefix: str, alphabet: str, count: int) -> Canary:
    secret = prefix + _drawn(name, alphabet, count)
    return Canary(name, secret, secret)


def _around(name: str, before: str, alphabet: str, count: int, after: str) -> Canary:
    secret = _drawn(name, alphabet, count)
    return Canary(name, before + secret + after, secret)


def _variable(name: str, variable: str, secret: str) -> Canary:
    return Canary(name, secret, secret, variable)


def _pem(label: str, headers: str = "") -> Canary:
    body = _drawn(label, LOWER + UPPER + DIGITS + "+/", 64 * 5 + 20)
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    edge = "-----"
    text = f"{edge}BEGIN {label}{edge}\n{headers}{lines}\n{edge}END {label}{edge}"
    return Canary(label, text, body[64:128])


WORD: Final = LOWER + UPPER + DIGITS
CANARIES: Final = (
    _token("hugging face", "hf" + "_", WORD, 34),
    _token("hugging face organisation", "api_org" + "_", WORD, 34),
    _token("aws key id", "AK" + "IA", BASE32, 16),
    _token("aws temporary key id", "AS" + "IA", BASE32, 16),
    _around("aws secret", "aws_secret_access_key = ", WORD + "/+", 40, ""),
    _token("github classic", "gh" + "p_", WORD, 36),
    _token("github server", "gh" + "s_", WORD, 36),
    _token("github fine-grained", "github" + "_pat_", WORD + "_", 82),
    _token("gitlab", "gl" + "pat-", WORD + "_-", 20),
    _token("openai classic", "s" + "k-", WORD, 48),
    _token("openai project", "s" + "k-proj-", WORD + "_-", 90),
    _token("anthropic", "s" + "k-ant-", WORD + "_-", 90),
    Canary(
        "jwt",
        "ey"
        + f"J{_drawn('j1', WORD, 30)}.ey"
        + f"J{_drawn('j2', WORD, 60)}.{_drawn('j3', WORD, 43)}",
        _drawn("j3", WORD, 43),
    ),
    _pem("RSA PRIVATE" + " KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\n"),
    _pem("PRIVATE" + " KEY"),
    _pem("OPENSSH PRIVATE" + " KEY"),
    _around("database", "postgres://" + "svc:", WORD, 16, "@db.example.org:5432/x"),
    _around("proxy", "http://" + "me:", WORD, 9, "@proxy.example.org:3128"),
    _around("package index", "https://" + "__token__:", WORD, 30, "@pypi.example.org/simple"),
    _around("redis", "redis://" + ":", WORD, 20, "@cache.example.org/0"),
    _token("slack bot", "xo" + "xb-", DIGITS + LOWER, 40),
    _around("slack webhook", "https://hooks.slack" + ".com/services/", WORD, 44, ""),
    _token("google api", "AI" + "za", WORD + "_-", 35),
    _token("stripe", "s" + "k_live_", WORD, 24),
    _token("npm", "np" + "m_", WORD, 36),
    _token("pypi", "py" + "pi-AgE", WORD + "_-", 90),
    _around("header", "Authorization: " + "Bearer ", WORD, 24, ""),
    _variable("wandb", "WANDB_API_KEY", _drawn("wandb", "0123456789abcdef", 40)),
    _variable("password", "DB_PASSWORD", 'p"ss \\w/rd+ä%&9'),
    _variable("words", "SERVICE_CREDENTIAL", "correct horse battery"),
)
VARIABLES: Final = {one.variable: one.secret for one in CANARIES if one.variable}


def _base64_inside(text: str) -> str:
    return base64.urlsafe_b64encode(f"u:{text}".encode()).decode()


ENCODINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 inside": _base64_inside,
    "hex": lambda text: text.encode().hex(),
    "url": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "json": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
}


def traces(canary: Canary) -> set[bytes]:
    """What must be in no byte of a pack: the secret in every spelling."""
    found = set()
    for encode in ENCODINGS.values():
        spelled = encode(canary.secret)
        found.add(spelled.encode())
    middle = canary.secret[: len(canary.secret) // 3 * 3].encode()
    for shift in range(3):  # the part of each alignment that does not depend on its neighbours
        encoded = base64.b64encode(b"\0" * shift + middle)
        found.add(encoded[4:-4] if len(encoded) > 16 else encoded[4:])
    return found
