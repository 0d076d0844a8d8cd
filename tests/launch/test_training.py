"""Two processes train as one would: the same rows in the same order, the same losses."""

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
from tests.command import evidence
from tests.launch import milestone
from tests.launch.milestone import NUM_ROWS, NUM_STEPS, event, journal, steps, weights
from tests.packs.sealing import reseal
from tests.shared import made_once

pytestmark = pytest.mark.torch
ROUNDING = 1e-5
"""Relative: gradients are summed in another order, in single precision."""


OUTCOME = "attempts/01-tiny/outcome.json"


@pytest.fixture
def pack(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "two-processes", milestone.two)
    return Path(shutil.copytree(made, tmp_path / "runs/L2"))


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "one-process", milestone.one)


def test_the_pack_verifies_and_shows_both_processes(pack: Path) -> None:
    assert evidence("verify", str(pack)).exit == 0
    assert evidence("render", str(pack), "--check").exit == 0
    assert [one["rank"] for one in event(pack, "ranks")["ranks"]] == [0, 1]
    ran = event(pack, "execution")
    assert (ran["processes"], ran["rows_per_forward"] * ran["accumulation"]) == (2, 2)
    summary = (pack / "l2_summary.md").read_text()
    assert "in each of 2 processes" in summary
    counts = [one["num_rows"] for one in event(pack, "ranks-fed")["ranks"]]
    for rank, count in enumerate(counts):
        assert f"\n| {rank} | " in summary
        assert f"| {count} | " in summary
    assert sum(counts) == 3 * NUM_ROWS


def test_rows_and_losses_are_those_of_one_process(pack: Path, alone: Path) -> None:
    """The row stream chains source row, ids and labels of every row in the order of feeding: an
    equal one leaves no room for a row that is fed twice or elsewhere."""
    both, one = steps(pack), steps(alone)
    assert len(both) == len(one) == NUM_STEPS
    exact = ("step", "epoch", "learning_rate", "num_rows", "num_tokens", "num_target_tokens")
    for ours, theirs in zip(both, one, strict=True):
        assert [ours[key] for key in (*exact, "stream")] == [theirs[k] for k in (*exact, "stream")]
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=ROUNDING)
        assert ours["grad_norm"] == pytest.approx(theirs["grad_norm"], rel=100 * ROUNDING)
    assert [row["num_rows"] for row in both] == [4, 4, 4, 1] * 3
    seen = json.loads((pack / layout.SEEN).read_bytes())
    assert (seen["times_seen_min"], seen["times_seen_max"]) == (3, 3)


def test_both_processes_end_with_the_weights_that_are_kept(pack: Path) -> None:
    kept = json.loads((pack / layout.WEIGHTS).read_bytes())["end_sha256"]
    assert {one["weights_sha256"] for one in event(pack, "ranks-fed")["ranks"]} == {kept}


def test_one_process_leaves_no_word_of_processes(alone: Path) -> None:
    assert "processes" not in event(alone, "execution")
    assert not [one for one in journal(alone) if one["event"].startswith("ranks")]
    summary = (alone / "l2_summary.md").read_text()
    assert "### Processes" not in summary
    assert "in each of" not in summary


def drop_rank(events: dict[str, Any]) -> None:
    del events["ranks"]["data"]["ranks"][1]


def drop_what_it_was_fed(events: dict[str, Any]) -> None:
    del events["ranks-fed"]["data"]["ranks"][1]


def other_count(events: dict[str, Any]) -> None:
    events["ranks-fed"]["data"]["ranks"][1]["num_tokens"] += 1


def row_of_the_other(events: dict[str, Any]) -> None:
    """One row more here, one less there: the sum is right."""
    first, second = events["ranks-fed"]["data"]["ranks"]
    first["num_rows"] += 1
    second["num_rows"] -= 1


def swapped_rows(events: dict[str, Any]) -> None:
    first, second = events["ranks-fed"]["data"]["ranks"]
    first["rows_sha256"], second["rows_sha256"] = second["rows_sha256"], first["rows_sha256"]


def other_weights(events: dict[str, Any]) -> None:
    events["ranks-fed"]["data"]["ranks"][1]["weights_sha256"] = "0" * 64


def three_processes(events: dict[str, Any]) -> None:
    events["execution"]["data"]["processes"] = 3


