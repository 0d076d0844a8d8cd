"""What several processes left of an attempt that did not complete is held as all else and shown."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from evidence import layout
from tests.command import evidence
from tests.launch import milestone
from tests.launch.milestone import journal
from tests.packs.sealing import reseal
from tests.shared import made_once

pytestmark = pytest.mark.torch
ATTEMPT = "attempts/01-tiny"


def trained_only(folder: Path) -> Path:
    """A pack of an attempt that lost its process once the training had ended."""
    text = milestone.MILESTONE.replace("max_new_tokens = 4", "max_new_tokens = 60")
    made = milestone.project(folder / "project", text)
    rows = [{"id": f"q{n}", "prompt": f"What is {n} + 5?", "expected_answer": str(n)}
            for n in range(2_000)]  # fmt: skip
    (made / "checks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    process = milestone.started(made, milestone.NUM_STEPS)
    told = made / "runs/.work/L2/pack" / layout.JOURNAL
    until_s = time.monotonic() + 100
    while b'"generation"' not in told.read_bytes():
        assert time.monotonic() < until_s
        assert process.poll() is None
        time.sleep(0.01)
    for one in psutil.Process(process.pid).children():
        one.kill()
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 4, out
    milestone.run(made, "--close")
    return made / "runs/L2"


@pytest.fixture
def failed(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "trained-only", trained_only)
    return Path(shutil.copytree(made, tmp_path / "runs/L2"))


def rewrite(pack: Path, events: list[dict[str, Any]]) -> None:
    (pack / layout.JOURNAL).write_text("".join(json.dumps(one) + "\n" for one in events))
    reseal(pack, [])


def test_what_each_process_was_fed_is_shown_of_a_failed_attempt(failed: Path) -> None:
    found = evidence("verify", str(failed))
    assert found.exit == 4, found.out
    fed = milestone.event(failed, "ranks-fed")["ranks"]
    text = (failed / "l2_summary.md").read_text()
    assert "The training was divided among 2 processes." in text
    for one in fed:
        assert f"| {one['num_rows']} | {one['num_target_tokens']} |" in text


def more_rows(one: dict[str, Any], other: dict[str, Any]) -> None:
    one["num_rows"], other["num_rows"] = one["num_rows"] + 1, other["num_rows"] - 1


def other_rows(one: dict[str, Any], other: dict[str, Any]) -> None:
    one["rows_sha256"] = "0" * 64


def more_tokens(one: dict[str, Any], other: dict[str, Any]) -> None:
    one["num_fed_tokens"] += 1


def all_tokens(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The sums stay."""
    for key in ("num_tokens", "num_fed_tokens"):
        moved = other[key] // 2
        one[key], other[key] = one[key] + moved, other[key] - moved


def other_weights(one: dict[str, Any], other: dict[str, Any]) -> None:
    other["weights_sha256"] = "0" * 64


@pytest.mark.parametrize("lie", [more_rows, other_rows, more_tokens, all_tokens, other_weights])
def test_a_lie_about_a_process_of_a_failed_attempt_is_found(
    lie: Callable[[dict[str, Any], dict[str, Any]], None], failed: Path
) -> None:
    events = journal(failed)
    told = next(one for one in events if one["event"] == "ranks-fed")
    lie(*told["data"]["ranks"])
    rewrite(failed, events)
    found = evidence("verify", str(failed))
    assert found.exit == 1
    assert "attempt-evidence" in found.out


def on_a_card(ranks: list[dict[str, Any]]) -> None:
    for one in ranks:
        one.update(device="cuda:0", device_name="H100", gpu_uuid="GPU-1", driver_version="570")


def one_number_twice(ranks: list[dict[str, Any]]) -> None:
    ranks[1]["rank"] = 0


@pytest.mark.parametrize("lie", [on_a_card, one_number_twice, list.pop])
def test_a_lie_about_its_machine_is_found(
    lie: Callable[[list[dict[str, Any]]], object], failed: Path
) -> None:
    events = journal(failed)
    lie(next(one for one in events if one["event"] == "ranks")["data"]["ranks"])
    rewrite(failed, events)
    assert evidence("verify", str(failed)).exit == 1


def test_processes_that_are_left_out_of_a_failed_attempt_are_missed(failed: Path) -> None:
    events = [one for one in journal(failed) if one["event"] != "ranks"]
    for number, one in enumerate(events):
        one["seq"] = number
    rewrite(failed, events)
    assert evidence("verify", str(failed)).exit == 1
