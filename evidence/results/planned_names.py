"""The names that results.json of a milestone will have, known before anything is run.

Responsible for asking the very functions that compute values, over evidence in which nothing is
known yet. Names that come from data (fields, groups) are the caller's.
"""

from __future__ import annotations

from typing import Final

from evidence.pack.documents import Documents
from evidence.records.capture import GpuRecord, HardwareRecord, TelemetryRow
from evidence.records.hollow import hollow
from evidence.records.milestone import Milestone
from evidence.results.compute import compute_results

SEEN_OF_A_FIELD: Final = ("num_rows_in_sequence", "num_rows_in_target", "num_rows_cut")
"""What `seen.<field>.` goes on with."""
_TEXT: Final = "attempt = []\n"
"""Of a milestone whose settings have no address."""
_NOT_RUN: Final = "nothing was run yet"


def value_names(milestone: Milestone) -> tuple[str, ...]:
    """Every name that does not depend on data; what is said of GPUs, for the first of them."""
    hardware = hollow(HardwareRecord, _NOT_RUN, gpus=(hollow(GpuRecord, _NOT_RUN),))
    sample = hollow(TelemetryRow, _NOT_RUN)
    found = hollow(
        Documents,
        _NOT_RUN,
        milestone=milestone,
        milestone_text=_TEXT,
        hardware=hardware,
        telemetry=(sample,),
    )
    return tuple(compute_results(found).values)
