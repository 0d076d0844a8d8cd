"""Secrets and names kept out of what is published.

Responsible for recognising secrets (by form, or by value where this process knows them, in
several spellings) and for cutting them out of text. Pure: environment and names are given to it.
What is cleaned, what is only scanned, and what follows from a finding is decided above: inputs
and outputs keep their bytes and are refused, logs and captured fields are rewritten.
"""

from __future__ import annotations

from msgspec import field

from evidence.records.record import Record
from evidence.redact.identity import Identity
from evidence.redact.known import Secrets, known_secrets, says_secret
from evidence.redact.search import SecretMatch, scan, scan_stream
from evidence.redact.stream import Redactor


class Privacy(Record):
    """What must not be published by one run: known secrets, and names to replace."""

    secrets: Secrets = field(default_factory=Secrets)
    identity: Identity = field(default_factory=Identity)

    def redactor(self) -> Redactor:
        """A fresh redactor with its own counts."""
        return Redactor(self.secrets, self.identity)

    def clean(self, text: str) -> str:
        """One text without secrets and names."""
        return self.redactor().text(text)


__all__ = [
    "Identity",
    "Privacy",
    "Redactor",
    "SecretMatch",
    "Secrets",
    "known_secrets",
    "says_secret",
    "scan",
    "scan_stream",
]
