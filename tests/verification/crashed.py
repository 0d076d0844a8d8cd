"""The toy of a run whose first attempt crashed in its training, and left what it had."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from toy import OUTCOME, toy

from evidence import layout
from evidence.self_test.forger import ForgedPack

FOLDER = "attempts/01-big"
STEPS = f"{FOLDER}/{layout.METRICS}"
SAMPLES = f"{FOLDER}/{layout.TELEMETRY}"
LOG = f"{FOLDER}/{layout.TRAINING_LOG.rpartition('/')[2]}"
LAST_LINES = ["it began", "it went wrong"]


def crashed_toy() -> ForgedPack:
    """The honest pack of such a run."""
    forged = toy()
    forged.milestone(r'accelerator = "nvidia"', 'accelerator = "none"')
    events = forged.docs[layout.JOURNAL]
    begun = next(i for i, one in enumerate(events) if one["attempt"] == "big")
    schedule = forged.event("schedule", stage="train")
    started = forged.event("stage-started", stage="train")
    events[begun + 1 : begun + 1] = [
        {**deepcopy(one), "attempt": "big", "utc": events[begun]["utc"],
         "monotonic_s": events[begun]["monotonic_s"]}
        for one in (started, schedule)
    ]  # fmt: skip
    crash: dict[str, Any] = {"outcome": "exception", "reason": "boom", "duration_s": 0.05}
    forged.event("attempt-finished", number=1)["data"] |= crash
    forged.docs[OUTCOME] |= crash | {
        "missing": [], "remedies": [], "exit_status": 1, "last_lines": LAST_LINES
    }  # fmt: skip
    forged.docs[STEPS] = deepcopy(forged.docs[layout.METRICS][:12])
    forged.docs[SAMPLES] = [
        one | {"attempt": "big"} for one in deepcopy(forged.docs[layout.TELEMETRY][:2])
    ]
    forged.files[LOG] = "\n".join(["training", "", *LAST_LINES, ""]).encode()
    return forged.seal()