def same_number_twice(events: dict[str, Any]) -> None:
    events["ranks"]["data"]["ranks"][1]["rank"] = 0


def both(events: dict[str, Any], **facts: Any) -> None:
    for one in events["ranks"]["data"]["ranks"]:
        one.update(facts)


def on_a_card(events: dict[str, Any]) -> None:
    both(events, device="cuda:0", device_name="H100", gpu_uuid="GPU-1", driver_version="570")


def with_the_name_of_a_card(events: dict[str, Any]) -> None:
    both(events, device_name="H100")


def other_torch(events: dict[str, Any]) -> None:
    both(events, torch_version="9.9")


def other_python(events: dict[str, Any]) -> None:
    both(events, python_version="3.99.0")


def other_threads(events: dict[str, Any]) -> None:
    both(events, num_threads=64)


def memory_above_the_stage(events: dict[str, Any]) -> None:
    peak = events["stage-finished"]["data"]["peak_memory_bytes"]
    events["ranks-fed"]["data"]["ranks"][0]["peak_memory_bytes"] = peak + 1


def memory_above_the_machine(events: dict[str, Any]) -> None:
    events["ranks-fed"]["data"]["ranks"][1]["peak_memory_bytes"] = 10**15


def more_taught_than_read(events: dict[str, Any]) -> None:
    """Both sums stay."""
    first, second = events["ranks-fed"]["data"]["ranks"]
    moved = first["num_tokens"] + 1 - first["num_target_tokens"]
    first["num_target_tokens"] += moved
    second["num_target_tokens"] -= moved


def tokens_of_the_other(events: dict[str, Any]) -> None:
    """The rows stay, and so do all sums."""
    first, second = events["ranks-fed"]["data"]["ranks"]
    for key in ("num_tokens", "num_fed_tokens"):
        first[key], second[key] = first[key] + 1, second[key] - 1


def targets_of_the_other(events: dict[str, Any]) -> None:
    first, second = events["ranks-fed"]["data"]["ranks"]
    first["num_target_tokens"] += 1
    second["num_target_tokens"] -= 1


@pytest.mark.parametrize(
    "lie",
    [drop_rank, drop_what_it_was_fed, other_count, row_of_the_other, swapped_rows, other_weights,
     three_processes, same_number_twice, on_a_card, with_the_name_of_a_card, other_torch,
     other_python, other_threads, memory_above_the_stage, memory_above_the_machine,
     more_taught_than_read, tokens_of_the_other, targets_of_the_other],
)  # fmt: skip
def test_a_lie_about_a_process_is_found_however_it_is_sealed(
    lie: Callable[[dict[str, Any]], None], pack: Path
) -> None:
    events = journal(pack)
    lie({one["event"]: one for one in reversed(events)})
    rewrite(pack, events)
    assert evidence("verify", str(pack)).exit == 1


@pytest.mark.parametrize("name", ["ranks", "ranks-fed"])
def test_a_pack_that_says_nothing_of_its_processes_is_found(name: str, pack: Path) -> None:
    events = [one for one in journal(pack) if one["event"] != name]
    for number, one in enumerate(events):
        one["seq"] = number
    rewrite(pack, events)
    assert evidence("verify", str(pack)).exit == 1


def test_processes_under_other_conditions_are_warned_of(pack: Path) -> None:
    events = journal(pack)
    told = next(one for one in events if one["event"] == "ranks")
    told["data"]["ranks"][1]["torch_version"] = "0.1"
    rewrite(pack, events)
    ended = evidence("verify", str(pack))
    assert ended.exit == 0
    assert "process 1 has another PyTorch version than process 0" in ended.out


def test_what_another_machine_has_is_not_held_against_this_one(pack: Path) -> None:
    events = journal(pack)
    found = {one["event"]: one for one in reversed(events)}
    found["ranks"]["data"]["ranks"][1]["host"] = "another"
    memory_above_the_machine(found)
    rewrite(pack, events)
    ended = evidence("verify", str(pack))
    assert ended.exit == 0
    assert "process 1 has another machine than process 0" in ended.out


def rewrite(pack: Path, events: list[dict[str, Any]]) -> None:
    """Another journal, and all that follows from it."""
    path = pack / layout.JOURNAL
    path.write_text("".join(json.dumps(one) + "\n" for one in events))
    reseal(pack, [])


