"""The weights that a stage began with, against those that its parent pack says it ended with.

Responsible for the check as a whole, and in it for the digest over the weights, where that pack is
at hand. Its files, facts and values are `parents`'; that it is not at hand is said there, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TypeVar

from evidence import layout
from evidence.errors import MalformedError
from evidence.pack.documents import Documents
from evidence.pack.stage_view import inputs_of
from evidence.records.inputs import InputsRecord, ModelRecord
from evidence.stages.pack_init import PackInit, pack_init
from evidence.stages.stage import stages_of
from evidence.stages.train import ADAPTER, WEIGHTS
from evidence.verification.ledger import Ledger
from evidence.verification.origin.parent_rows import rows_of_parents
from evidence.verification.origin.parents import PARENTS, AtHand, parent_problems, parsed
from evidence.verification.problem import CannotCheckError, Problem, shown

R = TypeVar("R")


def check_parents(
    documents: Documents, path: Path, beside: tuple[Path, ...], ledger: Ledger
) -> None:
    """Enter the check of the packs that the pack at `path` begins from.

    `beside`: packs that the caller gave, wherever they lie.
    """
    weights = _weights(documents, path, beside)
    rows = rows_of_parents(documents, path, beside)
    ledger.run_check(
        PARENTS, chain(weights, rows, parent_problems(path, documents.parents, beside))
    )


def _weights(documents: Documents, path: Path, beside: tuple[Path, ...]) -> Iterator[Problem]:
    """Of each stage that begins from a pack at hand: weights_sha256 = the end_sha256 of the stage
    whose checkpoint it is (of an adapter: once it was merged), where both have one dtype."""
    recorded = {one.init: one for one in documents.parents}
    for stage in stages_of(documents.milestone):
        pack, one = pack_init(stage.of_pack), recorded.get(stage.of_pack)
        inputs = inputs_of(documents, stage) if stage.is_named else documents.inputs
        model = None if inputs is None else inputs.model
        if pack is None or one is None or not isinstance(model, ModelRecord):
            continue
        try:
            ended, dtype = _ended(AtHand(path, beside, one), pack)
        except CannotCheckError:
            continue
        if ended is None or model.weights_sha256 is None or dtype != model.dtype:
            continue
        if ended != model.weights_sha256:
            text = f"not the weights that {pack.pack} says its checkpoint has"
            place = f"{stage.path(layout.INPUTS)}#/model/weights_sha256"
            yield Problem(place, shown(text), ended, model.weights_sha256)


def _ended(at_hand: AtHand, pack: PackInit) -> tuple[str | None, str | None]:
    """Digest and dtype of the weights that a stage of another pack saved."""
    start = pack.checkpoint.removesuffix(layout.FINAL_MODEL)
    weights = _document(WEIGHTS.record, at_hand, f"{start}{WEIGHTS.path}", WEIGHTS.schema)
    adapter = _document(ADAPTER.record, at_hand, f"{start}{ADAPTER.path}", ADAPTER.schema)
    form = layout.SCHEMA_OF[layout.INPUTS]
    inputs = _document(InputsRecord, at_hand, f"{start}{layout.INPUTS}", form)
    dtype = inputs.model.dtype if inputs and isinstance(inputs.model, ModelRecord) else None
    if adapter is not None:
        return adapter.merged_sha256, dtype
    return (None if weights is None else weights.end_sha256), dtype


def _document(kind: type[R], at_hand: AtHand, path: str, form: str) -> R | None:
    data = at_hand.bytes_of(path)
    try:
        return None if data is None else parsed(kind, data, path, form)
    except MalformedError:
        return None
