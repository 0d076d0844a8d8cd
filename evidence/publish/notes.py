"""Notes of the author: attached to a sealed pack, and shown as later.

Responsible for refusing a note that holds a secret or that contradicts the pack it is attached to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from evidence import layout, prose
from evidence.errors import UsageError
from evidence.pack.documents import Documents
from evidence.prose.literals import shown
from evidence.publish.summaries import rerender
from evidence.redact.search import scan
from evidence.redact.stream import Redactor
from evidence.redact.this_process import TAKE_OUT, secrets_of_this_process
from evidence.system.durable import staging_of, write_file
from evidence.text.formatting import significant
from evidence.verification.verification import load_sealed

MAX_NOTE_BYTES: Final = 1 << 20


def attach_note(pack: Path, note: Path) -> Path:
    """Copy a note into attached/ and render again. Returns its pack-relative path."""
    sealed = load_sealed(pack)  # a broken pack gets no notes
    data = note.read_bytes()
    if len(data) > MAX_NOTE_BYTES:
        raise UsageError(f"{note} is larger than {MAX_NOTE_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{note} is not UTF-8 (byte {error.start})") from error
    _refuse_secrets(note, data)
    _refuse_contradiction(note, text, sealed.documents)
    folder = pack / layout.ATTACHED
    number = 1
    while (folder / f"notes-{number:03d}.md").exists():
        number += 1
    path = folder / f"notes-{number:03d}.md"
    write_file(path, data, staging=staging_of(pack))
    rerender(pack)
    return path.relative_to(pack)


def _refuse_secrets(note: Path, data: bytes) -> None:
    """Raise UsageError for a secret in words that are to be attached to a pack."""
    secrets = secrets_of_this_process()
    found = [
        f"{Redactor(secrets).text(str(note))}:{one.line}: {one.kind}" for one in scan(data, secrets)
    ]
    if found:
        places = "\n".join(found)
        raise UsageError(f"the note holds a secret and is not attached:\n{places}", hint=TAKE_OUT)


def _refuse_contradiction(note: Path, text: str, documents: Documents) -> None:
    """Raise UsageError for a note whose words say another number than the pack holds."""
    for unsupported in prose.unsupported_in_text(text, documents):
        if unsupported.actual is not None:
            raise UsageError(
                f"{note}:{unsupported.literal.line}: says {shown(unsupported.literal)}, but "
                f"{unsupported.name} of this pack is {significant(unsupported.actual)}",
                hint="`evidence explain` shows where the value comes from.",
            )
