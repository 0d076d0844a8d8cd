"""Edits of the toy that lie, for `forgeries`: what a forger changes before sealing anew.

Responsible for the lies that hit a place of the toy, whose finding is written down. Those that
are the same on any pack are the self-test's.
"""

from __future__ import annotations

import re
from typing import Any

from toy import CONFIG, MODEL, OUTCOME, prediction, safetensors

from evidence import layout
from evidence.self_test import edits
from evidence.self_test.edits import Edit
from evidence.self_test.forger import ForgedPack


def steps(toy: ForgedPack) -> list[dict[str, Any]]:
    return toy.docs[layout.METRICS]


def predictions(toy: ForgedPack) -> list[dict[str, Any]]:
    return toy.docs[layout.PREDICTIONS]


def put(path: str, *keys: str | int, value: Any) -> Edit:
    """An edit that sets one place of one document, whatever is there."""

    def edit(toy: ForgedPack) -> None:
        target = toy.docs[path]
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = value

    return edit


def event(name: str, key: str, value: Any, **where: Any) -> Edit:
    """An edit that sets one fact of one journal event."""
    return edits.event(name, key, edits.becomes(value), **where)


def milestone(old: str, new: str) -> Edit:
    """An edit of the milestone, the journal's digest of it included."""
    return edits.milestone(re.escape(old), lambda _: new)


def drop_step(toy: ForgedPack) -> None:
    del steps(toy)[7]


def drop_last_steps(toy: ForgedPack) -> None:
    del steps(toy)[15:]
    toy.docs[layout.SEEN]["stream_sha256"] = steps(toy)[-1]["stream"]


def swap_steps(toy: ForgedPack) -> None:
    rows = steps(toy)
    rows[3], rows[4] = rows[4], rows[3]


def claim_status(toy: ForgedPack) -> None:
    """A run that crashed in evaluation, called complete."""
    toy.event("attempt-finished", number=2)["data"]["outcome"] = "exception"


def drop_prediction(toy: ForgedPack) -> None:
    del predictions(toy)[2]


def drop_prediction_and_count(toy: ForgedPack) -> None:
    del predictions(toy)[4]
    toy.event("stage-finished", stage="eval")["data"]["num_rows"] = 4
    toy.event("schedule", stage="eval")["data"]["num_steps"] = 4


def other_output(toy: ForgedPack) -> None:
    row = predictions(toy)[1]
    row["output"] = row["output"] + " or so"


def save_model_late(toy: ForgedPack) -> None:
    events = toy.docs[layout.JOURNAL]
    saved = toy.event("final-model")
    events.remove(saved)
    started = events.index(toy.event("stage-started", stage="eval"))
    saved |= {key: events[started][key] for key in ("utc", "monotonic_s")}
    events.insert(started + 1, saved)


def third_segment(toy: ForgedPack) -> None:
    toy.event("stage-started", stage="train")["data"]["segment"] = 3


def overlap_outside(toy: ForgedPack) -> None:
    found = toy.docs[layout.INPUTS]["data"]["train"]["overlap"]
    found |= {"exact_rows": [99], "normalised_rows": [99], "evaluation_rows": [0]}


def whole_prediction(toy: ForgedPack) -> None:
    predictions(toy)[2] = prediction(2, "Well. Answer: 4")


def duplicate_prediction(toy: ForgedPack) -> None:
    predictions(toy)[2]["id"] = predictions(toy)[1]["id"]


def more_parameters(toy: ForgedPack) -> None:
    toy.docs[layout.INPUTS]["model"]["num_parameters"] += 1_000_000


def deeper_model(toy: ForgedPack) -> None:
    toy.files[CONFIG] = toy.files[CONFIG].replace(b'layers": 2', b'layers": 3')


def half_precision(toy: ForgedPack) -> None:
    def to_integers(header: dict[str, Any]) -> None:
        header["model.layers.0.mlp.weight"] |= {"dtype": "BF16", "shape": [8, 4]}

    toy.files[MODEL] = safetensors(to_integers)


def other_batch_row(toy: ForgedPack) -> None:
    row = toy.docs[layout.SEEN]["batches"][1]["rows"][0]
    row["ids"][0] = 1 + row["ids"][0] % 60


def other_text(toy: ForgedPack) -> None:
    """What the model is said to have read, beside the tokens that it was fed."""
    toy.docs[layout.SEEN]["batches"][0]["rows"][0]["pieces"][2] = " something nicer"


def more_often(toy: ForgedPack) -> None:
    seen = toy.docs[layout.SEEN]
    seen["times_seen"][0] += 1
    seen["times_seen"][1] -= 1


