"""Edits of the toy that lie, for `forgeries`: what a forger changes before sealing anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toy import CONFIG, MODEL, OUTCOME, Toy, prediction, safetensors

from evidence import layout
from evidence.encoding.digest import sha256_hex

Edit = Callable[[Toy], object]


def steps(toy: Toy) -> list[dict[str, Any]]:
    return toy.docs[layout.METRICS]


def predictions(toy: Toy) -> list[dict[str, Any]]:
    return toy.docs[layout.PREDICTIONS]


def put(path: str, *keys: str | int, value: Any) -> Edit:
    """An edit that sets one place of one document."""

    def edit(toy: Toy) -> None:
        target = toy.docs[path]
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = value

    return edit


def event(name: str, key: str, value: Any, **where: Any) -> Edit:
    """An edit that sets one fact of one journal event."""

    def edit(toy: Toy) -> None:
        toy.event(name, **where)["data"][key] = value

    return edit


def milestone(old: str, new: str) -> Edit:
    """An edit of the milestone, the journal's digest of it included."""

    def edit(toy: Toy) -> None:
        text = toy.files[layout.MILESTONE].replace(old.encode(), new.encode())
        assert text != toy.files[layout.MILESTONE]
        toy.files[layout.MILESTONE] = text
        toy.event("run-started")["data"]["milestone_sha256"] = sha256_hex(text)

    return edit


def both(*edits: Edit) -> Edit:
    """Several edits as one."""

    def edit(toy: Toy) -> None:
        for one in edits:
            one(toy)

    return edit


def drop_step(toy: Toy) -> None:
    del steps(toy)[7]


def drop_last_steps(toy: Toy) -> None:
    del steps(toy)[15:]
    toy.docs[layout.SEEN]["stream_sha256"] = steps(toy)[-1]["stream"]


def swap_steps(toy: Toy) -> None:
    rows = steps(toy)
    rows[3], rows[4] = rows[4], rows[3]


def claim_status(toy: Toy) -> None:
    """A run that crashed in evaluation, called complete."""
    toy.event("attempt-finished", number=2)["data"]["outcome"] = "exception"


def drop_prediction(toy: Toy) -> None:
    del predictions(toy)[2]


def drop_prediction_and_count(toy: Toy) -> None:
    del predictions(toy)[4]
    toy.event("stage-finished", stage="eval")["data"]["num_rows"] = 4
    toy.event("schedule", stage="eval")["data"]["num_steps"] = 4


def better_answer(toy: Toy) -> None:
    predictions(toy)[1]["answer"] = predictions(toy)[1]["target"]


def other_output(toy: Toy) -> None:
    row = predictions(toy)[1]
    row["output"] = row["output"] + " or so"


def save_model_late(toy: Toy) -> None:
    events = toy.docs[layout.JOURNAL]
    saved = toy.event("final-model")
    events.remove(saved)
    started = events.index(toy.event("stage-started", stage="eval"))
    saved |= {key: events[started][key] for key in ("utc", "monotonic_s")}
    events.insert(started + 1, saved)


def third_segment(toy: Toy) -> None:
    toy.event("stage-started", stage="train")["data"]["segment"] = 3


def overlap_outside(toy: Toy) -> None:
    found = toy.docs[layout.INPUTS]["data"]["train"]["overlap"]
    found |= {"exact_rows": [99], "normalised_rows": [99], "evaluation_rows": [0]}


def whole_prediction(toy: Toy) -> None:
    predictions(toy)[2] = prediction(2, "Well. Answer: 4")


def duplicate_prediction(toy: Toy) -> None:
    predictions(toy)[2]["id"] = predictions(toy)[1]["id"]


def more_parameters(toy: Toy) -> None:
    toy.docs[layout.INPUTS]["model"]["num_parameters"] += 1_000_000


def other_weights(toy: Toy) -> None:
    data = bytearray(toy.files[MODEL])
    data[-1] ^= 1
    toy.files[MODEL] = bytes(data)


def wider_model(toy: Toy) -> None:
    toy.files[CONFIG] = toy.files[CONFIG].replace(b'"hidden_size": 4', b'"hidden_size": 8')


def deeper_model(toy: Toy) -> None:
    toy.files[CONFIG] = toy.files[CONFIG].replace(b'layers": 2', b'layers": 3')


