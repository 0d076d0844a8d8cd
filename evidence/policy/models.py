"""The demand on models, answered from every model that a pack began from.

Responsible for that answer alone. A stage that begins from another one of its pack begins from what
that one began from.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from evidence.pack.documents import Documents
from evidence.pack.imported import PackDocuments
from evidence.pack.stage_view import inputs_of
from evidence.records.finding import CheckOutcome
from evidence.records.inputs import ModelRecord
from evidence.stages.stage import stages_of
from evidence.text.escape import one_line

_NOT_OBSERVED: Final = "the pack was imported: nothing of the run was observed"


def model_answer(documents: PackDocuments, allowed: tuple[str, ...]) -> tuple[CheckOutcome, str]:
    """A pass needs that each of them is allowed."""
    if not isinstance(documents, Documents):
        return "not_checked", _NOT_OBSERVED
    model = documents.inputs.model
    if not isinstance(model, ModelRecord):
        return "not_checked", model.reason
    for whose, name in (("its model", model.id), *_of_stages(documents)):
        if not any(_is_of(name, one) for one in allowed):
            return "fail", f"{whose} is {one_line(name, 100)}"
    return "pass", ""


def _of_stages(documents: Documents) -> Iterator[tuple[str, str]]:
    for stage in stages_of(documents.milestone):
        inputs = inputs_of(documents, stage) if stage.is_named and not stage.parent else None
        if inputs is not None and isinstance(inputs.model, ModelRecord):
            yield f"the model of stage {stage.name}", inputs.model.id


def _is_of(name: str, pattern: str) -> bool:
    """`*` and `?` alone mean more than themselves."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))
