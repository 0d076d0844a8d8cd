"""What the checkpoint of another pack was trained on, counted from that pack and a clone.

Responsible for saying why it is unknown: the pack must be at hand as it was, and the clone must
have its milestone and its data with the bytes of then.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from evidence import layout
from evidence.data import asked
from evidence.data.of_stages import questions_of_pack
from evidence.data.read import read_files
from evidence.errors import MalformedError, MilestoneError
from evidence.milestone.effective import effective
from evidence.records.availability import Unavailable
from evidence.records.inputs import InputsRecord
from evidence.records.milestone import Milestone
from evidence.rules.questions import Question, Questions
from evidence.stages.pack_init import PackInit, pack_init
from evidence.stages.stage import Stage
from evidence.text import templating
from evidence.verification.consistency.registry import Evidence
from evidence.verification.origin.clone_data import (
    MAX_UNPACKED_BYTES,
    ClonedData,
    longest_row,
)
from evidence.verification.origin.clone_inputs import milestone_file, sought_of
from evidence.verification.origin.parents import AtHand, parsed
from evidence.verification.problem import CannotCheckError, shown


def questions_of(name: str, data: ClonedData, evidence: Evidence) -> Sequence[Question]:
    """What every training asked that the checkpoint `pack:…` comes from. Raises CannotCheckError
    where some of it is not known."""
    record = next((one for one in evidence.documents.parents if one.init == name), None)
    pack = pack_init(name)
    if record is None or pack is None:
        raise CannotCheckError(f"{layout.PARENTS} does not name it")
    if evidence.path is None:
        raise CannotCheckError("where this pack lies, and so what is next to it, is not known")
    at_hand = AtHand(evidence.path, evidence.beside, record)
    try:
        found = _of_pack(pack, at_hand, data)
    except (MalformedError, MilestoneError, StopIteration) as error:
        raise CannotCheckError(f"{pack.pack}: {shown(str(error))}") from error
    if isinstance(found, Unavailable):
        raise CannotCheckError(shown(found.reason))
    return found


def _of_pack(pack: PackInit, at_hand: AtHand, data: ClonedData) -> Questions:
    milestone, source = milestone_at(at_hand)
    # Its templates are rendered here, as those of this pack are: only where the clone has them.
    if data.content(milestone_file(milestone.id, source)) is None:
        raise CannotCheckError(f"the clone has another milestone of {pack.pack}")
    return questions_of_pack(pack, milestone, partial(_of_stage, pack, at_hand, data))


def milestone_at(at_hand: AtHand) -> tuple[Milestone, bytes]:
    """The milestone of a pack at hand, overrides taken, and its file. Raises as parsing does."""
    source = at_hand.bytes_of(layout.MILESTONE) or b""
    return effective(source, at_hand.bytes_of(layout.OVERRIDES)), source


def _of_stage(pack: PackInit, at_hand: AtHand, data: ClonedData, stage: Stage) -> Questions:
    name = stage.milestone.train.data
    spec, label = stage.milestone.data[name], f"the data of {pack.pack}"
    record = inputs_at(at_hand, stage).data.get(name)
    if record is None or not record.sources:
        return Unavailable(f"{label} are no file of the project")
    files: list[tuple[str, bytes]] = []
    for one in sought_of(record, layout.INPUTS):
        raw = data.content(one)
        if raw is None:
            return Unavailable(f"the clone lacks the bytes of {one.path} that {pack.pack} read")
        files.append((one.path, raw))
    rows = read_files(name, files, spec, MAX_UNPACKED_BYTES, apart=True)
    compiled = partial(templating.compile_bounded, longest_row=longest_row(rows))
    return asked.of_training(spec, rows, compiled)


def inputs_at(at_hand: AtHand, stage: Stage) -> InputsRecord:
    """inputs.json of a stage of a pack at hand. Raises MalformedError."""
    path, form = stage.path(layout.INPUTS), layout.SCHEMA_OF[layout.INPUTS]
    return parsed(InputsRecord, at_hand.bytes_of(path) or b"", path, form)
