"""Two processes of which each has its share of the weights train as two with whole models would."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.errors import MalformedError
from evidence.milestone.parse import parse_milestone
from evidence.rules.ranks import num_held
from tests.command import evidence
from tests.launch import milestone
from tests.launch.milestone import ALONE, DIVIDED, MILESTONE, event, journal, steps, weights
from tests.packs.sealing import reseal
from tests.shared import made_once

ROUNDING = 1e-5
"""Relative, of losses: sums are taken in another order, in single precision."""
ROUNDING_OF_NORM = 1e-4
"""Relative: in single precision the norm of a long tensor and that of its halves round apart."""


@pytest.fixture
def pack(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "divided-weights", milestone.divided)
    return Path(shutil.copytree(made, tmp_path / "divided/L2"))


@pytest.fixture
def whole(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "two-processes", milestone.two)
    return Path(shutil.copytree(made, tmp_path / "whole/L2"))


def held(pack: Path) -> list[int]:
    return [one["num_parameters_held"] for one in event(pack, "ranks")["ranks"]]


def num_parameters(pack: Path) -> int:
    return int(json.loads((pack / layout.INPUTS).read_bytes())["model"]["num_parameters"])


@pytest.mark.torch
def test_each_process_holds_its_share_and_the_pack_says_so(pack: Path, whole: Path) -> None:
    assert evidence("verify", str(pack)).exit == 0
    assert evidence("render", str(pack), "--check").exit == 0
    assert held(whole) == [num_parameters(whole)] * 2
    assert sum(held(pack)) == num_parameters(pack)
    assert max(held(pack)) <= 0.51 * num_parameters(pack)
    assert event(pack, "execution")["strategy"] == "fsdp"
    assert "strategy" not in event(whole, "execution")
    summary = (pack / "l2_summary.md").read_text()
    assert f"(FSDP); in this order they held {held(pack)[0]:,} + {held(pack)[1]:,}" in summary
    assert "(DDP)" not in summary


@pytest.mark.torch
def test_losses_and_weights_are_those_of_whole_models(pack: Path, whole: Path) -> None:
    from safetensors.torch import load

    for ours, theirs in zip(steps(pack), steps(whole), strict=True):
        assert ours["stream"] == theirs["stream"]
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=ROUNDING)
        assert ours["grad_norm"] == pytest.approx(theirs["grad_norm"], rel=ROUNDING_OF_NORM)
    ours, theirs = load(weights(pack)), load(weights(whole))
    assert ours.keys() == theirs.keys()
    for name, one in ours.items():
        assert float((one - theirs[name]).abs().max()) < 1e-6
    first, last = (one["loss"] for one in journal_probes(pack))
    assert [first, last] == pytest.approx([one["loss"] for one in journal_probes(whole)], rel=1e-6)


def journal_probes(pack: Path) -> list[dict[str, Any]]:
    return [one["data"] for one in journal(pack) if one["event"] == "probe"]


@pytest.mark.torch
def test_a_checkpoint_has_the_files_of_whole_models(pack: Path, whole: Path) -> None:
    ours, theirs = (
        [(file["path"], file["size_bytes"]) for file in event(one, "checkpoint")["files"]
         if file["path"].startswith(("model", "optimizer", "rng"))]
        for one in (pack, whole)
    )  # fmt: skip
    assert ours == theirs


@pytest.mark.torch
def test_a_process_that_is_killed_is_blamed_and_the_run_goes_on_to_the_same_bytes(
    tmp_path: Path, pack: Path
) -> None:
    made = milestone.project(tmp_path / "project", DIVIDED)
    process = milestone.started(made, 3)
    os.kill(milestone.pid_of(1, process.pid), signal.SIGKILL)
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 4, out
    assert "rank 1 of 2: the worker was killed by SIGKILL" in out
    closed = Path(shutil.copytree(made, tmp_path / "closed"))
    milestone.run(closed, "--close")
    assert evidence("verify", str(closed / "runs/L2")).exit == 4
    assert ended_with(not_said, closed / "runs/L2") == 1
    ended = milestone.run(made, "--resume")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    resumed = made / "runs/L2"
    assert max(one["segment"] for one in steps(resumed)) == 2
    assert weights(resumed) == weights(pack)
    again = (made / "runs/L2" / layout.WEIGHTS).read_bytes()
    assert again == (pack / layout.WEIGHTS).read_bytes()


def each_has_all(events: dict[str, Any]) -> None:
    for one in events["ranks"]["data"]["ranks"]:
        one["num_parameters_held"] *= 2


def moved_to_the_other(events: dict[str, Any]) -> None:
    first, second = events["ranks"]["data"]["ranks"]
    first["num_parameters_held"] += 1
    second["num_parameters_held"] -= 1


def one_less(events: dict[str, Any]) -> None:
    events["ranks"]["data"]["ranks"][1]["num_parameters_held"] -= 1


def not_said(events: dict[str, Any]) -> None:
    for one in events["ranks"]["data"]["ranks"]:
        del one["num_parameters_held"]


def another_strategy(events: dict[str, Any]) -> None:
    del events["execution"]["data"]["strategy"]


@pytest.mark.torch
@pytest.mark.parametrize(
    "lie", [each_has_all, moved_to_the_other, one_less, not_said, another_strategy]
)
def test_a_lie_about_shares_is_found_however_it_is_sealed(
    lie: Callable[[dict[str, Any]], None], pack: Path
) -> None:
    assert ended_with(lie, pack) == 1


@pytest.mark.torch
def test_whole_models_cannot_be_called_shares_nor_shares_whole(pack: Path, whole: Path) -> None:
    def as_divided(events: dict[str, Any]) -> None:
        events["execution"]["data"]["strategy"] = "fsdp"

    def as_shares(events: dict[str, Any]) -> None:
        for one in events["ranks"]["data"]["ranks"]:
            one["num_parameters_held"] //= 2

    told = (whole / layout.MILESTONE).read_text()
    assert ended_with(as_shares, Path(shutil.copytree(whole, whole.parent / "shares"))) == 1
    (whole / layout.MILESTONE).write_text(told.replace("processes = 2", STRATEGY))
    assert ended_with(as_divided, whole) == 1


STRATEGY = 'processes = 2\nstrategy = "fsdp"'


def ended_with(lie: Callable[[dict[str, Any]], None], pack: Path) -> int:
    events = journal(pack)
    lie({one["event"]: one for one in reversed(events)})
    (pack / layout.JOURNAL).write_text("".join(json.dumps(one) + "\n" for one in events))
    reseal(pack, [])
    return evidence("verify", str(pack)).exit


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ('optimizer = "adafactor"', "train.optimizer"),
        ('optimizer = "adamw_torch_fused"', "train.optimizer"),
        ("optimizer_left_out = true", "train.optimizer"),
        ('optimizer = "adamw_torch"\nneftune_noise_alpha = 5', "train.neftune_noise_alpha"),
        (
            'optimizer = "adamw_torch"\ngradient_checkpointing = true',
            "train.gradient_checkpointing",
        ),
        ('optimizer = "adamw_torch"\nmixed_precision = "bf16"', "train.mixed_precision"),
        ('optimizer = "adamw_torch"\nextra = { tf32 = false }', "train.extra"),
        ('optimizer = "adamw_torch"\nlora = { rank = 2 }', "train.lora"),
    ],
)
def test_what_was_not_tried_is_refused_by_its_key(said: str, place: str) -> None:
    said = "" if said.startswith("optimizer_left_out") else said
    text = DIVIDED.replace('optimizer = "adamw_torch"', said)
    with pytest.raises(MalformedError) as refused:
        parse_milestone(text.encode())
    assert refused.value.message.startswith(f"{place}: ")
    assert 'is not tried where strategy = "fsdp"' in refused.value.message
    parse_milestone(text.replace('"fsdp"', '"ddp"').encode())


def test_what_an_attempt_sets_is_refused_at_the_attempt() -> None:
    text = DIVIDED + '\n[attempt.train]\noptimizer = "sgd"\n'
    with pytest.raises(MalformedError, match=r"attempt\.0\.train\.optimizer"):
        parse_milestone(text.encode())


def test_one_process_has_no_share() -> None:
    alone = ALONE.replace("[train]", '[launch]\nstrategy = "fsdp"\n\n[train]')
    with pytest.raises(MalformedError, match=r"launch\.strategy: .* asks for one"):
        parse_milestone(alone.encode())
    assert parse_milestone(DIVIDED.encode()) != parse_milestone(MILESTONE.encode())


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_shares_are_the_whole_and_fall_as_pytorch_cuts(world: int) -> None:
    shapes = [(7, 3), (2,), (1, 4), (10,), (6, 2, 2), ()]
    shares = [num_held(shapes, rank, world) for rank in range(world)]
    assert sum(shares) == 21 + 2 + 4 + 10 + 24 + 1
    torch = pytest.importorskip("torch")
    rows = [torch.zeros(shape or (1,)).chunk(world) for shape in shapes]
    for rank, found in enumerate(shares):
        assert found == sum(cut[rank].numel() for cut in rows if rank < len(cut))
