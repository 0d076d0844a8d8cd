"""Laws of replaying the first steps: row by row, ended after the last one, and nothing is left."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from evidence import layout
from evidence.cli.reproduce import command
from evidence.cli.steps import steps_of, told
from evidence.compare.configuration import plan_of
from evidence.errors import ExitCode, StoppedError, UsageError
from evidence.progress import Silent
from evidence.records.run import JournalEvent
from evidence.reproduce import steps as use_case
from evidence.reproduce.steps import Replay, _weights, recorded_rows, replay
from evidence.running.signals import StopRequest
from evidence.self_test.bench import Bench
from evidence.self_test.edits import halved_losses
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import open_verified, verify_pack
from tests.project import Project
from tests.reproduce.rerun import state


def replayed(project: Project, last: int, pack: Path | None = None) -> Replay:
    with StopRequest() as stop:
        return replay(pack or project.pack, project.root.resolve(), (0, last), Silent(), stop)


def test_the_first_steps_come_out_the_same_and_nothing_is_left(
    ran: Project, temporary: Path
) -> None:
    before = state(ran, temporary)
    found = replayed(ran, 3)
    assert (found.closeness, found.num_steps, found.largest_difference) == ("same", 3, 0.0)
    assert found.total_steps > 3
    assert found.exit_code is ExitCode.DONE
    after = state(ran, temporary)
    assert {key for key in before if before[key] != after[key]} <= {"administration"}


def forged(project: Project, folder: Path, edit: Callable[[ForgedPack], object]) -> Path:
    """The pack with something else in it, sealed anew so that verify finds nothing."""
    bench = Bench(project.pack, folder / "forged")
    made = ForgedPack(bench)
    edit(made)
    bench.put(made.seal().all_bytes())
    assert verify_pack(bench.pack).exit == 0
    return bench.pack


def test_losses_that_no_run_had_are_found_where_verify_finds_nothing(
    ran: Project, tmp_path: Path
) -> None:
    found = replayed(ran, 2, forged(ran, tmp_path, halved_losses))
    assert (found.closeness, found.exit_code) == ("otherwise", ExitCode.FINDINGS)
    assert found.reason.startswith("the loss of step 1 is another: recorded ")


def test_one_loss_alone_within_the_steps_is_found_and_one_behind_them_is_not(
    ran: Project, tmp_path: Path
) -> None:
    def third(pack: ForgedPack) -> None:
        pack.rows(layout.METRICS)[2]["loss"] *= 1.01

    pack = forged(ran, tmp_path, third)
    assert "step 3" in replayed(ran, 3, pack).reason
    assert replayed(ran, 2, pack).closeness == "same"


def test_other_rounding_is_told_from_another_run(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"do": "shift", "by": 1e-7}))
    found = replayed(ran, 3)
    assert (found.closeness, found.exit_code) == ("rounding", ExitCode.DONE)
    assert 0 < found.largest_difference < 1e-6
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"do": "shift", "by": 1e-4}))
    assert replayed(ran, 3).closeness == "otherwise"


def test_a_replay_that_does_not_come_so_far_says_why(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"stage": "train", "at": 3, "do": "raise"}))
    found = replayed(ran, 4)
    assert found.exit_code is ExitCode.FINDINGS
    assert found.num_steps < 4
    assert f"ended before step {found.num_steps + 1}" in found.reason


def test_a_replay_that_comes_to_no_step_at_all_says_why(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"stage": "train", "at": 0, "do": "raise"}))
    found = replayed(ran, 2)
    assert (found.exit_code, found.num_steps) == (ExitCode.FINDINGS, 0)
    assert "ended before step 1: RuntimeError" in found.reason


def test_only_checkpoints_of_weights_after_one_and_the_same_step_are_compared() -> None:
    recorded = [checkpoint(2, "a"), checkpoint(4, "b"), checkpoint(6, "c")]
    assert _weights(recorded, recorded, 5, 9) == (4, True)
    assert _weights(recorded, [checkpoint(4, "other")], 5, 9) == (4, False)
    assert _weights(recorded, [checkpoint(3, "a")], 5, 9) == (None, False)
    assert _weights(recorded, recorded, 1, 9) == (None, False)
    assert _weights([checkpoint(2, "a", "trainer.bin")], [checkpoint(2, "a")], 2, 9) == (
        None,
        False,
    )


def checkpoint(step: int, digest: str, path: str = "model.safetensors") -> JournalEvent:
    files = [{"path": path, "size_bytes": 1, "sha256": digest * 64}]
    data = {"stage": "train", "segment": 1, "step": step, "stream": "0" * 64, "files": files}
    return JournalEvent(step, "2026-01-01T00:00:00.000000Z", 1.0, "checkpoint", "a", data, "0" * 64)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Replay("same", 3, 9, 0.0, "", 3, True), "to the same losses and the same weights"),
        (Replay("same", 3, 9, 0.0, "", 2, True), "to the same losses"),
        (Replay("same", 3, 9, 0.0, "", None, False), "to the same losses"),
        (Replay("rounding", 3, 9, 2e-7, "", 3, False), "within rounding, losses apart by 2.0e-07"),
        (Replay("otherwise", 3, 9, 1.0, "step 1 …", None, False), "NOT REPLAYED  3 of 9 steps"),
    ],
)
def test_the_verdict_claims_weights_only_where_they_were_compared(found: Replay, said: str) -> None:
    lines = [line for line, _ in told(found)]
    assert said in lines[0]
    assert ("weights" in lines[0]) == (found.weights_step == 3 and found.same_weights)
    assert "6 later steps" in lines[-1]


@pytest.mark.parametrize(
    "text", ["", "3", "0:2", "3:2", "3:3", "1:2:3", "a:b", "-1:3", "1:9999999999"]
)
def test_what_names_no_steps_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no steps"):
        steps_of(text)


def test_steps_begin_with_the_first_or_behind_a_checkpoint() -> None:
    assert steps_of("1:1") == (0, 1)
    assert steps_of("1:7") == (0, 7)
    assert steps_of("100:103") == (100, 103)


def test_what_cannot_be_replayed_is_refused_before_anything_is_started(
    ran: Project, temporary: Path
) -> None:
    before = state(ran, temporary)
    total = len((ran.pack / layout.METRICS).read_bytes().splitlines())
    with pytest.raises(UsageError, match=f"the training has {total} steps") as caught:
        replayed(ran, total)
    assert "Without --steps" in caught.value.hint
    assert state(ran, temporary) == before


def test_a_program_of_somebody_else_has_no_steps_to_replay(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = open_verified(ran.pack).documents
    plan = replace(plan_of(documents), given_train=None)
    monkeypatch.setattr(use_case, "plan_of", lambda _: plan)
    with pytest.raises(UsageError, match="one training of its own"):
        recorded_rows(documents, 0, 1)


def test_a_signal_of_the_user_ends_it_and_is_no_verdict(
    ran: Project, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any) -> None:
        raise StoppedError("stopped")

    before = state(ran, temporary)
    monkeypatch.setattr(use_case, "run_milestone", stopped)
    with pytest.raises(StoppedError, match="nothing is kept of the replay"):
        replayed(ran, 2)
    after = state(ran, temporary)
    assert {key for key in before if before[key] != after[key]} <= {"administration"}


def test_the_command_says_it_in_three_lines(ran: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ran.root)
    done = CliRunner().invoke(command, ["runs/T1", "--steps", "1:3"])
    assert done.exit_code == 0, done.output
    assert "REPLAYED  3 of " in done.output
    assert "steps to the same losses\n" in done.output
    assert "weights      not compared" in done.output
    refused = CliRunner().invoke(command, ["runs/T1", "--steps", "1:3", "--seeds", "3"])
    assert refused.exit_code == 2
    assert "--steps goes with --repo alone" in refused.output
