"""A model that the files describe, and whose weights nobody could recognise.

Responsible for one finding: neither weights nor a digest of them are among the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from evidence.foreign.facts import Place, Source
from evidence.foreign.finding import Finding, warning

ENDINGS: Final = frozenset(
    (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".npz", ".msgpack", ".h5", ".orbax")
)
_DESCRIBED: Final = ("model-config", "safetensors-index")
_DIGEST: Final = re.compile(r"(?:sha256:)?[0-9a-f]{64}\Z")


def without_digest(sources: Sequence[Source]) -> Iterator[Finding]:
    """At most one, of the folder that describes a saved model."""
    described = [one for one in sources if one.format in _DESCRIBED]
    if not described or any(_is_weights(one) or _names_digest(one) for one in sources):
        return
    folder = str(PurePosixPath(described[-1].path).parent)
    text = (
        f"{folder} describes a model, and neither its weights nor a digest of them is among the "
        "files: which weights came of the run, nobody could tell"
    )
    yield warning("no-weights-digest", text, (Place(described[-1].path),))


def _is_weights(source: Source) -> bool:
    return PurePosixPath(source.path).suffix.lower() in ENDINGS


def _names_digest(source: Source) -> bool:
    """Whether a file has a SHA-256 of something; of what, is not looked at."""
    return any(isinstance(one.value, str) and _DIGEST.match(one.value) for one in source.facts)
