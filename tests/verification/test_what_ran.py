"""How rows and answers went through the model, as the worker recorded it: agreed with, or found."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from lies import milestone
from toy import toy, write
from toy_parts import B, G

from evidence import layout
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack

MERGED = {
    "execution": "fast", "rows_per_forward": B * G, "accumulation": 1, "device": "cpu",
    "num_devices": 1,
}  # fmt: skip
GREEDY = {
    "settings": {"do_sample": "false", "num_beams": "1", "max_new_tokens": "12"},
    "set_aside": {},
    "end_tokens": [{"id": 1, "text": "<eos>", "declared_by": ["config"]}],
}


def recorded() -> ForgedPack:
    """The toy, with what a worker records of its passes, its loss and its generation."""
    made = toy()
    journal = made.docs[layout.JOURNAL]
    first = made.docs[layout.METRICS][0]
    loss = {"step": 1, "num_rows": first["num_rows"], "ours": first["loss"], "framework": None}
    for stage, name, data in (
        ("train", "loss", loss), ("train", "execution", MERGED), ("eval", "generation", GREEDY),
    ):  # fmt: skip
        (place,) = [
            index for index, event in enumerate(journal)
            if event["event"] == "schedule" and event["data"]["stage"] == stage
        ]  # fmt: skip
        event = deepcopy(journal[place])
        event["event"], event["data"] = name, {"stage": stage, "segment": 1, **deepcopy(data)}
        journal.insert(place + 1, event)
    return made


def data_of(made: ForgedPack, name: str) -> Any:
    (event,) = [one for one in made.docs[layout.JOURNAL] if one["event"] == name]
    return event["data"]


def outcomes(made: ForgedPack, folder: Path) -> dict[str, str]:
    report = verify_pack(write(folder / "M90", made.seal().all_bytes()))
    return {one.id: one.outcome for one in report.checks}


def test_what_agrees_passes(tmp_path: Path) -> None:
    found = outcomes(recorded(), tmp_path)
    checks = ("training-execution", "training-own-loss", "generation")
    assert [found[one] for one in checks] == ["pass"] * 3
    assert "fail" not in found.values()


def _set(event: str, key: str, value: Any) -> Callable[[ForgedPack], None]:
    def lie(made: ForgedPack) -> None:
        data_of(made, event)[key] = value

    return lie


@pytest.mark.parametrize(
    ("check", "lie"),
    [
        ("training-execution", _set("execution", "rows_per_forward", B * G + 1)),
        ("training-execution", _set("execution", "accumulation", G + 3)),
        ("training-execution", _set("execution", "execution", "as-written")),
        ("training-own-loss", _set("loss", "ours", 0.01)),
        ("training-own-loss", _set("loss", "step", 2)),
        ("generation", _set("generation", "settings", {"max_new_tokens": "13"})),
        ("generation", _set("generation", "settings", {})),
        ("generation", _set("generation", "end_tokens", [])),
    ],
)
def test_what_disagrees_is_found(
    check: str, lie: Callable[[ForgedPack], None], tmp_path: Path
) -> None:
    made = recorded()
    lie(made)
    assert outcomes(made, tmp_path)[check] == "fail"


@pytest.mark.parametrize(("end", "said"), [(1, "pass"), (2, "fail"), (None, "pass")])
def test_the_end_of_the_tokenizer_is_among_those_that_end_an_answer(
    end: int | None, said: str, tmp_path: Path
) -> None:
    made = recorded()
    if end is not None:
        token = {"name": "eos_token", "text": "<eos>", "id": end}
        made.docs[layout.INPUTS]["tokenizer"]["special_tokens"].append(token)
    assert outcomes(made, tmp_path)["generation"] == said


def test_a_tokenizer_that_nobody_knows_ends_no_answer(tmp_path: Path) -> None:
    made = recorded()
    made.docs[layout.INPUTS]["tokenizer"] = {"unavailable": "lost"}
    assert outcomes(made, tmp_path / "true")["generation"] == "pass"
    data_of(made, "generation")["end_tokens"] = []  # and yet the toy's answers ended at one
    assert outcomes(made, tmp_path / "lie")["generation"] == "fail"


@pytest.mark.parametrize("setting", ["label_smoothing = 0.1", "neftune_noise_alpha = 5.0"])
def test_a_loss_that_is_no_plain_cross_entropy_is_not_held_against_one(
    setting: str, tmp_path: Path
) -> None:
    made = recorded()
    milestone("warmup_steps = 2", f"warmup_steps = 2\n{setting}")(made)
    data_of(made, "loss")["ours"] *= 0.9
    assert outcomes(made, tmp_path / "true")["training-own-loss"] == "not_checked"
    data_of(made, "loss")["step"] = 2
    assert outcomes(made, tmp_path / "lie")["training-own-loss"] == "fail"


@pytest.mark.parametrize(("share", "said"), [(0.1, "pass"), (0.15, "fail")])
def test_a_warm_up_that_is_a_share_of_the_steps_gives_the_rates(
    share: float, said: str, tmp_path: Path
) -> None:
    made = recorded()
    milestone("warmup_steps = 2", f"warmup_ratio = {share}")(made)  # of 20 steps
    assert outcomes(made, tmp_path)["learning-rate-schedule"] == said
