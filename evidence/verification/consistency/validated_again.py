"""What several trainings recorded of one set of validation rows, against each other.

Responsible for what rows, their text and the tokenizer alone decide: how many tokens they are, and
how many of them carry loss; and for the rows that one training set has in common with them. The
losses may differ. `across_stages` asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from evidence import layout
from evidence.pack.stage_view import placed
from evidence.records.availability import Unavailable
from evidence.records.inputs import InputsRecord
from evidence.records.training import TrainSpec
from evidence.results.context import journal_at
from evidence.stages.stage import Stage
from evidence.stages.train import TRAIN
from evidence.verification.consistency.registry import Evidence, Problems, differs
from evidence.verification.problem import shown

_COUNTED: Final = ("num_rows", "num_tokens", "num_target_tokens", "num_rows_cut")
_TRAINED_ON: Final = "num_rows_trained_on"


def validated_again(evidence: Evidence, told: list[tuple[Stage, InputsRecord]]) -> Problems:
    """Of the same rows (sha256 and settings of the set, max_length, tokenizer) every training tells
    the same numbers, and of the same training rows how many of them are trained on. Exact."""
    known: dict[tuple[str, str], tuple[str, Any]] = {}
    for stage, inputs in told:
        view = evidence.within(stage)
        train = view.plan.given_train if stage.kind is TRAIN else None
        tokenizer = _tokenizer(inputs, view.documents.digests)
        if train is None or not tokenizer:
            continue
        taken = f"{tokenizer} {_rows_of(stage, inputs, train, train.validation_data)}"
        learned = f"{taken} {_rows_of(stage, inputs, train, train.data)}"
        for event in view.events("validation-set", TRAIN.name):
            for key, decided_by in (*((one, taken) for one in _COUNTED), (_TRAINED_ON, learned)):
                value = event.data.get(key)
                before, expected = known.setdefault((key, decided_by), (stage.name, value))
                text = f"{before} tells another number of the same rows"
                place = journal_at(event, "data", key)
                yield from differs(placed(stage, place), shown(text), expected, value)


def _rows_of(stage: Stage, inputs: InputsRecord, train: TrainSpec, name: str) -> str:
    """What decides the tokens of a data set; another one where nothing is told of it."""
    record, spec = inputs.data.get(name), stage.milestone.data.get(name)
    sha256 = stage.name if record is None else record.sha256
    return f"{sha256} {spec!r} {train.max_length}"


def _tokenizer(inputs: InputsRecord, digests: Mapping[str, str]) -> str:
    """What tells tokenizers apart: the file that each saved of itself, since one that was loaded
    from another file may be the same; and what it adds to a text. Empty where it is not known."""
    found, saved = inputs.tokenizer, digests.get(layout.TOKENIZER)
    if isinstance(found, Unavailable) or saved is None:
        return ""
    return f"{saved} {found.adds_bos} {found.adds_eos} {found.special_tokens} {found.chat_template}"
