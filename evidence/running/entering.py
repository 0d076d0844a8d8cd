"""Files of models and tokenizers that enter training, as they are when a run begins.

Responsible for marking them before any worker has loaded them, so that a run goes on with the same
ones wherever it was killed. A worker reports the whole digests of what it loaded; a file too large
to be read before every run is marked by its size and by pieces of it. Of a folder the files that
frameworks read are marked, 1000 at most; what a README says there trains nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from evidence.encoding.digest import sha256_stream
from evidence.records.record import Record
from evidence.records.run import AttemptPlan
from evidence.system.entries import OF_THIS_PROCESS

MAX_FILES: Final = 1000
MAX_WHOLE_BYTES: Final = 32 << 20
NUM_PIECES: Final = 64
PIECE_BYTES: Final = 64 << 10
_READ: Final = frozenset(
    (".json", ".safetensors", ".model", ".txt", ".jinja", ".tiktoken", ".vocab", ".bpe")
)
_TEMPLATES: Final = ("chat_templates", "additional_chat_templates")


class FileMark(Record):
    """A file as it was."""

    path: str
    """From the root of the project."""
    size_bytes: int
    sha256: str
    """Of all of it; of a larger file than MAX_WHOLE_BYTES, of pieces spread over it."""


def marks(root: Path, plans: Iterable[AttemptPlan]) -> tuple[FileMark, ...]:
    """A mark of each file that the models and tokenizers of these attempts are read from."""
    found = {name: root / name for plan in plans for name in read_files(root, plan)}
    return tuple(mark(path, name) for name, path in sorted(found.items()))


def mark(path: Path, name: str) -> FileMark:
    """The mark of one file."""
    with path.open("rb", buffering=0) as stream:
        size_bytes = path.stat().st_size
        if size_bytes <= MAX_WHOLE_BYTES:
            digest, size_bytes = sha256_stream(stream)
            return FileMark(name, size_bytes, digest)
        pieces = sha256()
        for number in range(NUM_PIECES):
            stream.seek((size_bytes - PIECE_BYTES) * number // (NUM_PIECES - 1))
            pieces.update(stream.read(PIECE_BYTES))
        return FileMark(name, size_bytes, pieces.hexdigest())


def changed_files(
    root: Path, plans: Iterable[AttemptPlan], before: Iterable[FileMark]
) -> Iterator[str]:
    """Each marked file that is another one by now, and each that was not there."""
    plans = tuple(plans)
    own = tuple(f"{folder.rstrip('/')}/" for plan in plans for folder in _folders(plan))
    known = {one.path: one for one in before if one.path.startswith(own)}
    names = {name for plan in plans for name in read_files(root, plan)}
    folders = {Path(name).parent for name in names}
    for name, was in known.items():
        if not (root / name).is_file():
            yield f"{name} is gone"
            continue
        now = _mark_or_reason(root / name, name)
        if isinstance(now, str):
            yield f"{name} cannot be read: {now}"
        elif now != was:
            yield f"{name} {_difference(was, now)}"
    if known:
        yield from (
            f"{name} was not there when the run began"
            for name in sorted(names - known.keys())
            if Path(name).parent in folders
        )


def _mark_or_reason(path: Path, name: str) -> FileMark | str:
    try:
        return mark(path, name)
    except OSError as error:
        if error.errno in OF_THIS_PROCESS:
            raise
        return error.strerror or str(error)


def _difference(was: FileMark, now: FileMark) -> str:
    if now.size_bytes > MAX_WHOLE_BYTES and now.size_bytes != was.size_bytes:
        return f"has {now.size_bytes} bytes now, and had {was.size_bytes} when the run began"
    return f"has the digest {now.sha256[:12]}… now, and had {was.sha256[:12]}… when the run began"


def read_files(root: Path, plan: AttemptPlan) -> Iterator[str]:
    """Files that frameworks read in the folders of an attempt, from the root of the project."""
    for folder in _folders(plan):
        inside = (root / folder, *(root / folder / name for name in _TEMPLATES))
        files = [path for place in inside for path in _listed(place)]
        yield from (
            f"{folder.rstrip('/')}/{path.relative_to(root / folder).as_posix()}"
            for path in sorted(files)[:MAX_FILES]
        )


def _folders(plan: AttemptPlan) -> set[str]:
    model = plan.given_model
    if model is None:
        return set()
    return {one for one in (model.path, model.config, model.tokenizer) if one is not None}


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [one for one in folder.iterdir() if one.suffix in _READ and one.is_file()]
