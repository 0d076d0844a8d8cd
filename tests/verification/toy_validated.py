"""The toy with a loss on validation rows, measured after every sixth of its twenty steps."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from lies import milestone
from toy import toy, training_of_toy
from toy_parts import MAX_LENGTH

from evidence import layout
from evidence.self_test.forger import ForgedPack

STEPS = (6, 12, 18, 20)
LOSSES = (2.5, 1.75, 1.5, 1.625)
NUM_ROWS = 4
TARGETS = 12
TABLE = """[data.validation]
path = "data/validation.jsonl"
answer = ["final_answer"]
text = "{{ prompt }} {{ final_answer }}"

[train]
validate_every_steps = 6
"""


def validated(
    more: str = "", losses: tuple[float, ...] = LOSSES, base: ForgedPack | None = None
) -> ForgedPack:
    """An honest one. `more`: further settings of [train]; `base`: without validation."""
    made = toy() if base is None else base
    milestone("[train]\n", f"{TABLE}{more}")(made)
    data = made.docs[layout.INPUTS]["data"]
    data["validation"] = deepcopy(data["train"]) | {
        "name": "validation",
        "path": "data/validation.jsonl",
        "sha256": "7" * 64,
        "sha256_lf": "7" * 64,
        "num_rows": NUM_ROWS,
        "num_schema_violations": {"unavailable": "no fields are declared"},
    }
    facts: dict[str, Any] = {"stage": "train", "segment": 1}
    told = {
        "data": "validation",
        "num_rows": NUM_ROWS,
        "num_tokens": NUM_ROWS * MAX_LENGTH // 2,
        "num_target_tokens": TARGETS,
        "num_rows_cut": 1,
        "num_rows_trained_on": 0,
    }
    behind(made, "schedule", "validation-set", facts | told)
    before = "validation-set"
    for step, loss in zip(STEPS, losses, strict=False):
        data = facts | {"step": step, "loss": loss, "num_target_tokens": TARGETS}
        behind(made, before, "validation", data)
        before = "validation"
    return made


def behind(made: ForgedPack, earlier: str, name: str, data: dict[str, Any]) -> None:
    """One more event directly behind the last of the training that is called `earlier`."""
    events = made.docs[layout.JOURNAL]
    place = max(
        index
        for index, one in enumerate(events)
        if one["event"] == earlier and one["data"]["stage"] == "train"
    )
    events.insert(place + 1, {**deepcopy(events[place]), "event": name, "data": deepcopy(data)})


def facts_of(made: ForgedPack, name: str) -> list[dict[str, Any]]:
    """The facts of each event of this name."""
    return [one["data"] for one in made.docs[layout.JOURNAL] if one["event"] == name]


def ended_early(more: str = "") -> ForgedPack:
    """An honest one that planned forty steps, and whose losses ended it after twenty."""
    made = validated(f"early_stopping_patience = 2\n{more}", LOSSES)
    milestone("validate_every_steps = 6", "validate_every_steps = 5")(made)
    milestone("epochs = 2", "epochs = 4")(made)
    steps, seen = training_of_toy(epochs=4)
    made.docs[layout.METRICS] = [
        {**step, "elapsed_s": old["elapsed_s"]}
        for step, old in zip(steps, made.docs[layout.METRICS], strict=False)
    ]
    last = len(made.docs[layout.METRICS])
    made.docs[layout.SEEN]["batches"] = [one for one in seen["batches"] if one["step"] <= last]
    for one in facts_of(made, "schedule"):
        if one["stage"] == "train":
            one["num_steps"] = len(steps)
    told = zip(facts_of(made, "validation"), (5, 10, 15, 20), (2.5, 1.5, 1.75, 1.625), strict=True)
    for one, step, loss in told:
        one |= {"step": step, "loss": loss}
    return made
