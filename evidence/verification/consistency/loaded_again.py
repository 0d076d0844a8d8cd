"""What a stage says of the checkpoint that it loaded, against the stage that left it.

Responsible for the lengths of its files and for its embeddings. Its weights are `stage-weights`',
its digests `parents`'. `across_stages` asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.inputs import InputsRecord
from evidence.records.training import saves_adapter
from evidence.stages.stage import Stage
from evidence.verification.consistency.registry import Evidence, Problems, differs

Told = Sequence[tuple[Stage, InputsRecord]]


def loaded_again(evidence: Evidence, told: Told) -> Problems:
    """Of a stage that begins from, or evaluates, the checkpoint of another: its files are as long
    as those that lie there, and the embeddings are those of that stage's model."""
    inputs_of = {stage.name: inputs for stage, inputs in told}
    for stage, inputs in told:
        parent, model = inputs_of.get(stage.parent), inputs.model
        if parent is None or isinstance(model, Unavailable):
            continue
        place = f"{stage.path(layout.INPUTS)}#/model"
        folder = f"{layout.STAGES}/{stage.parent}/{layout.FINAL_MODEL}/"
        for index, path, size_bytes in _files(inputs):
            kept = evidence.documents.sizes.get(folder + path)
            if kept is not None:
                text = f"not as long as {folder}{path}, which was read"
                yield from differs(f"{place}/files/{index}/size_bytes", text, kept, size_bytes)
        given = stage.milestone.given_train
        if isinstance(parent.model, Unavailable) or saves_adapter(given):
            continue
        if parent.model.num_parameters == model.num_parameters:
            text = f"not as of stage {stage.parent}, whose checkpoint it is"
            for key in ("embedding_tables", "num_embedding_parameters"):
                expected, found = getattr(parent.model, key), getattr(model, key)
                yield from differs(f"{place}/{key}", text, expected, found)


def _files(inputs: InputsRecord) -> Iterator[tuple[int, str, int]]:
    files = () if isinstance(inputs.model, Unavailable) else inputs.model.files
    for index, one in enumerate(() if isinstance(files, Unavailable) else files):
        yield index, one.path, one.size_bytes
