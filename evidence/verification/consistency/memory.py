"""How much memory a model takes at least, against what a stage said that it used."""

from __future__ import annotations

from typing import Final

from evidence.records.inputs import ModelRecord
from evidence.results.context import journal_at
from evidence.verification.consistency.registry import Evidence, Problems
from evidence.verification.problem import Problem

BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Of one number, by its format."""


def too_little_memory(evidence: Evidence, model: ModelRecord, stage: str) -> Problems:
    """A stage whose peak is less than half of what the parameters of its model take."""
    least = model.num_parameters * BYTES.get(model.dtype, 0) // 2
    if model.quantised is not None:
        least = model.num_parameters // 4  # in 4 bit, as if all of it were
    devices = max((one.data["num_devices"] for one in evidence.events("execution")), default=1)
    for event in evidence.events("stage-finished", stage):
        peak = event.data["peak_memory_bytes"]
        if peak is not None and peak * devices < least:
            text = f"too little memory for {model.num_parameters} parameters"
            place = journal_at(event, "data", "peak_memory_bytes")
            yield Problem(place, text, f"at least {least}", peak)
