"""Memory that runs out in training: which settings of the milestone ask for less of it. Pure.

Responsible for those words. That memory ran out is told by `failures`, or by the kernel.
"""

from __future__ import annotations

from evidence.records.execution import ExecutionRecord
from evidence.records.training import TrainSpec


def remedy(spec: TrainSpec, execution: ExecutionRecord) -> str:
    """What to set in the milestone so that a step needs less memory."""
    ran = f"{execution.rows_per_forward} rows went through the model at once"
    if execution.rows_per_forward > spec.batch_size:
        return (
            f"{ran}, where [train] says batch_size = {spec.batch_size}: "
            'set execution = "as-written" in [train]'
        )
    if spec.batch_size > 1:
        return (
            f"{ran}: set a smaller batch_size in [train], and gradient_accumulation larger by as "
            "much"
        )
    return "One row went through the model at once: set a smaller max_length in [train]"
