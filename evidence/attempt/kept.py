"""A document that only a later process of the same run reads, with its own digest in it.

Responsible for the form of these files. They lie beside what becomes the pack and are never
sealed, so nothing else tells whether they are as they were written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError
from evidence.system.durable import Written, write_file
from evidence.system.entries import read_regular


def write_kept(path: Path, value: Any) -> Written:
    """Keep a JSON value durably; what was written."""
    digest = sha256_hex(jsonio.dump_document(value))
    data = jsonio.dump_document({"kept": value, "sha256": digest})
    write_file(path, data)
    return Written(len(data), sha256_hex(data))


def read_kept(path: Path) -> Any:
    """The value. Raises MalformedError where the file is not as it was written."""
    document = jsonio.load_document(read_regular(path))
    if not isinstance(document, dict) or document.keys() != {"kept", "sha256"}:
        raise MalformedError("is not what a run keeps for itself")
    if sha256_hex(jsonio.dump_document(document["kept"])) != document["sha256"]:
        raise MalformedError("does not have the digest that it states")
    return document["kept"]
