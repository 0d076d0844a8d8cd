"""What the stages of one pack say of the same questions, checkpoint and rows.

Responsible for three things that two documents tell: which questions of an evaluation a training
was fed (of its questions, and of the training's rows), the files of a checkpoint that another stage
left, and its embeddings. Asked by `across-stages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.evaluation import SeenQuestions
from evidence.records.inputs import InputsRecord, OverlapRecord
from evidence.records.training import saves_adapter
from evidence.stages.eval import EVAL
from evidence.stages.stage import Stage
from evidence.stages.train import TRAIN
from evidence.verification.consistency.registry import Evidence, Problems, differs

Told = Sequence[tuple[Stage, InputsRecord]]


def met_again(told: Told) -> Problems:
    """Each evaluation's `ancestors`, against `overlap` of the stage that was trained on it."""
    trained = {stage.name: (stage, inputs) for stage, inputs in told if stage.kind is TRAIN}
    for stage, inputs in told:
        for name, seen in inputs.ancestors.items():
            if stage.kind is not EVAL or name not in trained or isinstance(seen, Unavailable):
                continue
            overlap = _overlap(*trained[name], stage.milestone.eval.data, seen)
            if overlap is None:
                continue
            place = f"{stage.path(layout.INPUTS)}#/ancestors/{name}"
            text = f"other questions than {trained[name][0].path(layout.INPUTS)} has of its rows"
            met = sorted({*seen.exact, *seen.normalised, *seen.ngram})
            yield from differs(place, text, sorted(overlap.evaluation_rows), met)


def _overlap(
    stage: Stage, inputs: InputsRecord, asked: str, seen: SeenQuestions
) -> OverlapRecord | None:
    """Of the rows of a training with the questions of an evaluation; None where both are not of
    all the same rows and questions."""
    milestone = stage.milestone
    if milestone.given_eval is None or milestone.eval.data != asked:
        return None
    rows, questions = inputs.data.get(milestone.train.data), inputs.data.get(asked)
    if rows is None or questions is None or isinstance(rows.overlap, Unavailable):
        return None
    is_whole = (rows.num_rows, questions.num_rows) == (seen.num_rows, seen.num_questions)
    return rows.overlap if is_whole else None


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
