"""A toy that began from the checkpoint of another pack, of which parents.json tells."""

from __future__ import annotations

from typing import Any, Final

from toy import toy
from toy_parts import N

from evidence import layout
from evidence.self_test.forger import ForgedPack

INIT: Final = "pack:runs/M89"
ROOT: Final = "8" * 64
VALUE: Final = "train.loss_end"
_OWN_MODEL: Final = """\
stand_in = true

[attempt.model]
config = "models/toy"
init_seed = 3
tokenizer = "models/toy"
"""
_GATE: Final = f"""\
[[gate]]
name = "better than its parent"
metric = "{VALUE}"
op = "<"
other = "parent.M89.{VALUE}"
required = false

[[frozen]]
"""


def files() -> list[dict[str, Any]]:
    """Of the checkpoint that it began from."""
    return [
        {"path": "config.json", "sha256": "6" * 64, "size_bytes": 100},
        {"path": "model.safetensors", "sha256": "7" * 64, "size_bytes": 2000},
    ]


def parent_toy() -> ForgedPack:
    """The toy, whose model is the one training of a pack that was made on a stand-in."""
    made = toy()
    text = (made.files[layout.MILESTONE] or b"").decode()
    for old, new in (
        ('[model]\nid = "toy/big"', '[model]\npack = "runs/M89"'),
        (_OWN_MODEL, ""),
        ("[[frozen]]\n", _GATE),
    ):
        assert old in text
        text = text.replace(old, new)
    made.files[layout.MILESTONE] = text.encode()
    value = {"value": 9.0, "unavailable": None, "unit": "nats", "level": "observed"}
    made.docs[layout.PARENTS] = {
        "schema": "parents.v1",
        "parents": [
            {
                "init": INIT,
                "milestone": "M89",
                "stage": None,
                "root_sha256": ROOT,
                "outcome_sha256": "9" * 64,
                "status": "complete",
                "stand_in": True,
                "files": files(),
                "values": {VALUE: value},
            }
        ],
    }
    made.docs[layout.MANIFEST]["parents"] = [
        {"milestone": "M89", "root_sha256": ROOT, "relation": "begins-from"}
    ]
    model = made.docs[layout.INPUTS]["model"]
    model.update(id=INIT, source="local", init_seed=None, files=files())
    made.docs[layout.INPUTS]["tokenizer"]["id"] = INIT
    made.docs[layout.INPUTS]["ancestors"] = {
        INIT: {"num_questions": 5, "num_rows": N, "exact": [], "normalised": [], "ngram": []}
    }
    for event in made.docs[layout.JOURNAL]:
        if event["event"] == "attempt-started" and event["attempt"] == "toy":
            event["data"]["stand_in"] = False
    inputs = made.docs[layout.GIT].get("inputs")
    if inputs:
        made.docs[layout.GIT]["inputs"] = [
            one for one in inputs if not one["input"].startswith(("model", "attempt"))
        ]
    made.journal_milestone()
    return made
