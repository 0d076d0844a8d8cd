"""What the model is that training starts from, as inputs.json says it: the same of every backend.

Responsible for where it comes from and for its configuration. How many numbers it holds, and which,
is counted by the backend that holds them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from evidence.encoding.digest import sha256_hex, sha256_stream
from evidence.records.availability import Unavailable
from evidence.records.inputs import FileDigest, ModelRecord, TensorRecord
from evidence.records.milestone import ModelSpec
from evidence.records.record import Record
from evidence.records.training import Quantised

_NOT_CONFIGURED: Final = ("_name_or_path", "transformers_version")
"""What transformers adds to a configuration: where it was read, and by which version. Both are
recorded elsewhere, and neither makes it another configuration."""


class Counted(Record):
    """What a backend counts in a model that it holds."""

    num_parameters: int
    dtype: str
    embedding_tables: tuple[TensorRecord, ...]
    buffers: tuple[TensorRecord, ...]
    num_kept_in_float32: int
    weights_sha256: str
    quantised: Quantised | None = None


def model_record(spec: ModelSpec, root: Path, config: Any, counted: Counted) -> ModelRecord:
    """What the model is, for inputs.json. `config` is its configuration in transformers."""
    settings = {k: v for k, v in config.to_dict().items() if k not in _NOT_CONFIGURED}
    folder = spec.path or spec.config
    return ModelRecord(
        id=spec.called,
        source="hub" if spec.id is not None else "local" if spec.path is not None else "random",
        revision_requested=spec.revision,
        revision=_revision(spec, config),
        init_seed=spec.init_seed,
        config_sha256=sha256_hex(json.dumps(settings, sort_keys=True, default=str).encode("utf-8")),
        files=Unavailable("named by revision")
        if folder is None
        else _digests(root / folder if spec.named else root, root / folder),
        num_parameters=counted.num_parameters,
        num_embedding_parameters=sum(table.num_elements for table in counted.embedding_tables),
        dtype=counted.dtype,
        embedding_tables=counted.embedding_tables,
        buffers=counted.buffers,
        num_kept_in_float32=counted.num_kept_in_float32,
        weights_sha256=counted.weights_sha256,
        quantised=counted.quantised,
    )


def _revision(spec: ModelSpec, config: Any) -> str | Unavailable:
    if spec.config is not None:
        return Unavailable("weights are random, drawn from init_seed")
    if spec.id is None:
        return Unavailable("a local folder has no revision")
    resolved: str | None = getattr(config, "_commit_hash", None)
    return resolved or Unavailable("the hub did not say which commit it gave")


def _digests(root: Path, folder: Path) -> tuple[FileDigest, ...]:
    """Of every file in a folder, by its path from `root`."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb", buffering=0) as stream:
            sha256, size_bytes = sha256_stream(stream)
        found.append(FileDigest(path.relative_to(root).as_posix(), sha256, size_bytes))
    return tuple(found)
