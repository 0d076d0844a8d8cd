"""Rows that a published copy lacks: which files these are, their salts, and the roots over them.

Responsible for what a run writes where its milestone withholds rows, and for reading salts again.
The tree is `rules.merkle`'s; what verify concludes stands in `verification`, and what is shown of
them later in `disclose`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.errors import MalformedError
from evidence.records.commitments import CommitmentRecord, CommitmentsRecord
from evidence.records.milestone import Milestone, PublishSpec
from evidence.rules import merkle

WHY: Final = "rows are withheld: commitments.json commits to each"
_PREDICTIONS: Final = (layout.PREDICTIONS,)
_TELLING: Final = (layout.LOGITS,)
"""What besides tells of single rows, and is withheld whole."""


def salts_path(path: str) -> str:
    """Where the salts of a file of rows lie: beside it."""
    return path.removesuffix(".jsonl") + layout.SALTS_END


def is_committed(path: str, publish: PublishSpec) -> bool:
    """Whether a sealed file has rows that are withheld and committed to: of the attempt that
    completed, or of one that did not."""
    folder, _, name = path.rpartition("/")
    plain = not folder or (folder.startswith(f"{layout.ATTEMPTS}/") and folder.count("/") == 1)
    return bool(publish.withhold_rows) and plain and name in _PREDICTIONS


def tells_of_rows(path: str, publish: PublishSpec) -> bool:
    """Whether a sealed file is withheld since it holds such rows, their salts, or what the model
    computed for single ones; what was set aside as damaged likewise."""
    name = path.rpartition("/")[2]
    of_rows = (*_PREDICTIONS, *map(salts_path, _PREDICTIONS), *_TELLING)
    return bool(publish.withhold_rows) and name in of_rows


def commitment_documents(staging: Path, milestone: Milestone) -> dict[str, bytes]:
    """commitments.json and the salts, by path, once all rows are staged; nothing where none are
    withheld. Salts are drawn anew each time."""
    publish = milestone.publish
    if not publish.withhold_rows:
        return {}
    written: dict[str, bytes] = {}
    committed: list[CommitmentRecord] = []
    found = (one.relative_to(staging).as_posix() for one in staging.rglob("*.jsonl"))
    for path in sorted(one for one in found if is_committed(one, publish)):
        rows = lines_of((staging / path).read_bytes())
        salts = [secrets.token_bytes(merkle.SALT_BYTES) for _ in rows]
        written[salts_path(path)] = "".join(f"{one.hex()}\n" for one in salts).encode("ascii")
        root = merkle.root_of(leaves_of(salts, rows))
        committed.append(CommitmentRecord(path, len(rows), root.hex(), salts_path(path)))
    record = CommitmentsRecord("commitments.v1", merkle.ALGORITHM, tuple(committed))
    return {**written, layout.COMMITMENTS: jsonio.dump_document(encode(record))}


def lines_of(data: bytes) -> list[bytes]:
    """The rows of a JSON lines file, without their line ends."""
    return data.split(b"\n")[:-1] if data else []


def leaves_of(salts: Sequence[bytes], rows: Iterable[bytes]) -> list[bytes]:
    """The leaf of each row."""
    return [merkle.leaf_of(salt, row) for salt, row in zip(salts, rows, strict=True)]


def read_salts(data: bytes, path: str) -> list[bytes]:
    """Salts, one a line in hex. Raises MalformedError where a line is none."""
    found: list[bytes] = []
    for number, line in enumerate(lines_of(data), 1):
        try:
            salt = bytes.fromhex(line.decode("ascii"))
        except ValueError:
            salt = b""
        if len(salt) != merkle.SALT_BYTES or salt.hex().encode() != line:
            text = f"{path}:{number}: no salt: {merkle.SALT_BYTES} bytes in lower-case hex"
            raise MalformedError(text, line=number)
        found.append(salt)
    if data and not data.endswith(b"\n"):
        raise MalformedError(f"{path}: the last line has no end", line=len(found) + 1)
    return found
