"""The toy of a run that was closed when its files were no longer as it had written them."""

from __future__ import annotations

from copy import deepcopy

from failed import failed_toy

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.pack import lost
from evidence.self_test.forger import ForgedPack

KEPT = f"{layout.DAMAGED}/1-metrics.jsonl"
BYTES = b"half a li"
RECOVERED = {
    "after": "killed", "reason": "it was killed", "from_step": None, "num_step_rows_cut": 0,
    "num_predictions_cut": 0, "num_incomplete_bytes": 0, "allowed": [],
}  # fmt: skip


def damaged_toy(*hollow: str) -> ForgedPack:
    """The honest pack of such a run, which lost these documents and the bytes of its step rows."""
    forged = failed_toy()
    for path in [path for path in forged.docs if path.startswith(f"{layout.ATTEMPTS}/")]:
        del forged.docs[path]
    forged.files[KEPT] = BYTES
    unknown = {"unavailable": lost.WHY}
    forged.docs[layout.GIT] |= {"end": unknown, "changed_during_run": unknown}
    for path in hollow:
        forged.docs[path] = jsonio.load_document(lost.in_its_place(path))
    events = forged.docs[layout.JOURNAL]
    first, captured, end, sealing = deepcopy([*events[:2], *events[-2:]])
    damaged = {
        "files": [
            {"path": layout.METRICS, "reason": "is not as the run wrote it", "kept_as": KEPT,
             "sha256": sha256_hex(BYTES), "size_bytes": len(BYTES)},
            {"path": layout.JOURNAL, "reason": "is not there", "kept_as": None, "sha256": None,
             "size_bytes": None},
        ],
        "num_left_out": 0,
        "hollow": sorted(hollow),
        "begins_anew": True,
    }  # fmt: skip
    between = [
        {**deepcopy(end), "event": "recovered", "data": RECOVERED},
        {**deepcopy(end), "event": "damaged", "data": damaged},
    ]
    end["data"] = {"moment": "end", "commit": unknown, "dirty": unknown}
    forged.docs[layout.JOURNAL] = [first, captured, *between, end, sealing]
    return forged.seal()
