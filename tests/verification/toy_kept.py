"""The toy whose milestone wants two checkpoints kept: one was, and one was not."""

from __future__ import annotations

from copy import deepcopy

from lies import milestone
from toy import toy

from evidence import layout
from evidence.encoding.codec import decode
from evidence.pack import kept
from evidence.records.inputs import FileDigest
from evidence.self_test.forger import ForgedPack

STEP, NOT_KEPT = 10, 15


def kept_toy() -> ForgedPack:
    """An honest one."""
    made = toy()
    milestone("[publish]\n", f"[publish]\nkeep_checkpoints = [{NOT_KEPT}, {STEP}]\n")(made)
    events = made.docs[layout.JOURNAL]
    (saved,) = [one for one in events if one["event"] == "checkpoint"]
    assert saved["data"]["step"] == STEP
    files = decode(tuple[FileDigest, ...], saved["data"]["files"])
    own = {
        "step": STEP,
        "sha256": kept.digest_of(files),
        "size_bytes": sum(one.size_bytes for one in files),
    }
    lost = {"step": NOT_KEPT, "reason": "The training wrote none."}
    told = {"kept": [own], "not_kept": [lost]}
    last = deepcopy(events[-2]) | {"event": kept.EVENT, "attempt": None, "data": told}
    events.insert(len(events) - 1, last)
    return made
