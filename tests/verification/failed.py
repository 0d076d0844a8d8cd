"""The toy of a run in which nothing completed."""

from __future__ import annotations

from toy import toy

from evidence import layout
from evidence.self_test.forger import ForgedPack


def failed_toy() -> ForgedPack:
    """The honest pack of a run in which nothing completed."""
    forged = toy()
    for path in (layout.METRICS, layout.SEEN, layout.PREDICTIONS, layout.TELEMETRY):
        del forged.docs[path]
    for path in [p for p in forged.files if p.startswith(layout.FINAL_MODEL)]:
        del forged.files[path]
    for path in (layout.TRAINING_LOG, layout.EVAL_LOG):
        del forged.files[path]
    events = forged.docs[layout.JOURNAL]
    crash = {"number": 2, "outcome": "exception", "reason": "boom", "duration_s": 0.5}
    forged.docs[layout.JOURNAL] = [*events[:6], events[15], *events[16:]]
    forged.event("attempt-finished", number=2)["data"] |= crash
    forged.docs[layout.JOURNAL][-1] |= {"attempt": None, "data": {"status": "failed"}}
    forged.docs[layout.WITHHELD]["files"] = []
    nothing = {"unavailable": "no attempt completed"}
    forged.docs[layout.INPUTS] |= {"model": nothing, "tokenizer": nothing}
    forged.docs[layout.ENVIRONMENT]["framework"] = nothing
    big = forged.docs["attempts/01-big/outcome.json"]
    forged.docs["attempts/02-toy/outcome.json"] = {
        **big, **crash, "name": "toy", "backend": "stub", "missing": [], "remedies": [],
        "resolution": "",
    }  # fmt: skip
    forged.docs[layout.MANIFEST] |= {"status": "failed", "attempt": None, "stand_in": False}
    return forged.seal()
