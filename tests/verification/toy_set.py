"""A toy that ran with settings of the command line, of which overrides.json tells."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from toy import toy
from toy_parts import SEED

from evidence import layout
from evidence.self_test.forger import ForgedPack

SAID = f"seed = {SEED}\n"
LIMIT = "max_new_tokens = 12\n"


def overrides() -> list[dict[str, Any]]:
    """What overrides.json and the journal say."""
    return [
        {"key": "train.seed", "value": SEED, "was": SEED + 1, "origin": "command line"},
        {"key": "eval.max_new_tokens", "value": 12, "was": None, "origin": "command line"},
        {
            "key": 'eval."scorers"',
            "value": ["exact", "numeric"],
            "was": ["exact"],
            "origin": "command line",
        },
    ]


def set_toy() -> ForgedPack:
    """The toy, whose milestone file says another seed, another scorer, and no length of outputs."""
    made = toy()
    text = (made.files[layout.MILESTONE] or b"").decode()
    assert SAID in text
    assert LIMIT in text
    text = text.replace(SAID, f"seed = {SEED + 1}\n").replace(LIMIT, "")
    text = text.replace('scorers = ["exact", "numeric"]', 'scorers = ["exact"]')
    made.files[layout.MILESTONE] = text.encode()
    made.docs[layout.OVERRIDES] = {"schema": "overrides.v1", "overrides": overrides()}
    made.event("run-started")["data"]["overrides"] = deepcopy(overrides())
    made.journal_milestone()
    return made