def killed(folder: Path) -> Path:
    """A project whose run lost its second process."""
    made = milestone.project(folder / "project")
    process = milestone.started(made, 3)
    os.kill(milestone.pid_of(1, process.pid), signal.SIGKILL)
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 4, out
    assert "rank 1 of 2: the worker was killed by SIGKILL" in out
    return made


@pytest.fixture
def lost(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "killed-process", killed)
    return Path(shutil.copytree(made, tmp_path / "project"))


def test_a_run_of_which_a_process_was_killed_goes_on_to_the_same_weights(
    lost: Path, pack: Path
) -> None:
    ended = milestone.run(lost, "--resume")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert weights(lost / "runs/L2") == weights(pack)
    fed = ("num_rows", "num_tokens", "num_target_tokens", "rows_sha256")
    resumed, whole = (event(one, "ranks-fed")["ranks"] for one in (lost / "runs/L2", pack))
    for key in fed:
        assert [one[key] for one in resumed] == [one[key] for one in whole]
    events = journal(lost / "runs/L2")
    first = next(one for one in events if one["event"] == "ranks")  # of the segment that was killed
    first["data"]["ranks"][1]["num_threads"] = 64
    rewrite(lost / "runs/L2", events)
    assert evidence("verify", str(lost / "runs/L2")).exit == 1


def test_a_run_of_which_a_process_was_killed_is_closed_with_its_log_and_the_blame(
    lost: Path,
) -> None:
    milestone.run(lost, "--close")
    closed = lost / "runs/L2"
    assert evidence("verify", str(closed)).exit == 4
    outcome = json.loads((closed / "attempts/01-tiny/outcome.json").read_bytes())
    assert "rank 1 of 2: the worker was killed by SIGKILL" in outcome["reason"]
    log = (closed / "attempts/01-tiny/training_log.txt").read_text()
    assert "[rank 1] ended by SIGKILL" in log
    assert [one["rank"] for one in event(closed, "ranks")["ranks"]] == [0, 1]


def test_a_training_that_is_interrupted_goes_on_to_the_same_weights(
    tmp_path: Path, pack: Path
) -> None:
    folder = milestone.project(tmp_path / "project")
    process = milestone.started(folder, 3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 130, out
    ended = milestone.run(folder, "--resume")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    resumed = folder / "runs/L2"
    assert max(one["segment"] for one in steps(resumed)) == 2
    assert weights(resumed) == weights(pack)
    assert [one["stream"] for one in steps(resumed)] == [one["stream"] for one in steps(pack)]


def diverged(folder: Path) -> Path:
    """A pack of a training whose numbers run away."""
    made = milestone.project(folder / "project")
    settings = ("optimizer=sgd", "learning_rate=10", "max_grad_norm=1000000", "epochs=20")
    words = [word for one in settings for word in ("--set", f"train.{one}")]
    ended = milestone.run(made, *words)
    assert ended.returncode == 4, ended.stdout + ended.stderr
    return made / "runs/L2"


@pytest.fixture
def failed(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "diverged-processes", diverged)
    return Path(shutil.copytree(made, tmp_path / "runs/L2"))


def test_a_training_that_diverges_ends_in_all_processes_and_is_told_as_one(failed: Path) -> None:
    assert evidence("verify", str(failed)).exit == 4
    outcome = json.loads((failed / OUTCOME).read_bytes())
    assert outcome["outcome"] == "diverged"
    assert outcome["reason"].startswith("the gradient norm of step ")


@pytest.mark.parametrize("blamed", ["rank 2 of 2", "rank 0 of 3"])
def test_a_process_that_is_blamed_is_one_of_those_there_were(failed: Path, blamed: str) -> None:
    outcome = json.loads((failed / OUTCOME).read_bytes())
    outcome["reason"] = f"{blamed}: {outcome['reason']}"
    (failed / OUTCOME).write_text(json.dumps(outcome))
    events = journal(failed)
    for one in events:
        if one["event"] == "attempt-finished":
            one["data"]["reason"] = outcome["reason"]
    rewrite(failed, events)
    ended = evidence("verify", str(failed))
    assert ended.exit == 1
    assert "blames a process that the milestone does not ask for" in ended.out
