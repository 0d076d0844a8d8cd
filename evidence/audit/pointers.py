"""Pointers of Git LFS among the evidence: what the file would be that they stand for.

Responsible for digest and size of files that a clone without LFS has not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence.audit.derived import file_keys
from evidence.audit.known import Known
from evidence.audit.meaning import Meaning, words_of
from evidence.foreign.facts import Place, Source

MAX_BYTES: Final = 1_024
_POINTER: Final = re.compile(
    r"version https://git-lfs\.github\.com/spec/v1\n(?:[^\n]{0,200}\n){0,4}?"
    r"oid sha256:(?P<oid>[0-9a-f]{64})\nsize (?P<size>\d{1,18})\n?"
)


def pointed_at(root: Path, sources: Sequence[Source]) -> Iterator[Known]:
    """Digest and size of what each pointer stands for. Raises OSError for one that is gone."""
    for source in sources:
        if not 0 < source.size_bytes <= MAX_BYTES:
            continue
        found = _POINTER.match((root / source.path).read_bytes().decode("ascii", "replace"))
        if found is not None:
            keys, words = file_keys(source.path), frozenset(words_of(source.path))
            how = f"of the file that the pointer {source.path} stands for"
            place = (Place(source.path, 2),)
            digest = Known(Meaning("sha256"), how, found["oid"], place, keys=keys, how=how)
            yield replace(digest, subject=words)
            size = Decimal(found["size"])
            place = (Place(source.path, 3),)
            known = Known(Meaning("size"), how, str(size), place, size, unit="bytes", keys=keys)
            yield replace(known, subject=words, how=how)
