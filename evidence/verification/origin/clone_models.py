"""The files of a model that was given by path, held against the verifier's clone.

Responsible for which files those are, and for the configuration that lies beside an adapter. What a
clone can say of one is `clone_inputs`'s; a model of the hub is none of the project's files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from evidence import layout
from evidence.capture.git import PatchedTree
from evidence.capture.repository import Repository
from evidence.encoding import jsonio
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.stages.pack_init import OF_PACK
from evidence.verification.consistency.decoders import is_plain
from evidence.verification.consistency.registry import Evidence, need
from evidence.verification.ledger import Rule
from evidence.verification.origin.clone_inputs import Sought, content_of, held_against
from evidence.verification.origin.recorded import tree_that_ran
from evidence.verification.problem import CannotCheckError, Problem, shown

MODEL: Final = Rule("repo-model", "the clone has the model's files with the bytes that were loaded")

_SIZES: Final = (
    *("model_type", "vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size"),
    *("num_attention_heads", "num_key_value_heads", "head_dim"),
    *("n_embd", "n_head", "n_inner", "n_layer", "n_positions", "max_position_embeddings"),
)
_MAX_BYTES: Final = 64 << 20
"""Larger files of weights are not read from a clone: git would hold each in memory."""


def model(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """Digests of the model's files and of its tokenizer.json, in inputs.json, are the clone's.
    Beside an adapter, base/config.json has the type and the sizes of the clone's config.json; it is
    saved anew, so that its bytes are others. A model that was read as a part of another is passed
    over."""
    sought = [*_files(evidence), *_tokenizer(evidence)]
    small = [one for one in sought if one.size_bytes <= _MAX_BYTES]
    if not sought:
        raise CannotCheckError("no file of a model is a file of the project")
    with tree_that_ran(found, evidence) as tree:
        yield from held_against(tree, evidence, small)
        yield from _beside_an_adapter(tree, evidence, small)
    if len(small) < len(sought):
        large = ", ".join(one.path for one in sought if one.size_bytes > _MAX_BYTES)
        raise CannotCheckError(f"too large to be compared: {large}")


def _files(evidence: Evidence) -> Iterator[Sought]:
    record = need(evidence.documents.inputs.model, "the model is not known")
    if isinstance(record.files, Unavailable) or record.id.startswith(OF_PACK):
        return
    for index, one in enumerate(record.files):
        place = f"{layout.INPUTS}#/model/files/{index}/sha256"
        yield Sought("model", one.path, one.sha256, one.size_bytes, place)


def _beside_an_adapter(
    tree: PatchedTree, evidence: Evidence, sought: list[Sought]
) -> Iterator[Problem]:
    if layout.BASE_CONFIG not in evidence.contents:
        return
    saved = evidence.json(layout.BASE_CONFIG)
    for one in (one for one in sought if one.path.rpartition("/")[2] == "config.json"):
        data = content_of(tree, evidence, one)
        read = None if data is None else _parsed(data)
        if not isinstance(read, dict) or not isinstance(saved, dict) or "text_config" in read:
            continue
        every = is_plain(read)
        for key in _SIZES:
            value = read.get(key)
            if value is not None and (every or key in saved) and saved.get(key) != value:
                text = f"another than {shown(one.path)} of the clone has"
                found = saved.get(key)
                yield Problem(f"{layout.BASE_CONFIG}#/{key}", text, shown(value), shown(found))


def _parsed(data: bytes) -> Any:
    try:
        return jsonio.load_document(data)
    except MalformedError:
        return None


def _tokenizer(evidence: Evidence) -> Iterator[Sought]:
    record, spec = evidence.documents.inputs.tokenizer, evidence.plan.model
    folder = spec.tokenizer or spec.path
    if isinstance(record, Unavailable) or isinstance(record.sha256, Unavailable) or not folder:
        return
    if record.id == folder:  # another backend may have a tokenizer of its own
        place = f"{layout.INPUTS}#/tokenizer/sha256"
        path = f"{folder.rstrip('/')}/tokenizer.json"
        yield Sought("tokenizer", path, record.sha256, _MAX_BYTES, place)
