"""The digest of a canonical document of which one part is a long list of records.

Responsible for making it without the document: a hundred thousand records as JSON values, with the
text of all of them, would be far more than they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from evidence.encoding import jsonio
from evidence.encoding.codec import encode_rows

_AT_ONCE: Final = 500
_EMPTY: Final = b"[]"


def document_digest(content: Mapping[str, Any], long: str) -> str:
    """SHA-256 (hex) of `dump_document(content)`, the records under the key `long` encoded.

    `content` may lack that key.
    """
    if long not in content:
        return sha256(jsonio.dump_document(content)).hexdigest()
    # Keys of the first level, and they alone, stand behind two spaces at the start of a line.
    before, key, after = jsonio.dump_document({**content, long: []}).partition(
        f'\n  "{long}": '.encode()
    )
    state = sha256(before + key)
    for piece in _pieces(content[long]):
        state.update(piece)
    state.update(after.removeprefix(_EMPTY))
    return state.hexdigest()


def _pieces(records: Sequence[object]) -> Iterator[bytes]:
    """The list as it stands one level deep."""
    stream = iter(records)
    begun = b"["
    while chunk := list(islice(stream, _AT_ONCE)):
        inside = jsonio.dump_document(encode_rows(chunk)).removesuffix(b"\n]\n").removeprefix(b"[")
        yield begun + inside.replace(b"\n", b"\n  ")
        begun = b","
    yield _EMPTY if begun == b"[" else b"\n  ]"
