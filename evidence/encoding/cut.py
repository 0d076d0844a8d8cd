"""A long text as a document repeats it: its beginning, its length, and the digest of the whole.

Responsible for the form alone; how long a text may be is its document's affair.
"""

from __future__ import annotations

from evidence.encoding.digest import sha256_hex


def cut(text: str, limit_chars: int) -> str:
    """`text`, or so much of it that all of the result has `limit_chars`. Twice is as once."""
    if len(text) <= limit_chars:
        return text
    digest = sha256_hex(text.encode("utf-8", "surrogatepass"))
    whole = f" […] ({len(text)} characters, sha256 {digest})"
    return text[: limit_chars - len(whole)] + whole
