"""How many rows a parent pack was trained on, against what an evaluation of its checkpoint says.

Responsible for counting in the parent's own documents, where it is at hand. Which of the questions
they ask is counted from a clone (`clone_facts`); its files and values are `parents`'.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evidence import layout
from evidence.data.of_stages import trainings_of_pack
from evidence.encoding.pointer import escaped
from evidence.errors import MalformedError, MilestoneError
from evidence.pack.documents import Documents
from evidence.pack.stage_view import inputs_of
from evidence.records.evaluation import SeenQuestions
from evidence.records.parents import ParentPackRecord
from evidence.stages.pack_init import pack_init
from evidence.stages.stage import stages_of
from evidence.verification.origin.clone_parents import inputs_at, milestone_at
from evidence.verification.origin.parents import AtHand
from evidence.verification.problem import CannotCheckError, Problem, shown


def rows_of_parents(
    documents: Documents, path: Path, beside: tuple[Path, ...]
) -> Iterator[Problem]:
    """Of each evaluation: ancestors/pack:…/num_rows = the sum of the rows that the trainings of
    that pack were given, from its checkpoint back. A pack that is not at hand as it was is told of
    elsewhere."""
    recorded = {one.init: one for one in documents.parents}
    known: dict[str, int | None] = {}
    for stage in stages_of(documents.milestone):
        inputs = inputs_of(documents, stage) if stage.is_named else documents.inputs
        for name, seen in () if inputs is None else inputs.ancestors.items():
            if name not in recorded or not isinstance(seen, SeenQuestions):
                continue
            if name not in known:
                known[name] = _rows(path, beside, recorded[name])
            expected = known[name]
            if expected is not None and expected != seen.num_rows:
                place = f"{stage.path(layout.INPUTS)}#/ancestors/{escaped(name)}/num_rows"
                text = shown(f"not as many rows as {name} says it was trained on")
                yield Problem(place, text, str(expected), str(seen.num_rows))


def _rows(path: Path, beside: tuple[Path, ...], one: ParentPackRecord) -> int | None:
    """None: it is not at hand as it was, or its documents do not say."""
    pack = pack_init(one.init)
    if pack is None:
        return None
    try:
        at_hand = AtHand(path, beside, one)
        trained = trainings_of_pack(pack, milestone_at(at_hand)[0])
        return sum(inputs_at(at_hand, s).data[s.milestone.train.data].num_rows for s in trained)
    except (MalformedError, MilestoneError, CannotCheckError, StopIteration, KeyError):
        return None
