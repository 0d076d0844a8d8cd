"""What trainings of this milestone, and of packs that it begins from, were fed: their questions.

Responsible for reading the rows again. Whether an evaluation asks them is `rules.questions`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from evidence.data import asked, of_stages
from evidence.data.read import load_data
from evidence.errors import EvidenceError
from evidence.pack.documents import Documents
from evidence.pack.stage_view import view_of
from evidence.records.availability import Unavailable
from evidence.records.milestone import Milestone
from evidence.rules.questions import Questions
from evidence.stages.pack_init import PackInit
from evidence.stages.stage import Stage
from evidence.text import templating

OTHER_BYTES: Final = "the data that {} was trained on are not here with the bytes of then"


def questions_taught(root: Path, milestone: Milestone) -> Questions:
    """What the rows of a training ask before their answer. Raises as `load_data` does."""
    name = milestone.train.data
    spec = milestone.data[name]
    data = load_data(root, name, spec)
    return asked.of_training(spec, data, templating.compile_text)


def questions_of_pack(root: Path, one: PackInit, documents: Documents) -> Questions:
    """What every training asked that the checkpoint of another pack comes from.

    Unavailable where some of it is not known: of what was not looked at nothing is told.
    """
    return of_stages.questions_of_pack(
        one, documents.milestone, lambda stage: _of_stage(root, stage, documents)
    )


def _of_stage(root: Path, stage: Stage, documents: Documents) -> Questions:
    name = stage.milestone.train.data
    recorded = (view_of(documents, stage) if stage.is_named else documents).inputs.data.get(name)
    gone = Unavailable(OTHER_BYTES.format(stage.name))
    try:
        data = load_data(root, name, stage.milestone.data[name])
        if recorded is None or data.content.sha256 != recorded.sha256:
            return gone
        return questions_taught(root, stage.milestone)
    except EvidenceError:
        return gone
