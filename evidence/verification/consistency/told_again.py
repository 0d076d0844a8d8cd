"""What several stages recorded of one tokenizer, of the same rows to train on, and of how answers
are generated, against each other.

Responsible for what files of the checkpoint, rows and settings alone decide, whatever the weights:
the tokenizer, the training text and its tokens, what of each field reached the model, the rows
that were fed, and the settings of generation. What evaluations were asked is `asked_again`'s, what
is told of validation sets `validated_again`'s. `across_stages` asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from evidence import layout
from evidence.pack.stage_view import placed
from evidence.records.availability import Unavailable
from evidence.records.inputs import InputsRecord
from evidence.records.record import Record
from evidence.results.context import journal_at
from evidence.stages.eval import EVAL
from evidence.stages.stage import Stage
from evidence.stages.train import SEEN, TRAIN
from evidence.verification.consistency.registry import Evidence, Problems, differs
from evidence.verification.problem import shown

_Cause: TypeAlias = tuple[str | int, ...]
_Fact: TypeAlias = tuple[str, _Cause, Any]
"""Its address within the stage, what decides it, its value."""

_WEIGHTS: Final = (".safetensors", ".bin", ".gguf", ".index.json")
_OF_TOKENIZER: Final = (
    "sha256", "vocab_size", "adds_bos", "adds_eos", "special_tokens", "chat_template",
)  # fmt: skip
_OF_TEXT: Final = ("template", "chat_template_applied", "length_tokens", "chat")
_OF_FED_TEXT: Final = (
    "rows_without_bos", "rows_doubled_bos", "rows_without_eos", "rows_doubled_eos",
    "rows_not_round_trip",
)  # fmt: skip
_OF_SEEN: Final = ("coverage", "rows_truncated", "tokens_cut", "chat")
_OF_ROW: Final = ("ids", "labels", "pieces", "turns")
_OF_GENERATION: Final = ("settings", "set_aside", "end_tokens")


def told_again(evidence: Evidence, told: list[tuple[Stage, InputsRecord]]) -> Problems:
    """Stages that began with the same files but the weights tell the same tokenizer; trainings on
    the same rows (sha256 and settings of the set, max_length) by it the same text, coverage and
    truncation, and of one row the same tokens; evaluations with it as many new tokens allowed the
    same settings of generation. Exact. Each field is named once a stage, where it differs first."""
    known: dict[tuple[str, _Cause], tuple[str, Any]] = {}
    for stage, inputs in told:
        view = evidence.within(stage)
        files = _files(inputs)
        if files is None or view.context.plan is None:
            continue
        facts = [*_of_tokenizer(inputs, files)]
        if stage.kind is TRAIN:
            facts += _of_training(view, inputs, files)
        elif stage.kind is EVAL:
            facts += _of_generation(view, files)
        said: set[str] = set()
        for place, decided_by, value in facts:
            field = place.rpartition("/")[2]
            before, expected = known.setdefault((field, decided_by), (stage.name, value))
            if expected != value and field not in said:
                said.add(field)
                text = f"not what stage {before} says, which had the same files, rows and settings"
                where, one, other = _apart(place, expected, value)
                yield from differs(placed(stage, where), shown(text), one, other)


def _apart(place: str, expected: Any, actual: Any) -> tuple[str, Any, Any]:
    """The first part in which two values differ, by its address."""
    if isinstance(expected, Record) and type(expected) is type(actual):
        names = expected.__struct_fields__
        parts = [(one, getattr(expected, one), getattr(actual, one)) for one in names]
    elif isinstance(expected, tuple) and isinstance(actual, tuple) and len(expected) == len(actual):
        parts = [(str(n), *two) for n, two in enumerate(zip(expected, actual, strict=True))]
    else:
        return place, expected, actual
    name, one, other = next(part for part in parts if part[1] != part[2])
    return _apart(f"{place}/{name}", one, other)


def _files(inputs: InputsRecord) -> str | None:
    """What a stage began with beside its weights: names and digests; None where not recorded."""
    model = inputs.model
    if isinstance(model, Unavailable) or isinstance(model.files, Unavailable):
        return None
    return repr(
        sorted(
            (one.path.rpartition("/")[2], one.sha256)
            for one in model.files
            if not one.path.endswith(_WEIGHTS)
        )
    )


def _of_tokenizer(inputs: InputsRecord, files: str) -> Iterator[_Fact]:
    if isinstance(inputs.tokenizer, Unavailable):
        return
    for key in _OF_TOKENIZER:
        place = f"{layout.INPUTS}#/tokenizer/{key}"
        yield place, ("tokenizer", files), getattr(inputs.tokenizer, key)


def _of_training(view: Evidence, inputs: InputsRecord, files: str) -> Iterator[_Fact]:
    train, plan = view.plan.train, view.plan
    record, spec = inputs.data.get(train.data), plan.data.get(train.data)
    if record is None:
        return
    words = f"{plan.model.chat_template!r} {sorted(plan.model.chat_values.items())!r}"
    rows = f"{files} {words} {record.sha256} {spec!r}"
    fed = f"{rows} {train.max_length}"
    text = inputs.text
    if not isinstance(text, Unavailable):
        for keys, decided_by in ((_OF_TEXT, rows), (_OF_FED_TEXT, fed)):
            for key in keys:
                yield f"{layout.INPUTS}#/text/{key}", ("text", decided_by), getattr(text, key)
        if text.seam is not None:
            asked = f"{plan.given_eval!r} {[one.sha256 for one in inputs.data.values()]!r}"
            yield f"{layout.INPUTS}#/text/seam", ("text", fed, asked), text.seam
    seen = view.documents.document(SEEN)
    if seen is None:
        return
    for key in _OF_SEEN:
        yield f"{layout.SEEN}#/{key}", ("seen", fed), getattr(seen, key)
    for index, batch in enumerate(seen.batches):
        for number, row in enumerate(batch.rows):
            place = f"{layout.SEEN}#/batches/{index}/rows/{number}"
            for key in _OF_ROW:
                yield f"{place}/{key}", ("row", row.source_row, fed), getattr(row, key)


def _of_generation(view: Evidence, files: str) -> Iterator[_Fact]:
    for event in view.events("generation", EVAL.name):
        for key in _OF_GENERATION:
            decided_by = ("generation", files, view.plan.eval.max_new_tokens)
            yield journal_at(event, "data", key), decided_by, event.data.get(key)
