"""The models and tokenizers that a program used, put together from what its hooks told."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from evidence.recording import events
from evidence.records.availability import Unavailable
from evidence.records.program import ProgramModel, ProgramTokenizer

MAX_MODELS: Final = 64
NOT_TRAINED: Final = Unavailable("it was called without training, and no step of it was seen")
NOT_TOLD: Final = Unavailable("its process did not come to say")


class Models(Struct):
    """By the index of their process, in order."""

    _models: list[tuple[int, events.Model]] = field(default_factory=list)
    _weights: dict[tuple[int, int, str], events.Weights] = field(default_factory=dict)
    tokenizers: list[tuple[int, events.Tokenizer]] = field(default_factory=list)

    def model(self, index: int, told: events.Model) -> None:
        """A model; what is told last of it counts."""
        if len(self._models) < MAX_MODELS:
            same = [one for one in self._models if (one[0], one[1].model) == (index, told.model)]
            for one in same:
                self._models.remove(one)
            self._models.append((index, told))

    def weights(self, index: int, told: events.Weights) -> None:
        """The numbers of the model of a process."""
        if len(self._weights) < 3 * MAX_MODELS:
            self._weights[index, told.model, told.moment] = told

    def tokenizer(self, index: int, told: events.Tokenizer) -> None:
        """A tokenizer; what is told last of it counts."""
        same = (index, told.name, told.name_or_path)
        self.tokenizers = [
            one for one in self.tokenizers if (one[0], one[1].name, one[1].name_or_path) != same
        ]
        if len(self.tokenizers) < MAX_MODELS:
            self.tokenizers.append((index, told))

    def records(self) -> tuple[ProgramModel, ...]:
        """The models with their numbers before and after."""
        return tuple(self._record(index, told) for index, told in self._models)

    def _record(self, index: int, told: events.Model) -> ProgramModel:
        before, after, evaluated = (
            self._weights.get((index, told.model, moment))
            for moment in ("before", "after", "evaluated")
        )
        is_trained = before is not None or evaluated is None
        return ProgramModel(
            process=index,
            name=told.name,
            id=told.name_or_path,
            num_parameters=told.num_parameters,
            num_trainable=told.num_trainable,
            dtypes=dict(told.dtypes),
            devices=told.devices,
            is_trained=is_trained,
            evaluated_sha256=None if evaluated is None else _digest(evaluated),
            before_sha256=_digest(before) if is_trained else NOT_TRAINED,
            after_sha256=_digest(after) if is_trained else NOT_TRAINED,
            num_changed=None if after is None else after.num_changed,
            num_compared=None if after is None else after.num_compared,
            sampled=after is not None and after.sampled,
        )


def tokenizer_record(index: int, told: events.Tokenizer, sha256: str | None) -> ProgramTokenizer:
    """A tokenizer, with the digest of its description."""
    return ProgramTokenizer(
        process=index,
        name=told.name,
        id=told.name_or_path,
        vocab_size=told.vocab_size,
        eos_id=told.eos_id,
        pad_id=told.pad_id,
        bos_id=told.bos_id,
        sha256=sha256,
        chat_template_sha256=told.chat_template_sha256,
    )


def _digest(told: events.Weights | None) -> str | Unavailable:
    if told is None:
        return NOT_TOLD
    return told.sha256 or Unavailable(told.why or "its process could not tell")