def half_precision(toy: Toy) -> None:
    def to_integers(header: dict[str, Any]) -> None:
        header["model.layers.0.mlp.weight"] |= {"dtype": "BF16", "shape": [8, 4]}

    toy.files[MODEL] = safetensors(to_integers)


def hidden_tail(toy: Toy) -> None:
    toy.files[MODEL] += b"\0" * 64
    toy.docs[layout.WITHHELD]["files"][0]["size_bytes"] += 64


def answer_unseen(toy: Toy) -> None:
    toy.docs[layout.SEEN]["coverage"][1]["num_rows_in_target"] = 0


def other_batch_row(toy: Toy) -> None:
    row = toy.docs[layout.SEEN]["batches"][1]["rows"][0]
    row["ids"][0] = 1 + row["ids"][0] % 60


def other_text(toy: Toy) -> None:
    """What the model is said to have read, beside the tokens that it was fed."""
    toy.docs[layout.SEEN]["batches"][0]["rows"][0]["pieces"][2] = " something nicer"


def fewer_pieces(toy: Toy) -> None:
    del toy.docs[layout.SEEN]["batches"][0]["rows"][0]["pieces"][-1]


def more_often(toy: Toy) -> None:
    seen = toy.docs[layout.SEEN]
    seen["times_seen"][0] += 1
    seen["times_seen"][1] -= 1


def hidden_truncation(toy: Toy) -> None:
    toy.docs[layout.INPUTS]["text"]["length_tokens"]["max"] = 40


def doubled_begin(toy: Toy) -> None:
    row = toy.docs[layout.SEEN]["batches"][0]["rows"][0]["source_row"]
    toy.docs[layout.INPUTS]["text"]["rows_doubled_bos"] = [row]


def drop_batch(toy: Toy) -> None:
    del toy.docs[layout.SEEN]["batches"][4]


def gpu_out_of_air(toy: Toy) -> None:
    framework = toy.docs[layout.ENVIRONMENT]["framework"]
    framework |= {"device": "cuda:0", "device_name": "NVIDIA H100"}


def hide_attempt(toy: Toy) -> None:
    del toy.docs[OUTCOME]


def invent_attempt(toy: Toy) -> None:
    toy.docs["attempts/02-toy/outcome.json"] = toy.docs[OUTCOME] | {"number": 2, "name": "toy"}


def hide_dirt(toy: Toy) -> None:
    file = {"path": "evidence/x.py", "state": "modified", "sha256": "1" * 64}
    toy.docs[layout.GIT]["start"]["files"] = [file]
    toy.docs[layout.GIT]["end"]["files"] = [file]


def cut_journal(toy: Toy) -> None:
    del toy.docs[layout.JOURNAL][-1]


def reorder_journal(toy: Toy) -> None:
    events = toy.docs[layout.JOURNAL]
    events[2:4], events[4:6] = events[4:6], events[2:4]


def clock_back(toy: Toy) -> None:
    toy.docs[layout.JOURNAL][9]["monotonic_s"] = 900.0


def frozen_lie(toy: Toy) -> None:
    toy.docs[layout.FROZEN]["sets"][0]["files"][0]["after_sha256"] = "2" * 64


def escape_in_log(toy: Toy) -> None:
    toy.files[layout.TRAINING_LOG] += b"\x1b]52;c;YQ==\x07\n"


def rounder_losses(toy: Toy) -> None:
    for row in steps(toy):
        row["loss"] = round(row["loss"] / 2, 3)


def invented_telemetry(toy: Toy) -> None:
    toy.docs[layout.TELEMETRY][0]["rss_bytes"] = 10**6


def other_machine(toy: Toy) -> None:
    toy.docs[layout.HARDWARE]["cpu"]["model"] = "A better CPU"
    toy.files[layout.ENV_SNAPSHOT] = toy.files[layout.ENV_SNAPSHOT].replace(
        b"A CPU", b"A better CPU"
    )


def better_probe(toy: Toy) -> None:
    toy.event("probe", moment="after")["data"]["loss"] = 0.1


def whole_new_weights(toy: Toy) -> None:
    other_weights(toy)


def later_day(toy: Toy) -> None:
    for one in toy.docs[layout.JOURNAL]:
        one["utc"] = one["utc"].replace("2026-01-08", "2026-02-08")


def everything_named_anew(toy: Toy) -> None:
    milestone('title = "Toy"', 'title = "The real thing"')(toy)
