"""What the model was before and after training, by tensor, and what it says of each prompt.

Responsible for the records of weights.json and logits.json. Both are there so that two runs can be
held against each other without a framework; neither is needed in a pack.
"""

from __future__ import annotations

from typing import Literal

from evidence.records.record import Number, Record


class TensorMovement(Record):
    """A parameter that training may move, by its name in the safetensors of transformers."""

    name: str
    shape: tuple[int, ...]
    num_compared: int
    """Its numbers that were compared, evenly spread."""
    rms_start: Number
    """Root mean square of these before the first step."""
    rms_end: Number
    rms_moved: Number
    """Root mean square of what each of them moved by."""


class WeightsRecord(Record):
    """weights.json"""

    schema: Literal["weights.v1"]
    start_sha256: str
    """Of all parameters before the first step (`rules.weights_digest`)."""
    end_sha256: str
    """Of all parameters after the last step, as they are saved."""
    compared_every: int
    """One of so many numbers of each tensor was compared; 1 is all."""
    tensors: tuple[TensorMovement, ...]
    """Sorted by name. A tensor that several names share is there once."""


class LogitsRow(Record):
    """The logits after the last token of one prompt, in float32, before anything is generated."""

    index: int
    """Of the prediction, from 0."""
    num_prompt_tokens: int
    log_sum_exp: Number
    """Of all logits: with it each of those below is a probability."""
    ids: tuple[int, ...]
    """The tokens whose logits are kept, ascending: `rules.logits` says which."""
    logits: tuple[Number, ...]


class LogitsRecord(Record):
    """logits.json"""

    schema: Literal["logits.v1"]
    vocab_size: int
    """Logits that each prompt has."""
    rows: tuple[LogitsRow, ...]
    """One for each of the first prompts, `rules.logits.MAX_PROMPTS` at most."""