def hidden_truncation(toy: ForgedPack) -> None:
    toy.docs[layout.INPUTS]["text"]["length_tokens"]["max"] = 40


def doubled_begin(toy: ForgedPack) -> None:
    row = toy.docs[layout.SEEN]["batches"][0]["rows"][0]["source_row"]
    toy.docs[layout.INPUTS]["text"]["rows_doubled_bos"] = [row]


def drop_batch(toy: ForgedPack) -> None:
    del toy.docs[layout.SEEN]["batches"][4]


def gpu_out_of_air(toy: ForgedPack) -> None:
    framework = toy.docs[layout.ENVIRONMENT]["framework"]
    framework |= {"device": "cuda:0", "device_name": "NVIDIA H100"}


def invent_attempt(toy: ForgedPack) -> None:
    toy.docs["attempts/02-toy/outcome.json"] = toy.docs[OUTCOME] | {"number": 2, "name": "toy"}


def hide_dirt(toy: ForgedPack) -> None:
    file = {"path": "evidence/x.py", "state": "modified", "sha256": "1" * 64}
    toy.docs[layout.GIT]["start"]["files"] = [file]
    toy.docs[layout.GIT]["end"]["files"] = [file]


def reorder_journal(toy: ForgedPack) -> None:
    events = toy.docs[layout.JOURNAL]
    events[2:4], events[4:6] = events[4:6], events[2:4]


def clock_back(toy: ForgedPack) -> None:
    toy.docs[layout.JOURNAL][9]["monotonic_s"] = 900.0


def rounder_losses(toy: ForgedPack) -> None:
    for row in steps(toy):
        row["loss"] = round(row["loss"] / 2, 3)


def invented_telemetry(toy: ForgedPack) -> None:
    toy.docs[layout.TELEMETRY][0]["rss_bytes"] = 10**6


def sampled_early(toy: ForgedPack) -> None:
    """The first sample is said to be of the evaluation, which began five seconds later."""
    toy.docs[layout.TELEMETRY][0].update(stage="eval", elapsed_s=0.05)


def better_probe(toy: ForgedPack) -> None:
    toy.event("probe", moment="after")["data"]["loss"] = 0.1


def other_seam(toy: ForgedPack) -> None:
    """A probe of an easier target than the first prediction has."""
    toy.docs[layout.INPUTS]["text"]["seam"] = {
        "fed": "0 + 0?", "continuation": " Answer: 0", "first_target": " Answer",
        "waits_for": "Answer:", "probe_given": "0 + 0? Answer: ", "probe_wanted": "1",
        "mismatches": [],
    }  # fmt: skip


def shadowed_by_nothing(toy: ForgedPack) -> None:
    toy.docs[layout.PACKAGES]["packages"][-1]["shadowed"] = True


def two_imported(toy: ForgedPack) -> None:
    packages = toy.docs[layout.PACKAGES]["packages"]
    packages.append(packages[-1] | {"version": "999"})


def _held(toy: ForgedPack, **of_training_data: str) -> None:
    named = {
        "milestone": "milestones/M90.toml",
        "data.eval.path": "data/eval.jsonl",
        "data.train.path": "data/train.jsonl",
        "attempt.toy.model.config": "models/toy",
        "attempt.toy.model.tokenizer": "models/toy",
    }
    toy.docs[layout.GIT]["inputs"] = [
        {"input": key, "path": path, "held_by": "commit", "reason": ""}
        | (of_training_data if key == "data.train.path" else {})
        for key, path in named.items()
    ]


def held_though_changed(toy: ForgedPack) -> None:
    """The commit is said to hold data that differed from it."""
    _held(toy)
    file = {"path": "data/train.jsonl", "state": "modified", "sha256": "1" * 64}
    for moment in ("start", "end"):
        toy.docs[layout.GIT][moment] |= {"dirty": True, "files": [file]}
        toy.event("captured", moment=moment)["data"]["dirty"] = True


def held_by_no_patch(toy: ForgedPack) -> None:
    _held(toy, held_by="patch")


def held_by_nothing_for_no_reason(toy: ForgedPack) -> None:
    _held(toy, held_by="nothing")


def later_day(toy: ForgedPack) -> None:
    for one in toy.docs[layout.JOURNAL]:
        one["utc"] = one["utc"].replace("2026-01-08", "2026-02-08")
    environment = toy.docs[layout.ENVIRONMENT]
    environment["started_utc"] = environment["started_utc"].replace("2026-01-08", "2026-02-08")
