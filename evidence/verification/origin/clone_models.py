"""The files of a model that was given by path, held against the verifier's clone.

Responsible for which files those are. What a clone can say of one is `clone_inputs`'s; a model of
the hub is none of the project's files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence import layout
from evidence.capture.repository import Repository
from evidence.records.availability import Unavailable
from evidence.stages.pack_init import OF_PACK
from evidence.verification.consistency.registry import Evidence, need
from evidence.verification.ledger import Rule
from evidence.verification.origin.clone_inputs import Sought, held_against
from evidence.verification.origin.recorded import tree_that_ran
from evidence.verification.problem import CannotCheckError, Problem

MODEL: Final = Rule("repo-model", "the clone has the model's files with the bytes that were loaded")

_MAX_BYTES: Final = 64 << 20
"""Larger files of weights are not read from a clone: git would hold each in memory."""


def model(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """Digests of the model's files and of its tokenizer.json, in inputs.json, are the clone's."""
    sought = [*_files(evidence), *_tokenizer(evidence)]
    small = [one for one in sought if one.size_bytes <= _MAX_BYTES]
    if not sought:
        raise CannotCheckError("no file of a model is a file of the project")
    with tree_that_ran(found, evidence) as tree:
        yield from held_against(tree, evidence, small)
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


def _tokenizer(evidence: Evidence) -> Iterator[Sought]:
    record, spec = evidence.documents.inputs.tokenizer, evidence.plan.model
    folder = spec.tokenizer or spec.path
    if isinstance(record, Unavailable) or isinstance(record.sha256, Unavailable) or not folder:
        return
    if record.id == folder:  # another backend may have a tokenizer of its own
        place = f"{layout.INPUTS}#/tokenizer/sha256"
        path = f"{folder.rstrip('/')}/tokenizer.json"
        yield Sought("tokenizer", path, record.sha256, _MAX_BYTES, place)
