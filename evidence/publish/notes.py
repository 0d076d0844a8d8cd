"""Notes of the author: attached to a sealed pack, and shown as later.

Responsible for refusing a note that holds a secret or that contradicts the pack it is attached to.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from evidence import layout, limits, prose
from evidence.errors import UsageError
from evidence.pack.imported import PackDocuments
from evidence.prose.literals import shown
from evidence.publish.summaries import (
    attach_file,
    being_attached,
    held,
)
from evidence.redact.search import scan
from evidence.redact.stream import Redactor
from evidence.redact.this_process import TAKE_OUT, secrets_of_this_process
from evidence.text.formatting import significant
from evidence.verification.verification import load_sealed

MAX_NOTE_BYTES: Final = limits.MAX_NOTE_BYTES


def attach_note(pack: Path, note: Path) -> Path:
    """Copy a note into attached/ and render again. Returns its pack-relative path."""
    data = _bytes_of(note)
    load_sealed(pack)  # a broken pack gets no notes
    with held(pack):
        return _attach(pack, note, data)


def _bytes_of(note: Path) -> bytes:
    """The note; of a pipe or a device no byte is read."""
    try:
        handle = os.open(note, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise UsageError(f"cannot read {note}: {error.strerror}") from error
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UsageError(f"{note} is no regular file", hint="Save the note in a file first.")
        data = stream.read(MAX_NOTE_BYTES + 1)
    if len(data) > MAX_NOTE_BYTES:
        raise UsageError(f"{note} is larger than {MAX_NOTE_BYTES} bytes")
    return data


def _attach(pack: Path, note: Path, data: bytes) -> Path:
    sealed = load_sealed(pack)  # once more, when nobody else writes
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{note} is not UTF-8 (byte {error.start})") from error
    _refuse_secrets(note, data)
    _refuse_contradiction(note, text, sealed.documents)
    name = _name(pack, data)
    attach_file(sealed, name, data)
    return Path(name)


def _name(pack: Path, data: bytes) -> str:
    """The first that is free; or of these very words, where attaching them was broken off."""
    broken_off = being_attached(pack)
    number = 1
    while True:
        name = f"{layout.ATTACHED}/notes-{number:03d}.md"
        path = pack / name
        if not path.exists() or (name in broken_off and path.read_bytes() == data):
            return name
        number += 1


def _refuse_secrets(note: Path, data: bytes) -> None:
    """Raise UsageError for a secret in words that are to be attached to a pack."""
    secrets = secrets_of_this_process()
    found = [
        f"{Redactor(secrets).text(str(note))}:{one.line}: {one.kind}" for one in scan(data, secrets)
    ]
    if found:
        places = "\n".join(found)
        raise UsageError(f"the note holds a secret and is not attached:\n{places}", hint=TAKE_OUT)


def _refuse_contradiction(note: Path, text: str, documents: PackDocuments) -> None:
    """Raise UsageError for a note whose words say another number than the pack holds."""
    for unsupported in prose.unsupported_in_text(text, documents, prose.known_of(documents)):
        if unsupported.actual is not None:
            raise UsageError(
                f"{note}:{unsupported.literal.line}: says {shown(unsupported.literal)}, but "
                f"{unsupported.name} of this pack is {significant(unsupported.actual)}",
                hint="`evidence explain` shows where the value comes from.",
            )
