"""The toy of a run in which nothing completed."""

from __future__ import annotations

from toy import Toy, toy

from evidence import layout


def failed_toy() -> Toy:
    """The honest pack of a run in which nothing completed."""
    bent = toy()
    for path in (layout.METRICS, layout.SEEN, layout.PREDICTIONS, layout.TELEMETRY):
        del bent.docs[path]
    for path in [p for p in bent.files if p.startswith(layout.FINAL_MODEL)]:
        del bent.files[path]
    for path in (layout.TRAINING_LOG, layout.EVAL_LOG):
        del bent.files[path]
    events = bent.docs[layout.JOURNAL]
    crash = {"number": 2, "outcome": "exception", "reason": "boom", "duration_s": 0.5}
    bent.docs[layout.JOURNAL] = [*events[:6], events[15], *events[16:]]
    bent.event("attempt-finished", number=2)["data"] |= crash
    bent.docs[layout.JOURNAL][-1] |= {"attempt": None, "data": {"status": "failed"}}
    bent.docs[layout.WITHHELD]["files"] = []
    nothing = {"unavailable": "no attempt completed"}
    bent.docs[layout.INPUTS] |= {"model": nothing, "tokenizer": nothing}
    bent.docs[layout.ENVIRONMENT]["framework"] = nothing
    big = bent.docs["attempts/01-big/outcome.json"]
    bent.docs["attempts/02-toy/outcome.json"] = {
        **big, **crash, "name": "toy", "backend": "stub", "missing": [], "remedies": [],
    }  # fmt: skip
    bent.docs[layout.MANIFEST] |= {"status": "failed", "attempt": None, "stand_in": False}
    return bent.seal()
